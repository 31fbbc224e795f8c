/* SPDX-License-Identifier: Apache-2.0
 * Reads entries of an archive in one pass, as long as they are asked for in its order. */
#include "data/archive_open.h"
#include "data/archives.h"

#include <archive_entry.h>
#include <pthread.h>
#include <stdlib.h>

#define KEPT_ENTRIES 64
#define KEPT_ENTRY_BYTES ((int64_t)1 << 20)

typedef struct kept {
    int64_t place; /* -1: free */
    void *data;
    size_t bytes;
} kept;

struct cursor {
    pthread_mutex_t mutex; /* guards all below */
    char *path;
    bool raw;
    struct archive *archive;
    int64_t next; /* place of the header that is read next */
    int64_t at;   /* bytes taken of the entry before it; -1: of no use to go on from */
    kept kept[KEPT_ENTRIES];
    int oldest;
};

cursor *cursor_create(const char *path, bool compressed_file) {
    cursor *c = kd_alloc(sizeof *c);
    pthread_mutex_init(&c->mutex, NULL);
    c->path = strdup(path);
    c->raw = compressed_file;
    c->at = -1;
    for (int i = 0; i < KEPT_ENTRIES; i++) {
        c->kept[i].place = -1;
    }
    return c;
}

void cursor_destroy(cursor *c) {
    if (!c) {
        return;
    }
    for (int i = 0; i < KEPT_ENTRIES; i++) {
        free(c->kept[i].data);
    }
    archive_read_free(c->archive);
    pthread_mutex_destroy(&c->mutex);
    free(c->path);
    free(c);
}

static void rewind_cursor(cursor *c) {
    archive_read_free(c->archive);
    c->archive = NULL;
    c->next = 0;
    c->at = -1;
}

/* The data of the header just read. */
static bool read_data(cursor *c, const char *name, int64_t expected, void **ret_data,
                      size_t *ret_bytes, kd_error *err) {
    /* a header may lie about its size, so it only says where to begin */
    size_t room = expected > 0 && expected <= (64 << 20) ? (size_t)expected + 1 : 1 << 16;
    size_t used = 0;
    char *data = kd_grow(NULL, room);
    for (;;) {
        const la_ssize_t got = archive_read_data(c->archive, data + used, room - used);
        if (got < 0) {
            free(data);
            return archive_fail(c->archive, c->path, name, err);
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
        if ((int64_t)used > FILE_MAX_BYTES) {
            free(data);
            return kd_fail(err, KD_E_DATA, "%s: %s: larger than 4 GiB", c->path, name);
        }
        if (used == room) {
            room += room / 2;
            data = kd_grow(data, room);
        }
    }
    *ret_data = data;
    *ret_bytes = used;
    return true;
}

static void keep(cursor *c, struct archive_entry *header) {
    const int64_t bytes = archive_entry_size_is_set(header) ? archive_entry_size(header) : -1;
    if (archive_entry_filetype(header) != AE_IFREG || bytes <= 0 || bytes > KEPT_ENTRY_BYTES) {
        return;
    }
    kept *slot = &c->kept[c->oldest];
    kept fresh = {.place = c->next - 1};
    if (read_data(c, "", bytes, &fresh.data, &fresh.bytes, NULL)) {
        free(slot->data);
        *slot = fresh;
        c->oldest = (c->oldest + 1) % KEPT_ENTRIES;
    }
}

static bool take_kept(cursor *c, int64_t place, void **ret_data, size_t *ret_bytes) {
    for (int i = 0; i < KEPT_ENTRIES; i++) {
        if (c->kept[i].place == place) {
            *ret_data = c->kept[i].data;
            *ret_bytes = c->kept[i].bytes;
            c->kept[i] = (kept){.place = -1};
            return true;
        }
    }
    return false;
}

/* Moves to the entry's header, keeping the last few entries that are passed. */
static bool seek(cursor *c, const file_entry *entry, kd_error *err) {
    if (c->archive && entry->place < c->next) {
        rewind_cursor(c);
    }
    c->at = -1;
    if (!c->archive && !(c->archive = archive_open_path(c->path, c->raw, err))) {
        return false;
    }
    while (c->next <= entry->place) {
        struct archive_entry *header;
        const int status = archive_read_next_header(c->archive, &header);
        if (status == ARCHIVE_EOF) {
            return kd_fail(err, KD_E_DATA, "%s: %s: the archive has become shorter", c->path,
                           entry->path);
        }
        if (status < ARCHIVE_WARN) {
            return archive_fail(c->archive, c->path, entry->path, err);
        }
        c->next++;
        if (c->next <= entry->place && entry->place - c->next < KEPT_ENTRIES / 2) {
            keep(c, header);
        }
    }
    return true;
}

bool cursor_read(cursor *c, const file_entry *entry, void **ret_data, size_t *ret_bytes,
                 kd_error *err) {
    pthread_mutex_lock(&c->mutex);
    bool good = take_kept(c, entry->place, ret_data, ret_bytes);
    if (!good) {
        good = seek(c, entry, err) &&
               read_data(c, entry->path, entry->bytes, ret_data, ret_bytes, err);
        if (!good) {
            rewind_cursor(c);
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return good;
}

/* Takes the next bytes of the entry that stands open; to NULL: passes over them. */
static bool take(cursor *c, const char *name, char *to, int64_t bytes, kd_error *err) {
    char passed[1 << 14];
    for (int64_t done = 0; done < bytes;) {
        const int64_t left = bytes - done, room = (int64_t)sizeof passed;
        const size_t want = (size_t)(to || left < room ? left : room);
        const la_ssize_t got = archive_read_data(c->archive, to ? to + done : passed, want);
        if (got < 0) {
            return archive_fail(c->archive, c->path, name, err);
        }
        if (got == 0) {
            return kd_fail(err, KD_E_DATA, "%s: %s: ends after %lld bytes", c->path, name,
                           (long long)c->at);
        }
        done += got;
        c->at += got;
    }
    return true;
}

bool cursor_read_part(cursor *c, const file_entry *entry, int64_t offset, void *to, size_t bytes,
                      kd_error *err) {
    pthread_mutex_lock(&c->mutex);
    const bool there = c->archive && c->next == entry->place + 1 && c->at >= 0 && c->at <= offset;
    bool good = there || seek(c, entry, err);
    if (good) {
        c->at = there ? c->at : 0;
        good = take(c, entry->path, NULL, offset - c->at, err) &&
               take(c, entry->path, to, (int64_t)bytes, err);
    }
    if (!good) {
        rewind_cursor(c);
    }
    pthread_mutex_unlock(&c->mutex);
    return good;
}
