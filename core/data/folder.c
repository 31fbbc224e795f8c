/* SPDX-License-Identifier: Apache-2.0
 * Listing folders, and what fingerprints are taken of. */
#include "data/folder.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* A folder on its way into a list. */
typedef struct listed {
    const char *path;
    arena *memory;
    file_list *list;
    text seen;
} listed;

static bool walk_entry(listed *f, FTS *walk, FTSENT *e, kd_error *err) {
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
        file_list_add(f->list, (file_entry){arena_text(f->memory, name),
                                            dangling ? -1 : e->fts_statp->st_size, 0, 0});
        text_add(&f->seen, name, e->fts_statp);
        return true;
    }
    default: /* folders on the way in and out, sockets and devices */
        return true;
    }
}

static int by_path(const void *left, const void *right) {
    return strcmp(((const file_entry *)left)->path, ((const file_entry *)right)->path);
}

bool folder_list(const char *path, arena *memory, file_list *ret, char fingerprint[SHA256_HEX],
                 kd_error *err) {
    char *root = arena_text(memory, path);
    FTS *walk = fts_open((char *[]){root, NULL}, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    listed f = {.path = path, .memory = memory, .list = ret};
    bool good = true;
    FTSENT *e;
    while (good && (e = fts_read(walk))) {
        good = walk_entry(&f, walk, e, err);
    }
    fts_close(walk);
    sha256_bytes(f.seen.data ? f.seen.data : "", f.seen.used, fingerprint);
    free(f.seen.data);
    /* the walk sorts name by name, which puts "a/b" before "a-b" */
    if (ret->count) {
        qsort(ret->entry, (size_t)ret->count, sizeof *ret->entry, by_path);
    }
    for (int64_t i = 0; i < ret->count; i++) {
        ret->entry[i].place = i;
    }
    return good;
}

void file_fingerprint(const char *name, const struct stat *info, char fingerprint[SHA256_HEX]) {
    text seen = {0};
    text_add(&seen, name, info);
    sha256_bytes(seen.data, seen.used, fingerprint);
    free(seen.data);
}
