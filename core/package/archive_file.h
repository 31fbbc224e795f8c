/* SPDX-License-Identifier: Apache-2.0
 * The archive that a package is: a tar of regular files below one folder, compressed by zstd.
 *
 * The same files make the same bytes: entries are sorted by path, times, owners and modes are
 * fixed, nothing else is recorded. What is read may come from anyone, so it is bounded in every way
 * and nothing is written outside of the folder that is being filled. */
#ifndef CORE_PACKAGE_ARCHIVE_FILE_H
#define CORE_PACKAGE_ARCHIVE_FILE_H

#include "base/arena.h"
#include "base/sha256.h"

#include <kindred/error.h>

#define PACKAGE_MAX_FILES 256
#define PACKAGE_MAX_BYTES ((int64_t)2 << 30) /* unpacked */
#define PACKAGE_MAX_RATIO 200                /* of unpacked to packed bytes, beyond the first MiB */

/* A file to be packed. */
typedef struct archive_source {
    const char *path; /* inside of the package's folder: "lib/x86_64-linux-gnu/simclr.so" */
    const void *data;
    size_t bytes;
} archive_source;

/* A file that was unpacked. */
typedef struct archive_item {
    const char *path; /* as above */
    int64_t bytes;
    char sha256[SHA256_HEX];
} archive_item;

typedef struct archive_contents {
    const char *folder; /* the one that holds everything: "org.example.simclr-1.2.0" */
    int n_items;
    archive_item *items;
} archive_contents;

/* Makes or replaces the file `to`, in one step. Sorts `sources`. */
bool archive_file_write(const char *to, const char *folder, archive_source *sources, int n,
                        kd_error *err);

/* Unpacks into the folder `into`, which is there and empty; texts live in `a`. Begins messages with
 * `path`. fails on anything but regular files with plain relative paths, and beyond the limits;
 * what was unpacked until then is left to the caller. */
bool archive_file_unpack(const char *path, const char *into, arena *a, archive_contents *ret,
                         kd_error *err);

/* Whether a path inside of a package is one: letters, digits and "._+@-" between slashes, no part
 * that begins with a dot, at most 4 parts and 240 bytes. */
bool archive_path_is_plain(const char *path);

#endif
