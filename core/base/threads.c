/* SPDX-License-Identifier: Apache-2.0
 * Workers take the next piece from one counter; one loop at a time, by number. */
#include "base/threads.h"

#include "base/arena.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct pool {
    pthread_mutex_t turn;  /* held by the caller whose loop runs */
    pthread_mutex_t mutex; /* guards what follows, except `next` */
    pthread_cond_t work, done;
    int threads, nice_value;
    bool ending;
    int64_t loop; /* counts loops, so that a worker knows a new one */
    int busy;     /* workers that have not finished this loop */
    int64_t count, grain;
    void (*body)(void *arg, int64_t begin, int64_t end);
    void *arg;
    atomic_int_least64_t next; /* where the next piece begins */
    pthread_t thread[];
};

/* A body that starts a loop of its own runs it itself: its pool is busy with the outer one. */
static _Thread_local const pool *pool_of_this_thread;

static void run_pieces(pool *p) {
    for (;;) {
        const int64_t begin = atomic_fetch_add(&p->next, p->grain);
        if (begin >= p->count) {
            return;
        }
        p->body(p->arg, begin, p->count - begin < p->grain ? p->count : begin + p->grain);
    }
}

static void *worker(void *arg) {
    pool *p = arg;
    pool_of_this_thread = p;
    /* On Linux niceness is the thread's. Being refused a lower one is no failure. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), p->nice_value);
    int64_t seen = 0;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (!p->ending && p->loop == seen) {
            pthread_cond_wait(&p->work, &p->mutex);
        }
        if (p->ending) {
            break;
        }
        seen = p->loop;
        pthread_mutex_unlock(&p->mutex);
        run_pieces(p);
        pthread_mutex_lock(&p->mutex);
        if (--p->busy == 0) {
            pthread_cond_signal(&p->done);
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

pool *pool_create(int threads, int nice_value, kd_error *err) {
    const int wanted = threads < 1 ? 1 : threads;
    pool *p = kd_alloc(sizeof *p + (size_t)wanted * sizeof *p->thread);
    pthread_mutex_init(&p->turn, NULL);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    p->nice_value = nice_value;
    for (; p->threads < wanted; p->threads++) {
        const int why = pthread_create(&p->thread[p->threads], NULL, worker, p);
        if (why) {
            kd_fail(err, KD_E_MEMORY, "cannot make worker thread %d of %d: %s", p->threads + 1,
                    wanted, strerror(why));
            kd_hint(err, "ask for fewer threads, or raise the limit (ulimit -u)");
            pool_destroy(p);
            return NULL;
        }
    }
    return p;
}

void pool_destroy(pool *p) {
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->threads; i++) {
        pthread_join(p->thread[i], NULL);
    }
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->mutex);
    pthread_mutex_destroy(&p->turn);
    free(p);
}

int pool_threads(const pool *p) {
    return p->threads;
}

static void run_here(int64_t count, int64_t grain,
                     void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    for (int64_t begin = 0; begin < count; begin += grain) {
        const int64_t left = count - begin;
        body(arg, begin, begin + (left < grain ? left : grain));
        if (left <= grain) {
            return;
        }
    }
}

void pool_run(pool *p, int64_t count, int64_t grain,
              void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    /* The counter runs past `count` by a piece for each worker, and must not overflow. */
    const int64_t largest = count < 1 ? 1 : count;
    const int64_t piece = grain < 1 ? 1 : grain > largest ? largest : grain;
    if (count <= 0) {
        return;
    }
    if (pool_of_this_thread == p) {
        run_here(count, piece, body, arg);
        return;
    }
    pthread_mutex_lock(&p->turn);
    pthread_mutex_lock(&p->mutex);
    p->count = count;
    p->grain = piece;
    p->body = body;
    p->arg = arg;
    atomic_store(&p->next, 0);
    p->busy = p->threads;
    p->loop++;
    pthread_cond_broadcast(&p->work);
    while (p->busy) {
        pthread_cond_wait(&p->done, &p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    pthread_mutex_unlock(&p->turn);
}

int threads_available(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
