/* SPDX-License-Identifier: Apache-2.0
 * The host's worker threads: one parallel loop at a time, at a chosen niceness. */
#ifndef CORE_BASE_THREADS_H
#define CORE_BASE_THREADS_H

#include <kindred/error.h>

typedef struct pool pool;

/* threads: at least 1. nice_value: 0 (as the process) to 19 (yields to everyone, so that decoding
 * does not disturb a device whose threads spin at barriers). fails when no threads can be made. */
pool *pool_create(int threads, int nice_value, kd_error *err);
void pool_destroy(pool *p);
int pool_threads(const pool *p);

/* Calls body(arg, begin, end) over [0, count), cut into pieces of exactly `grain` (but the last),
 * on the pool's threads, and returns when all are done. Where the pieces are cut does not depend on
 * the number of threads, only their order does: results that depend on begin and end alone are
 * always the same. The caller waits without working. From within a body it runs on the calling
 * thread; calls from several other threads take turns. */
void pool_run(pool *p, int64_t count, int64_t grain,
              void (*body)(void *arg, int64_t begin, int64_t end), void *arg);

/* Processors that this process may use, at least 1. */
int threads_available(void);

#endif
