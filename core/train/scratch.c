/* SPDX-License-Identifier: Apache-2.0
 * Temporary files that vanish with their last use. */
#include "train/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Not every file system makes files without a name; there the name is removed at once. */
static int open_unnamed(const char *beside) {
    char path[PATH_MAX];
    const char *slash = strrchr(beside, '/');
    const int length = slash ? (int)(slash - beside) : 1;
    snprintf(path, sizeof path, "%.*s", length, slash ? beside : ".");
    int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(path, sizeof path, "%.*s/scratch-XXXXXX", length, slash ? beside : ".");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            unlink(path);
        }
    }
    return fd;
}

bool scratch_map(const char *beside, size_t bytes, void **ret, kd_error *err) {
    if (bytes == 0) {
        *ret = NULL;
        return true;
    }
    const int fd = open_unnamed(beside);
    int failed = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
    void *memory = MAP_FAILED;
    if (!failed) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        failed = memory == MAP_FAILED ? errno : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (failed) {
        return kd_fail(err, KD_E_IO, "%.1f MiB of scratch beside %s: %s", (double)bytes / 1048576,
                       beside, strerror(failed));
    }
    *ret = memory;
    return true;
}

bool scratch_zeros(size_t bytes, void **ret, kd_error *err) {
    void *memory = NULL;
    if (bytes) {
        memory = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            return kd_fail(err, KD_E_MEMORY, "%.1f MiB of address space: %s",
                           (double)bytes / 1048576, strerror(errno));
        }
    }
    *ret = memory;
    return true;
}

void scratch_unmap(void *memory, size_t bytes) {
    if (memory) {
        munmap(memory, bytes);
    }
}
