/* SPDX-License-Identifier: Apache-2.0
 * A queue: the last rows that steps have left, oldest first out. Wrappers of states and ops, so not
 * part of the interface. */
#ifndef KINDRED_QUEUE_H
#define KINDRED_QUEUE_H

#include <kindred/layers.h>

typedef struct kd_queue {
    kd_tensor *rows; /* real [length, width]: as before the step */
    kd_tensor *next; /* i32 [1]: the place of the oldest row, in [0, length) */
} kd_queue;

/* The queue of that name. Its rows start as normal draws.
 *
 * states  NAME.rows, NAME.next */
static inline kd_queue kd_queue_of(kd_scope s, const char *name, int64_t length, int64_t width) {
    kd_scope own = kd_child(s, "%s", name);
    const kd_spec rows = {.dtype = KD_REAL, .rank = 2, .dim = {length, width}};
    const kd_spec next = {.dtype = KD_I32, .rank = 1, .dim = {1}};
    const kd_init init = {.kind = KD_INIT_NORMAL, .b = 1};
    return (kd_queue){kd_state(own, "rows", rows, init),
                      kd_state(own, "next", next, (kd_init){.a = 0})};
}

/* Brings all rows to length 1: for a program at the start, where what is queued has that length. */
static inline void kd_queue_unit_rows(kd_queue q) {
    kd_assign(q.rows, kd_l2_normalize(q.rows));
}

/* Replaces the oldest rows by x [n, width], n <= length, after the step; no gradient. Returns their
 * places, i32 [n], for what is queued beside them. */
static inline kd_tensor *kd_enqueue(kd_queue q, kd_tensor *x) {
    kd_scope s = q.rows->api->scope_of(q.rows);
    const int64_t length = kd_dim(q.rows, 0), n = kd_dim(x, 0);
    const kd_spec number = {.dtype = KD_I32};
    kd_tensor *size = kd_fill(s, number, (double)length);
    kd_tensor *last = kd_fill(s, number, (double)length - 1);
    kd_tensor *places = kd_add(q.next, kd_range(s, 0, n));
    kd_tensor *next = kd_add(q.next, kd_fill(s, number, (double)n));
    if (n > length) {
        kd_reject(s, "a queue of %lld rows cannot take the %lld of a batch", (long long)length,
                  (long long)n);
    }
    places = kd_where(kd_greater(places, last), kd_sub(places, size), places);
    kd_assign(q.rows, kd_scatter_rows(q.rows, places, kd_cast(x, KD_REAL)));
    kd_assign(q.next, kd_where(kd_greater(next, last), kd_sub(next, size), next));
    return places;
}

#endif
