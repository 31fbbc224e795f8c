/* SPDX-License-Identifier: Apache-2.0
 * Making a run's folder, and not spoiling one that is there. */
#include "train/run_folder.h"

#include "base/file.h"
#include "train/environment.h"
#include "train/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

run_folder run_folder_at(arena *a, const char *path) {
    return (run_folder){.path = arena_text(a, path),
                        .config = arena_print(a, "%s/config.yaml", path),
                        .metrics = arena_print(a, "%s/metrics.jsonl", path),
                        .checkpoints = arena_print(a, "%s/checkpoints", path)};
}

run_folder run_folder_of(arena *a, const char *runs, const char *name) {
    return run_folder_at(a, arena_print(a, "%s/%s", runs, name));
}

static bool check_same(const run_folder *f, const run *r, kd_error *err) {
    char *before = NULL;
    size_t bytes = 0;
    if (!file_read(f->config, 0, &before, &bytes, err)) {
        return false;
    }
    char *now = run_resolved(r, err);
    const bool ok = now && run_same(r, now, f->config, before, err);
    free(now);
    free(before);
    return ok || kd_while(err, "cannot resume %s", f->path);
}

bool run_folder_check(const run_folder *f, const run *r, int how, kd_error *err) {
    const bool there = file_exists(f->path), is_run = file_exists(f->config);
    if (how == FOLDER_RESUME) {
        return !is_run || check_same(f, r, err);
    }
    if (how == FOLDER_NEW && there) {
        kd_fail(err, KD_E_INVALID, "%s is there already", f->path);
        return kd_hint(err, "--resume goes on with it, --overwrite begins anew, name=... takes "
                            "another folder");
    }
    if (there && !is_run) {
        return kd_fail(err, KD_E_INVALID, "%s is there and is not a run: not overwritten", f->path);
    }
    return true;
}

static bool write_text(const char *path, char *text, kd_error *err) {
    const bool ok = text && file_write(path, text, strlen(text), err);
    free(text);
    return ok;
}

static bool write_files(const run_folder *f, const assembly *a, kd_error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/plugins.lock", f->path);
    if (!write_text(path, lock_text(a, err), err)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/environment.json", f->path);
    /* config.yaml comes last: with it the folder is a run. */
    return write_text(path, environment_text(a), err) &&
           write_text(f->config, run_resolved(a->run, err), err);
}

/* Of the folder itself: it ends with the process, however that ends. */
static bool lock(const char *path, int *ret, kd_error *err) {
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return kd_fail(err, KD_E_INVALID, "%s: another process is training there", path);
    }
    *ret = fd;
    return true;
}

static bool remove_old(const char *path, kd_error *err) {
    int fd = -1;
    if (!file_exists(path)) {
        return true;
    }
    if (!lock(path, &fd, err)) {
        return false;
    }
    const bool ok = directory_remove(path, err);
    close(fd);
    return ok;
}

bool run_folder_make(const run_folder *f, const assembly *a, int how, int *ret_lock,
                     kd_error *err) {
    if (!file_sweep_beside(f->path, err) || /* of one that was killed as it removed the old run */
        (how == FOLDER_OVERWRITE && !remove_old(f->path, err)) ||
        !file_make_directories(f->path, err) || !lock(f->path, ret_lock, err)) {
        return false;
    }
    if (file_make_directories(f->checkpoints, err) && file_sweep(f->path, err) &&
        write_files(f, a, err)) {
        return true;
    }
    close(*ret_lock);
    return false;
}
