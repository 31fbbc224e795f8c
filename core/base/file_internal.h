/* SPDX-License-Identifier: Apache-2.0
 * What file.c and directory.c share: errors that name the path, names beside a destination. */
#ifndef CORE_BASE_FILE_INTERNAL_H
#define CORE_BASE_FILE_INTERNAL_H

#include <kindred/error.h>

/* "PATH: cannot WHAT: strerror", with a hint where one is known. Reads errno. Returns false. */
bool file_fail(kd_error *err, const char *what, const char *path);

/* "PATH.tmp-PID" without a slash at PATH's end. The caller frees. */
char *file_beside(const char *path);

/* The directory that holds the path. The caller frees. */
char *file_parent(const char *path);

#endif
