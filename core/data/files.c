/* SPDX-License-Identifier: Apache-2.0
 * One face for folders, archives and single files: what they hold, sorted by path. */
#include "data/files.h"

#include "data/folder.h"
#include "data/plain_file.h"

#include <errno.h>
#include <stdlib.h>

struct kd_files {
    char *path;
    file_list list;
    arena memory;
    cursor *cursor; /* of an archive or a compressed file; NULL: the file system */
    bool folder;
    char fingerprint[SHA256_HEX];
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* One entry, named as the file without the compressor's suffix. */
static void list_single(kd_files *f, bool compressed, int64_t bytes) {
    char *name = arena_text(&f->memory, base_name(f->path));
    char *dot = strrchr(name, '.');
    if (compressed && dot && dot != name) {
        *dot = 0;
    }
    file_list_add(&f->list, (file_entry){name, compressed ? -1 : bytes, 0, compressed ? -1 : 0});
}

static bool open_file(kd_files *f, const struct stat *info, kd_error *err) {
    file_fingerprint(base_name(f->path), info, f->fingerprint);
    file_kind kind = FILE_PLAIN;
    if (!archive_sniff(f->path, &kind, err)) {
        return false;
    }
    if (kind == FILE_ARCHIVE) {
        if (!archive_list(f->path, &f->memory, &f->list, err)) {
            return false;
        }
    } else {
        list_single(f, kind == FILE_COMPRESSED, info->st_size);
    }
    f->cursor = kind == FILE_PLAIN ? NULL : cursor_create(f->path, kind == FILE_COMPRESSED);
    return true;
}

static void close_files(kd_files *f) {
    if (f) {
        cursor_destroy(f->cursor);
        free(f->list.entry);
        arena_free(&f->memory);
        free(f->path);
        free(f);
    }
}

static bool open_path(const char *path, kd_files **ret, kd_error *err) {
    struct stat info;
    if (!path || !*path) {
        return kd_fail(err, KD_E_INVALID, "no path is given");
    }
    if (stat(path, &info) != 0) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        return kd_hint(err, "give a folder, an archive (tar, tar.gz, tar.bz2, tar.xz, tar.zst, "
                            "zip) or a file");
    }
    kd_files *f = kd_alloc(sizeof *f);
    f->path = strdup(path);
    for (size_t n = strlen(f->path); n > 1 && f->path[n - 1] == '/'; n--) {
        f->path[n - 1] = 0;
    }
    f->folder = S_ISDIR(info.st_mode);
    const bool good = f->folder ? folder_list(f->path, &f->memory, &f->list, f->fingerprint, err)
                                : open_file(f, &info, err);
    if (!good) {
        close_files(f);
        return false;
    }
    *ret = f;
    return true;
}

static int64_t count_files(const kd_files *f) {
    return f->list.count;
}
static const char *path_of(const kd_files *f, int64_t entry) {
    return f->list.entry[entry].path;
}
static int64_t bytes_of(const kd_files *f, int64_t entry) {
    return f->list.entry[entry].bytes;
}
static int64_t order_of(const kd_files *f, int64_t entry) {
    return f->list.entry[entry].place;
}
static const char *fingerprint_of(const kd_files *f) {
    return f->fingerprint;
}

/* The file that holds the entry's bytes; the caller frees it. */
static char *path_to(const kd_files *f, const file_entry *e) {
    if (!f->folder) {
        return strdup(f->path);
    }
    const size_t room = strlen(f->path) + strlen(e->path) + 2;
    char *path = kd_alloc(room);
    snprintf(path, room, "%s/%s", f->path, e->path);
    return path;
}

static bool read_entry(kd_files *f, int64_t entry, void **ret_data, size_t *ret_bytes,
                       kd_error *err) {
    const file_entry *e = &f->list.entry[entry];
    if (f->cursor) {
        return cursor_read(f->cursor, e, ret_data, ret_bytes, err);
    }
    char *path = path_to(f, e);
    const bool good = plain_file_read(path, ret_data, ret_bytes, err);
    free(path);
    return good;
}

static bool read_part(kd_files *f, int64_t entry, int64_t offset, void *to, size_t bytes,
                      kd_error *err) {
    const file_entry *e = &f->list.entry[entry];
    if (offset < 0 || (e->bytes >= 0 && (int64_t)bytes > e->bytes - offset)) {
        return kd_fail(err, KD_E_DATA, "%s: %s: has %lld bytes; %zu from %lld on are wanted",
                       f->path, e->path, (long long)e->bytes, bytes, (long long)offset);
    }
    if (f->cursor && e->at < 0) {
        return cursor_read_part(f->cursor, e, offset, to, bytes, err);
    }
    char *path = path_to(f, e);
    const bool good = plain_file_read_part(path, e->at + offset, to, bytes, err);
    free(path);
    return good;
}

const kd_files_api *files_api(void) {
    static const kd_files_api api = {.size = sizeof api,
                                     .open = open_path,
                                     .close = close_files,
                                     .count = count_files,
                                     .path = path_of,
                                     .bytes = bytes_of,
                                     .read = read_entry,
                                     .release = free,
                                     .order = order_of,
                                     .fingerprint = fingerprint_of,
                                     .read_part = read_part};
    return &api;
}
