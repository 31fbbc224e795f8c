/* SPDX-License-Identifier: Apache-2.0
 * Files and directories that are either whole or not there, and errors that name the path.
 *
 * Everything new is made beside its destination, as `NAME.tmp-PID`, made durable (fsync), renamed
 * into place, and the renaming made durable (fsync of the parent). So a process that is killed at
 * any instant leaves the old state or the new one, and perhaps a `.tmp-PID` that file_sweep
 * removes. One process writes one destination from one thread at a time; several processes may
 * race. */
#ifndef CORE_BASE_FILE_H
#define CORE_BASE_FILE_H

#include <kindred/error.h>

/* Reads all of it, plus an ending 0 that does not count. The caller frees *ret_data.
 * fails also when the file is longer than `limit` bytes (0: no limit) or is a directory. */
bool file_read(const char *path, size_t limit, char **ret_data, size_t *ret_bytes, kd_error *err);

/* Replaces or makes a file in one step. */
bool file_write(const char *path, const void *data, size_t bytes, kd_error *err);

bool file_exists(const char *path); /* of any kind */

/* mkdir -p. fails when a part of the path is there and is no directory. */
bool file_make_directories(const char *path, kd_error *err);

/* rm -r; links are removed, not followed. It is no error when there is nothing. */
bool file_remove_tree(const char *path, kd_error *err);

/* Removes what killed processes left in a directory: every NAME.tmp-PID whose process is gone or is
 * this one, so call it before starting to write there. It is no error when there is no directory.
 */
bool file_sweep(const char *directory, kd_error *err);

/* The same of one destination alone, PATH.tmp-PID, in a directory where others may have other
 * rights. path has no slash at its end. */
bool file_sweep_beside(const char *path, kd_error *err);

/* Whether a name is of the form NAME.tmp-PID, so that it would be swept one day. */
bool file_is_beside(const char *name);

/* A file that grows beside its destination. */
typedef struct file_writer {
    int fd;
    char *path, *beside;
} file_writer;

/* Exactly one of commit and abandon ends it; a failed commit has abandoned it. */
bool file_writer_open(file_writer *w, const char *path, kd_error *err);
bool file_writer_append(file_writer *w, const void *data, size_t bytes, kd_error *err);
bool file_writer_put(file_writer *w, int64_t offset, const void *data, size_t bytes, kd_error *err);
bool file_writer_commit(file_writer *w, kd_error *err);
void file_writer_abandon(file_writer *w); /* removes what was written; leaves the destination */

/* A directory that is filled beside its destination: begin makes it (empty) and gives its path,
 * which the caller frees; the caller writes its files through the functions above; commit renames
 * it. When the destination is there already the two are exchanged in one step and the old one is
 * removed afterwards. On failure of commit, what was written is still at `beside`. */
bool directory_begin(const char *path, char **ret_beside, kd_error *err);
bool directory_commit(const char *beside, const char *path, kd_error *err);

/* Removes a directory that means something only as a whole: nobody finds half of it at its path. It
 * is no error when there is nothing. */
bool directory_remove(const char *path, kd_error *err);

/* Makes a renaming or removal inside the directory durable. */
bool directory_sync(const char *path, kd_error *err);

#endif
