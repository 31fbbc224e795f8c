/* SPDX-License-Identifier: Apache-2.0
 * The thread that writes checkpoints: one job at a time, from the engine's copy of its variables.
 */
#include "train/checkpoint_internal.h"

#include "base/arena.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Hashing and writing give way to a device whose threads spin at barriers. */
#define WRITER_NICE 19

struct checkpoint_writer {
    const char *folder;
    engine *engine;
    int keep;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    checkpoint_info job;
    bool busy, ending, failed;
    int64_t saved;
    kd_error failure; /* of a job, until it is told */
};

static bool write_copy(const checkpoint_writer *w, kd_error *err) {
    if (!engine_copy_wait(w->engine, err)) {
        return kd_while(err, "checkpoint of step %lld", (long long)w->job.step);
    }
    return checkpoint_write(w->folder, w->engine, &w->job, true, w->keep, err);
}

static void *write_jobs(void *arg) {
    checkpoint_writer *w = arg;
    setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICE);
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->busy && !w->ending) {
            pthread_cond_wait(&w->changed, &w->lock);
        }
        if (!w->busy) {
            break;
        }
        pthread_mutex_unlock(&w->lock);
        kd_error err = KD_ERROR_INIT;
        const bool ok = write_copy(w, &err);
        pthread_mutex_lock(&w->lock);
        w->saved = ok ? w->job.step : w->saved;
        w->failed = !ok;
        w->failure = err;
        w->busy = false;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

checkpoint_writer *checkpoint_writer_create(const char *folder, engine *e, int keep, int64_t saved,
                                            kd_error *err) {
    checkpoint_writer *w = kd_alloc(sizeof *w);
    *w = (checkpoint_writer){.folder = folder,
                             .engine = e,
                             .keep = keep,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER,
                             .saved = saved};
    if (pthread_create(&w->thread, NULL, write_jobs, w) != 0) {
        free(w);
        kd_fail(err, KD_E_MEMORY, "no thread can be made to write checkpoints");
        return NULL;
    }
    return w;
}

void checkpoint_writer_destroy(checkpoint_writer *w) {
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (w->failed) { /* the run has failed already, of something else */
        log_line(KD_LOG_WARN, "%s", w->failure.message);
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Under the lock. */
static bool tell(checkpoint_writer *w, kd_error *err) {
    if (w->failed) {
        *err = w->failure;
        w->failed = false;
        return false;
    }
    return true;
}

bool checkpoint_writer_check(checkpoint_writer *w, kd_error *err) {
    pthread_mutex_lock(&w->lock);
    const bool ok = tell(w, err);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

bool checkpoint_writer_wait(checkpoint_writer *w, kd_error *err) {
    pthread_mutex_lock(&w->lock);
    while (w->busy) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    const bool ok = tell(w, err);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

int64_t checkpoint_writer_saved(checkpoint_writer *w) {
    pthread_mutex_lock(&w->lock);
    const int64_t saved = w->saved;
    pthread_mutex_unlock(&w->lock);
    return saved;
}

bool checkpoint_writer_save(checkpoint_writer *w, const checkpoint_info *info, kd_error *err) {
    if (!checkpoint_writer_wait(w, err)) {
        return false;
    }
    if (!engine_copy(w->engine, err)) {
        return kd_while(err, "checkpoint of step %lld", (long long)info->step);
    }
    pthread_mutex_lock(&w->lock);
    w->job = *info;
    w->busy = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return true;
}
