/* SPDX-License-Identifier: Apache-2.0
 * Tars that are entries of an archive or files of a folder: listed and read in place, through the
 * host's read_part, with nothing unpacked. */
#ifndef PLUGINS_DATASETS_NESTED_TAR_H
#define PLUGINS_DATASETS_NESTED_TAR_H

#include <kindred/dataset.h>

/* Told of each regular file: its name and where its header begins. false stops (err is set). */
typedef bool (*nested_entry)(void *context, const char *name, int64_t at, kd_error *err);

/* Passes over the files' bytes where the host can, so only headers are read. fails when it is no
 * tar or is cut short. [any thread] */
bool nested_list(const kd_files_api *files, kd_files *in, int64_t tar, nested_entry entry,
                 void *context, kd_error *err);

/* The file whose header begins at `at`. The caller frees *ret_data. [any thread] */
bool nested_read(const kd_files_api *files, kd_files *in, int64_t tar, int64_t at, void **ret_data,
                 size_t *ret_bytes, kd_error *err);

#endif
