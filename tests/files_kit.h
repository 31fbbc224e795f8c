/* SPDX-License-Identifier: Apache-2.0
 * Files opened as plugins open them. Mistakes end the test. */
#ifndef TESTS_FILES_KIT_H
#define TESTS_FILES_KIT_H

#include "data/files.h"

#include "data_kit.h"

/* Closed by files_api()->close. */
kd_files *files_kit_open(const char *path);

/* Opening it fails with a message that has its path and that part. */
void files_kit_refused(const char *path, const char *part);

/* The i-th entry has these bytes. */
void files_kit_entry(kd_files *f, int64_t i, const void *want, size_t bytes);

#endif
