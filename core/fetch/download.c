/* SPDX-License-Identifier: Apache-2.0
 * A part that is fetched until it is the whole; see download.h. */
#include "fetch/download.h"

#include "base/arena.h"
#include "base/file.h"
#include "fetch/integrity.h"
#include "fetch/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OPENED = 100 };

/* Opens the part and keeps other processes out of it. */
static bool lock_part(transfer *t, struct stat *ret, kd_error *err) {
    t->fd = open(t->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
    }
    if (flock(t->fd, LOCK_EX | LOCK_NB) != 0) {
        kd_fail(err, KD_E_IO, "%s: another process is fetching it", t->part);
        return kd_hint(err, "wait for that one");
    }
    return fstat(t->fd, ret) == 0 || kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
}

/* Another process may have come to its end between open and flock: what was opened bears another
 * name by now, and must not be written to. */
static bool open_part(transfer *t, kd_error *err) {
    for (int i = 0; i < MOST_OPENED; i++) {
        struct stat opened, there;
        if (!lock_part(t, &opened, err)) {
            return false;
        }
        if (stat(t->part, &there) == 0 && there.st_dev == opened.st_dev &&
            there.st_ino == opened.st_ino) {
            t->from = t->done = opened.st_size;
            return true;
        }
        close(t->fd);
        t->fd = -1;
    }
    kd_fail(err, KD_E_IO, "%s: other processes go on replacing it", t->part);
    return kd_hint(err, "wait for them");
}

static const char *folder_of(const char *path, arena *a) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(a, path, (size_t)(slash - path) + 1) : ".";
}

static bool finish(const transfer *t, downloaded *ret, kd_error *err) {
    const download *d = t->d;
    integrity is;
    if (fsync(t->fd) != 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
    }
    if (!integrity_check(d, t->part, &is, err)) {
        return false;
    }
    memcpy(ret->sha256, is.sha256, sizeof ret->sha256);
    arena a = {0};
    const char *to = is.right ? d->path : arena_print(&a, "%s.wrong", d->path);
    bool good = rename(t->part, to) == 0;
    if (!good) {
        kd_fail(err, KD_E_IO, "%s: %s", to, strerror(errno));
    } else if (is.right) {
        good = directory_sync(folder_of(to, &a), err);
    } else {
        kd_fail(err, KD_E_DATA, "%s: %s", d->url, is.why);
        good = kd_hint(err,
                       "what came is kept as %s; fetch it again, or from another address by "
                       "--from",
                       to);
    }
    arena_free(&a);
    return good;
}

/* What is at PATH. */
static bool compare(const download *d, downloaded *ret, kd_error *err) {
    integrity is;
    ret->was_there = true;
    if (!integrity_check(d, d->path, &is, err)) {
        return false;
    }
    memcpy(ret->sha256, is.sha256, sizeof ret->sha256);
    if (!is.right) {
        kd_fail(err, KD_E_DATA, "%s: is there, but %s", d->path, is.why);
        return kd_hint(err, "move it away to fetch it again");
    }
    return true;
}

/* What a part from elsewhere holds would end up in the file. */
static bool check_part(const transfer *t, kd_error *err) {
    integrity is;
    if (!integrity_check_part(t->d, t->part, &is, err)) {
        return false;
    }
    if (!is.right) {
        kd_fail(err, KD_E_DATA, "%s: is no part of it: %s", t->part, is.why);
        return kd_hint(err, "move it away to fetch it from its beginning");
    }
    return true;
}

static bool fetch(transfer *t, downloaded *ret, kd_error *err) {
    if (!open_part(t, err)) {
        return false;
    }
    if (file_exists(t->d->path)) { /* by a process that was at it until now */
        if (t->from == 0) {
            unlink(t->part);
        }
        return compare(t->d, ret, err);
    }
    const bool good = check_part(t, err) && transfer_perform(t, err);
    ret->resumed_from = t->from;
    return good && finish(t, ret, err);
}

bool download_file(const download *d, downloaded *ret, kd_error *err) {
    *ret = (downloaded){0};
    if (file_exists(d->path)) {
        return compare(d, ret, err);
    }
    arena a = {0};
    transfer t = {.d = d, .part = arena_print(&a, "%s.part", d->path), .fd = -1};
    const bool good = fetch(&t, ret, err);
    if (t.fd >= 0) {
        close(t.fd);
    }
    arena_free(&a);
    return good;
}
