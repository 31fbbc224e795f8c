/* SPDX-License-Identifier: Apache-2.0
 * Memory of a device between two guards, which show whether a kernel wrote next to it. */
#ifndef TESTS_GUARDED_H
#define TESTS_GUARDED_H

#include "harness.h"

typedef struct block {
    void *memory; /* where the guard in front begins */
    void *data;   /* between the guards */
    size_t bytes;
} block;

/* Ends the process when the device has no memory left. */
block block_create(const test_device *d, size_t bytes);
void block_destroy(const test_device *d, block *b);

void block_write(const test_device *d, const block *b, const void *data);
void block_fill(const test_device *d, const block *b, int byte);

/* Reads the data; false when a guard was written. */
bool block_read(const test_device *d, const block *b, void *data);

#endif
