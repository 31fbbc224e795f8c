/* SPDX-License-Identifier: Apache-2.0
 * One face for folders, archives and single files: what they hold, sorted by path. */
#include "data/files.h"

#include "base/sha256.h"
#include "data/archives.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kd_files {
    char *path;
    file_list list;
    arena memory;
    cursor *cursor; /* of an archive or a compressed file; NULL: the file system */
    bool folder;
    char fingerprint[SHA256_HEX];
};

/* Text that grows; what fingerprints are taken of. */
typedef struct text {
    char *data;
    size_t used, room;
} text;

static void text_add(text *t, const char *name, const struct stat *info) {
    const size_t need = strlen(name) + 80;
    if (t->used + need > t->room) {
        t->room = 2 * (t->used + need);
        t->data = kd_grow(t->data, t->room);
    }
    t->used += (size_t)snprintf(t->data + t->used, need, "%s\t%lld\t%lld.%09ld\n", name,
                                (long long)info->st_size, (long long)info->st_mtim.tv_sec,
                                info->st_mtim.tv_nsec);
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool walk_entry(kd_files *f, FTS *walk, FTSENT *e, text *seen, kd_error *err) {
    if (e->fts_level > 0 && (path_is_hidden(e->fts_name) || strcmp(e->fts_name, "__MACOSX") == 0)) {
        fts_set(walk, e, FTS_SKIP);
        return true;
    }
    switch (e->fts_info) {
    case FTS_DC:
        kd_fail(err, KD_E_INVALID, "%s: a link that leads back to a folder above it", e->fts_path);
        return kd_hint(err, "remove the link");
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return kd_fail(err, KD_E_IO, "%s: %s", e->fts_path, strerror(e->fts_errno));
    case FTS_SLNONE: /* listed, so that reading it is an error with its name */
    case FTS_F: {
        const char *name = e->fts_path + strlen(f->path);
        name += *name == '/';
        const bool dangling = e->fts_info == FTS_SLNONE;
        file_list_add(&f->list, (file_entry){arena_text(&f->memory, name),
                                             dangling ? -1 : e->fts_statp->st_size, 0, 0});
        text_add(seen, name, e->fts_statp);
        return true;
    }
    default: /* folders on the way in and out, sockets and devices */
        return true;
    }
}

static int by_path(const void *left, const void *right) {
    return strcmp(((const file_entry *)left)->path, ((const file_entry *)right)->path);
}

static bool open_folder(kd_files *f, kd_error *err) {
    FTS *walk = fts_open((char *[]){f->path, NULL}, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk) {
        return kd_fail(err, KD_E_IO, "%s: %s", f->path, strerror(errno));
    }
    text seen = {0};
    bool good = true;
    FTSENT *e;
    while (good && (e = fts_read(walk))) {
        good = walk_entry(f, walk, e, &seen, err);
    }
    fts_close(walk);
    sha256_bytes(seen.data ? seen.data : "", seen.used, f->fingerprint);
    free(seen.data);
    /* the walk sorts name by name, which puts "a/b" before "a-b" */
    if (f->list.count) {
        qsort(f->list.entry, (size_t)f->list.count, sizeof *f->list.entry, by_path);
    }
    for (int64_t i = 0; i < f->list.count; i++) {
        f->list.entry[i].place = i;
    }
    f->folder = true;
    return good;
}

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
    text seen = {0};
    text_add(&seen, base_name(f->path), info);
    sha256_bytes(seen.data, seen.used, f->fingerprint);
    free(seen.data);
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

static bool read_plain(const char *path, void **ret_data, size_t *ret_bytes, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (info.st_size > FILE_MAX_BYTES) {
        close(fd);
        return kd_fail(err, KD_E_DATA, "%s: larger than 4 GiB", path);
    }
    const size_t bytes = (size_t)info.st_size;
    char *data = kd_grow(NULL, bytes);
    size_t used = 0;
    ssize_t got = 1;
    while (used < bytes && got > 0) {
        got = read(fd, data + used, bytes - used);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    const int problem = got < 0 ? errno : 0;
    close(fd);
    if (used < bytes) {
        free(data);
        return kd_fail(err, KD_E_IO, "%s: %s", path,
                       problem ? strerror(problem) : "became shorter while it was read");
    }
    *ret_data = data;
    *ret_bytes = bytes;
    return true;
}

static bool read_plain_part(const char *path, int64_t at, void *to, size_t bytes, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    size_t used = 0;
    ssize_t got = 1;
    while (used < bytes && got > 0) {
        got = pread(fd, (char *)to + used, bytes - used, (off_t)(at + (int64_t)used));
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    const int problem = got < 0 ? errno : 0;
    close(fd);
    if (used < bytes) {
        return kd_fail(err, KD_E_IO, "%s: %s", path,
                       problem ? strerror(problem) : "ends before what is read of it");
    }
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
    const bool good = S_ISDIR(info.st_mode) ? open_folder(f, err) : open_file(f, &info, err);
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
    const bool good = read_plain(path, ret_data, ret_bytes, err);
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
    const bool good = read_plain_part(path, e->at + offset, to, bytes, err);
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
