/* SPDX-License-Identifier: Apache-2.0
 * Reading files that are what they seem. */
#include "data/plain_file.h"

#include "data/archives.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool plain_file_read_part(const char *path, int64_t at, void *to, size_t bytes, kd_error *err) {
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
