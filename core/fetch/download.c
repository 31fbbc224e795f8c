/* SPDX-License-Identifier: Apache-2.0
 * A part that is fetched until it is the whole; see download.h. */
#include "fetch/download.h"

#include "base/arena.h"
#include "base/file.h"
#include "fetch/md5.h"
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

/* Whether the file is what it should be. Without a checksum: notes what it is. */
static bool check(const download *d, const char *file, downloaded *ret, bool *ret_right,
                  char md5[MD5_HEX], kd_error *err) {
    *ret_right = true;
    if (!d->md5) {
        return sha256_file(file, ret->sha256, err);
    }
    if (!md5_file(file, md5, err)) {
        return false;
    }
    *ret_right = strcmp(md5, d->md5) == 0;
    return true;
}

static const char *folder_of(const char *path, arena *a) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(a, path, (size_t)(slash - path) + 1) : ".";
}

static bool finish(const transfer *t, downloaded *ret, kd_error *err) {
    const download *d = t->d;
    char md5[MD5_HEX];
    bool right;
    if (fsync(t->fd) != 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
    }
    if (!check(d, t->part, ret, &right, md5, err)) {
        return false;
    }
    arena a = {0};
    const char *to = right ? d->path : arena_print(&a, "%s.wrong", d->path);
    bool good = rename(t->part, to) == 0;
    if (!good) {
        kd_fail(err, KD_E_IO, "%s: %s", to, strerror(errno));
    } else if (right) {
        good = directory_sync(folder_of(to, &a), err);
    } else {
        kd_fail(err, KD_E_DATA, "%s: its MD5 is %s, and should be %s", d->url, md5, d->md5);
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
    char md5[MD5_HEX];
    bool right;
    ret->was_there = true;
    if (!check(d, d->path, ret, &right, md5, err)) {
        return false;
    }
    if (!right) {
        kd_fail(err, KD_E_DATA, "%s: is there, but its MD5 is %s and should be %s", d->path, md5,
                d->md5);
        return kd_hint(err, "move it away to fetch it again");
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
    const bool good = transfer_perform(t, err);
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
