/* SPDX-License-Identifier: Apache-2.0
 * Memory of a device between two guards, which show whether a kernel wrote next to it. */
#ifndef CORE_CHECK_GUARDED_H
#define CORE_CHECK_GUARDED_H

#include "check/device.h"

typedef struct block {
    void *memory; /* where the guard in front begins */
    void *data;   /* between the guards */
    size_t bytes;
} block;

/* A block whose memory could not be had holds nothing, and can be passed to all of these. */
bool block_create(const check_device *d, size_t bytes, block *ret, kd_error *err);
void block_destroy(const check_device *d, block *b);

void block_write(const check_device *d, const block *b, const void *data);
void block_fill(const check_device *d, const block *b, int byte);

/* Reads the data; false when a guard was written. */
bool block_read(const check_device *d, const block *b, void *data);

#endif
