/* SPDX-License-Identifier: Apache-2.0
 * Files of the file system, as entries are read (kd_files_api). */
#ifndef CORE_DATA_PLAIN_FILE_H
#define CORE_DATA_PLAIN_FILE_H

#include <kindred/error.h>

/* [any thread] All of it; *ret_data is the caller's to free(). fails when it is larger than
 * FILE_MAX_BYTES, or becomes shorter meanwhile */
bool plain_file_read(const char *path, void **ret_data, size_t *ret_bytes, kd_error *err);

/* [any thread] bytes of it, from byte `at` on. fails when it ends before */
bool plain_file_read_part(const char *path, int64_t at, void *to, size_t bytes, kd_error *err);

#endif
