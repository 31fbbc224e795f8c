/* SPDX-License-Identifier: Apache-2.0
 * Archives and compressed files through libarchive: listing, and reading by place. */
#ifndef CORE_DATA_ARCHIVES_H
#define CORE_DATA_ARCHIVES_H

#include "base/arena.h"

#include <kindred/error.h>

typedef struct file_entry {
    const char *path;
    int64_t bytes; /* -1: unknown */
    int64_t place; /* in the archive, counted over all its headers */
    int64_t at;    /* where its bytes begin in a file or an uncompressed tar; -1: compressed */
} file_entry;

/* Growing; the array is malloc's, the paths an arena's. */
typedef struct file_list {
    file_entry *entry;
    int64_t count, room;
} file_list;

void file_list_add(file_list *list, file_entry entry);

/* Hidden files, "._name" of macOS and its "__MACOSX" folder: nothing that anyone brings on purpose.
 * Asks for every part of the path. */
bool path_is_hidden(const char *path);

typedef enum file_kind {
    FILE_PLAIN,
    FILE_COMPRESSED, /* one file in .gz, .bz2, .xz, .lzma or .zst */
    FILE_ARCHIVE     /* tar, compressed or not, or zip */
} file_kind;

/* By content. fails when it cannot be read, or has an archive's name but is none. */
bool archive_sniff(const char *path, file_kind *ret, kd_error *err);

/* Entries sorted by path; the last of equal paths counts, as when unpacking. fails when the archive
 * is damaged or a path leads out of it. */
bool archive_list(const char *path, arena *memory, file_list *ret, kd_error *err);

/* Reads entries by place: one pass over the archive while places ascend, starting over otherwise.
 * Small entries just passed by are kept for a while, since threads ask slightly out of order. */
typedef struct cursor cursor;
cursor *cursor_create(const char *path, bool compressed_file);
void cursor_destroy(cursor *c);
/* [any thread] *ret_data is the caller's to free(). */
bool cursor_read(cursor *c, const file_entry *entry, void **ret_data, size_t *ret_bytes,
                 kd_error *err);

/* [any thread] As kd_files_api.read_part. */
bool cursor_read_part(cursor *c, const file_entry *entry, int64_t offset, void *to, size_t bytes,
                      kd_error *err);

/* More than any image or label file: what a hostile archive may make us hold. */
#define FILE_MAX_BYTES ((int64_t)4 << 30)

#endif
