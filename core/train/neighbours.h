/* SPDX-License-Identifier: Apache-2.0
 * The rows of a bank that are most alike to each query, by cosine: exact, and bounded in memory. */
#ifndef CORE_TRAIN_NEIGHBOURS_H
#define CORE_TRAIN_NEIGHBOURS_H

#include "train/assembly.h"

typedef struct neighbour_search {
    const float *query; /* [queries, width] */
    int64_t queries;
    const float *bank; /* [rows, width] */
    int64_t rows, width;
    int32_t k;        /* in [1, rows], or rows - 1 where others_only */
    bool others_only; /* queries are the bank: row i is not a neighbour of query i */
    const char *what; /* begins the progress line */
} neighbour_search;

typedef struct neighbours {
    int64_t queries;
    int32_t k;
    float *similarity; /* [queries, k], nearest first; the lower row first among equals */
    int32_t *index;    /* [queries, k] rows of the bank */
} neighbours;

/* Computes on the assembly's device, which was allocated: a block of queries against a tile of the
 * bank at a time.
 *
 * owns  neighbours_free, also after a failure
 * fails when features are not finite, when k is too large, with KD_E_CANCELLED when the user
 *       interrupts */
bool neighbours_find(assembly *a, const neighbour_search *s, neighbours *ret, kd_error *err);
void neighbours_free(neighbours *n);

#endif
