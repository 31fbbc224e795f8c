/* SPDX-License-Identifier: Apache-2.0
 * Reading files that are what they seem. */
#include "data/plain_file.h"

#include "data/archives.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes [at, at + bytes) of the file. too_short: what to say when it ends before. */
static bool read_at(int fd, const char *path, int64_t at, char *to, size_t bytes,
                    const char *too_short, kd_error *err) {
    size_t used = 0;
    ssize_t got = 1;
    while (used < bytes && got != 0) {
        got = pread(fd, to + used, bytes - used, (off_t)(at + (int64_t)used));
        if (got < 0 && errno != EINTR) {
            return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        }
        used += got > 0 ? (size_t)got : 0;
    }
    return used == bytes || kd_fail(err, KD_E_IO, "%s: %s", path, too_short);
}

bool plain_file_read(const char *path, void **ret_data, size_t *ret_bytes, kd_error *err) {
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
    const bool ok = read_at(fd, path, 0, data, bytes, "became shorter while it was read", err);
    close(fd);
    if (!ok) {
        free(data);
        return false;
    }
    *ret_data = data;
    *ret_bytes = bytes;
    return true;
}

bool plain_file_read_part(const char *path, int64_t at, void *to, size_t bytes, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    const bool ok = read_at(fd, path, at, to, bytes, "ends before what is read of it", err);
    close(fd);
    return ok;
}
