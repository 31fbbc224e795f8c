/* SPDX-License-Identifier: Apache-2.0
 * Which samples a step sees, and which image of a pair goes to which view: pure functions of
 * (seed, epoch), so a resumed run needs no state of it. */
#ifndef CORE_DATA_ORDER_H
#define CORE_DATA_ORDER_H

#include "data/pairs.h"

/* A permutation of [0, count), every one equally likely, the same for the same seed and epoch. */
void order_fill(uint64_t seed, int64_t epoch, int32_t *permutation, int64_t count);

/* Steps of an epoch. drop_last: a last batch that is not full is left out. */
int64_t order_steps(int64_t count, int64_t batch, bool drop_last);

/* 0 or 1: which of a pair's two images the views of side 0 are cut from in this epoch; those of
 * side 1 get the other. Fair, and independent of the permutation. */
int32_t order_swap(uint64_t seed, int64_t epoch, int64_t sample);

/* One row for the augmentation: where the source image lies, and the sample's index. */
typedef struct row {
    int64_t offset, height, width, sample;
} row;
_Static_assert(sizeof(row) == 32, "rows are the tensor i64 [n, 4]");

/* Rows of one step for the views of one side (0 or 1; single images: side is ignored).
 * permutation [samples->count] as order_fill gives, or NULL for samples in their order. rows
 * [batch]. Returns how many rows are valid: fewer than batch only in the last step, whose other
 * rows are filled with the epoch's first samples. */
int64_t batch_rows(const store *s, const samples *list, const int32_t *permutation, uint64_t seed,
                   int64_t epoch, int64_t step, int64_t batch, int32_t side, row *rows);

#endif
