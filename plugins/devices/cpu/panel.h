/* SPDX-License-Identifier: Apache-2.0
 * Small matrix products in f32 for one thread, of panels that lie in its caches: what attention of
 * one head is made of. */
#ifndef CPU_PANEL_H
#define CPU_PANEL_H

#include "numbers.h"

/* Rows of a panel are padded to a multiple of this many floats. */
#define PANEL_LANES 32

static inline int64_t panel_width(int64_t columns) {
    return (columns + PANEL_LANES - 1) / PANEL_LANES * PANEL_LANES;
}

/* The left operand: element (row, k) is at[row * row_step + k * k_step]. */
typedef struct panel_left {
    const float *at;
    int64_t row_step, k_step;
} panel_left;

/* c [rows, width] = a [rows, depth] @ b [depth, width], width a multiple of PANEL_LANES, b and c
 * dense and aligned to 64 bytes. The order of every sum is that of k. */
void panel_product(float *c, panel_left a, const float *b, int64_t rows, int64_t depth,
                   int64_t width);

#endif
