/* SPDX-License-Identifier: Apache-2.0
 * Reading whole files, and writing them beside, synced and renamed. */
#include "base/file.h"

#include "base/arena.h"
#include "base/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    int number;
    const char *hint;
} hints[] = {
    {ENOENT, "check the path; one that does not begin with / starts at the working directory"},
    {EACCES, "check who may read and write there (ls -ld)"},
    {EPERM, "check who may read and write there (ls -ld)"},
    {EROFS, "this file system is mounted read-only; choose another place"},
    {ENOSPC, "the disk is full; free some space (df -h) and try again"},
    {EDQUOT, "the quota of the disk is used up; free some space and try again"},
    {ENOTDIR, "a part of the path is a file; remove it or choose another path"},
    {EISDIR, "this is a directory; name a file in it"},
    {EMFILE, "too many files are open; raise the limit (ulimit -n)"},
    {EFBIG, "the file is larger than is allowed here (ulimit -f)"},
};

bool file_fail(kd_error *err, const char *what, const char *path) {
    const int number = errno;
    kd_fail(err, KD_E_IO, "%s: cannot %s: %s", path, what, strerror(number));
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (hints[i].number == number) {
            kd_hint(err, "%s", hints[i].hint);
        }
    }
    return false;
}

static size_t length_without_slashes(const char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    return length;
}

char *file_beside(const char *path) {
    const size_t room = strlen(path) + 32;
    char *beside = kd_alloc(room);
    snprintf(beside, room, "%.*s.tmp-%ld", (int)length_without_slashes(path), path, (long)getpid());
    return beside;
}

char *file_parent(const char *path) {
    size_t length = length_without_slashes(path);
    while (length && path[length - 1] != '/') {
        length--;
    }
    char *parent = kd_alloc(length + 2);
    if (length == 0) {
        parent[0] = '.';
    } else {
        memcpy(parent, path, length);
    }
    return parent;
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool read_all(int fd, size_t limit, const char *path, char **data, size_t *bytes,
                     kd_error *err) {
    struct stat status;
    size_t room = fstat(fd, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size : 4096;
    room = (limit && room > limit ? limit : room) + 2; /* one more byte shows that it is longer */
    *data = kd_alloc(room);
    *bytes = 0;
    for (;;) {
        const ssize_t got = read(fd, *data + *bytes, room - *bytes - 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_fail(err, "read", path);
        }
        *bytes += (size_t)got;
        if (limit && *bytes > limit) {
            return kd_fail(err, KD_E_INVALID, "%s: longer than %zu bytes", path, limit);
        }
        if (got == 0) {
            (*data)[*bytes] = 0;
            return true;
        }
        if (room - *bytes - 1 == 0) {
            room *= 2;
            *data = kd_grow(*data, room);
        }
    }
}

bool file_read(const char *path, size_t limit, char **ret_data, size_t *ret_bytes, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return file_fail(err, "open", path);
    }
    char *data = NULL;
    size_t bytes = 0;
    const bool done = read_all(fd, limit, path, &data, &bytes, err);
    close(fd);
    if (!done) {
        free(data);
        return false;
    }
    *ret_data = data;
    *ret_bytes = bytes;
    return true;
}

bool file_writer_open(file_writer *w, const char *path, kd_error *err) {
    char *beside = file_beside(path);
    const int fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        file_fail(err, "make", path);
        free(beside);
        return false;
    }
    *w = (file_writer){.fd = fd, .beside = beside, .path = kd_alloc(strlen(path) + 1)};
    strcpy(w->path, path);
    return true;
}

bool file_writer_append(file_writer *w, const void *data, size_t bytes, kd_error *err) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t wrote = write(w->fd, (const char *)data + done, bytes - done);
        if (wrote < 0 && errno != EINTR) {
            return file_fail(err, "write", w->path);
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return true;
}

bool file_writer_put(file_writer *w, int64_t offset, const void *data, size_t bytes,
                     kd_error *err) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t wrote =
            pwrite(w->fd, (const char *)data + done, bytes - done, (off_t)offset + (off_t)done);
        if (wrote < 0 && errno != EINTR) {
            return file_fail(err, "write", w->path);
        }
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return true;
}

void file_writer_abandon(file_writer *w) {
    if (w->fd >= 0) {
        close(w->fd);
    }
    unlink(w->beside);
    free(w->beside);
    free(w->path);
    *w = (file_writer){.fd = -1};
}

bool file_writer_commit(file_writer *w, kd_error *err) {
    char *parent = file_parent(w->path);
    bool done = fsync(w->fd) == 0;
    if (done) {
        const int fd = w->fd;
        w->fd = -1;
        done = close(fd) == 0;
    }
    done = done && rename(w->beside, w->path) == 0;
    if (!done) {
        file_fail(err, "write", w->path);
        file_writer_abandon(w);
    } else {
        done = directory_sync(parent, err);
        free(w->beside);
        free(w->path);
        *w = (file_writer){.fd = -1};
    }
    free(parent);
    return done;
}

bool file_write(const char *path, const void *data, size_t bytes, kd_error *err) {
    file_writer w;
    if (!file_writer_open(&w, path, err)) {
        return false;
    }
    if (!file_writer_append(&w, data, bytes, err)) {
        file_writer_abandon(&w);
        return false;
    }
    return file_writer_commit(&w, err);
}
