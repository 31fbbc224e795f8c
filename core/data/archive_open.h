/* SPDX-License-Identifier: Apache-2.0
 * What archive.c and cursor.c share of libarchive. */
#ifndef CORE_DATA_ARCHIVE_OPEN_H
#define CORE_DATA_ARCHIVE_OPEN_H

#include <archive.h>
#include <kindred/error.h>

/* raw: one compressed file instead of an archive. fails with KD_E_UNSUPPORTED when the file is in
 * none of the formats. */
struct archive *archive_open_path(const char *path, bool raw, kd_error *err);

/* The path of a header without a leading "./", or NULL. */
const char *archive_path_of(struct archive_entry *header);

/* Fails with libarchive's own message. entry may be NULL. */
bool archive_fail(struct archive *a, const char *path, const char *entry, kd_error *err);

#endif
