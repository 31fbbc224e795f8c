/* SPDX-License-Identifier: Apache-2.0
 * The files of a folder and below it. */
#ifndef CORE_DATA_FOLDER_H
#define CORE_DATA_FOLDER_H

#include "base/sha256.h"
#include "data/archives.h"

#include <sys/stat.h>

/* As kd_files_api has them, sorted by path. fingerprint: of all names, sizes and times.
 *
 * fails  when a folder cannot be read, or a link leads back to one above it */
bool folder_list(const char *path, arena *memory, file_list *ret, char fingerprint[SHA256_HEX],
                 kd_error *err);

/* The same of one file. */
void file_fingerprint(const char *name, const struct stat *info, char fingerprint[SHA256_HEX]);

#endif
