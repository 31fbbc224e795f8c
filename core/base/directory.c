/* SPDX-License-Identifier: Apache-2.0
 * Making, filling, replacing, sweeping and removing directories. */
#include "base/arena.h"
#include "base/file.h"
#include "base/file_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Being there already is right only for a directory (or a link to one). */
static bool make_one(const char *path, kd_error *err) {
    if (mkdir(path, 0777) == 0) {
        return true;
    }
    const int why = errno;
    struct stat status;
    if (why == EEXIST && stat(path, &status) == 0) {
        errno = S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
        return errno == 0 || file_fail(err, "make the directory", path);
    }
    errno = why;
    return file_fail(err, "make the directory", path);
}

bool file_make_directories(const char *path, kd_error *err) {
    const size_t length = strlen(path);
    char *part = kd_alloc(length + 1);
    memcpy(part, path, length);
    bool done = true;
    for (size_t i = 1; done && i <= length; i++) {
        if ((part[i] == '/' || part[i] == 0) && part[i - 1] != '/') {
            const char kept = part[i];
            part[i] = 0;
            done = make_one(part, err);
            part[i] = kept;
        }
    }
    free(part);
    return done;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at) {
    (void)status;
    (void)kind;
    (void)at;
    return remove(path);
}

bool file_remove_tree(const char *path, kd_error *err) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return file_fail(err, "remove", path);
    }
    return true;
}

bool directory_sync(const char *path, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return file_fail(err, "open", path);
    }
    const bool done = fsync(fd) == 0;
    if (!done) {
        file_fail(err, "sync", path);
    }
    close(fd);
    return done;
}

bool directory_begin(const char *path, char **ret_beside, kd_error *err) {
    char *beside = file_beside(path);
    /* Only an earlier process with our number can have left something there. */
    if (!file_remove_tree(beside, err)) {
        free(beside);
        return false;
    }
    if (mkdir(beside, 0777) != 0) {
        file_fail(err, "make the directory", path);
        free(beside);
        return false;
    }
    *ret_beside = beside;
    return true;
}

bool directory_commit(const char *beside, const char *path, kd_error *err) {
    if (!directory_sync(beside, err)) {
        return false;
    }
    const bool replaces = file_exists(path);
    const unsigned how = replaces ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    int failed = renameat2(AT_FDCWD, beside, AT_FDCWD, path, how);
    if (failed && !replaces && (errno == EINVAL || errno == ENOSYS)) {
        failed = rename(beside, path); /* a file system without flags; never replaces a full one */
    }
    if (failed) {
        file_fail(err, replaces ? "replace" : "make", path);
        return errno == EINVAL
                   ? kd_hint(err, "this file system cannot exchange two directories in one step; "
                                  "remove the old one first, or use another file system")
                   : false;
    }
    char *parent = file_parent(path);
    const bool done = directory_sync(parent, err) && (!replaces || file_remove_tree(beside, err));
    free(parent);
    return done;
}

bool directory_remove(const char *path, kd_error *err) {
    char *beside = file_beside(path), *parent = file_parent(path);
    bool done = file_remove_tree(beside, err);
    if (done && rename(path, beside) != 0) {
        done = errno == ENOENT || file_fail(err, "remove", path);
    }
    done = done && directory_sync(parent, err) && file_remove_tree(beside, err);
    free(parent);
    free(beside);
    return done;
}

/* Where a name ends in ".tmp-PID", and the process; NULL: it does not. */
static const char *beside_suffix(const char *name, long *ret_pid) {
    const char *suffix = strstr(name, ".tmp-");
    for (const char *later = suffix; later; later = strstr(later + 1, ".tmp-")) {
        suffix = later;
    }
    if (!suffix || suffix[5] < '1' || suffix[5] > '9') {
        return NULL;
    }
    char *end;
    errno = 0;
    *ret_pid = strtol(suffix + 5, &end, 10);
    return *end || errno || *ret_pid > INT32_MAX ? NULL : suffix;
}

bool file_is_beside(const char *name) {
    long pid;
    return beside_suffix(name, &pid) != NULL;
}

/* Of a process that cannot be writing it; of: the name before the suffix, NULL: any. */
static bool is_left_over(const char *name, const char *of) {
    long pid;
    const char *suffix = beside_suffix(name, &pid);
    if (!suffix || (of && (strlen(of) != (size_t)(suffix - name) ||
                           strncmp(name, of, (size_t)(suffix - name)) != 0))) {
        return false;
    }
    return pid == (long)getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static bool sweep(const char *directory, const char *of, kd_error *err) {
    DIR *entries = opendir(directory);
    if (!entries) {
        return errno == ENOENT || file_fail(err, "open", directory);
    }
    bool done = true;
    for (const struct dirent *entry; done && (entry = readdir(entries));) {
        if (is_left_over(entry->d_name, of)) {
            const size_t room = strlen(directory) + strlen(entry->d_name) + 2;
            char *path = kd_alloc(room);
            snprintf(path, room, "%s/%s", directory, entry->d_name);
            done = file_remove_tree(path, err);
            free(path);
        }
    }
    closedir(entries);
    return done;
}

bool file_sweep(const char *directory, kd_error *err) {
    return sweep(directory, NULL, err);
}

bool file_sweep_beside(const char *path, kd_error *err) {
    char *parent = file_parent(path);
    const char *slash = strrchr(path, '/');
    const bool done = sweep(parent, slash ? slash + 1 : path, err);
    free(parent);
    return done;
}
