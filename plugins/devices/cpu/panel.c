/* SPDX-License-Identifier: Apache-2.0
 * Small matrix products: a block of the result stays in registers while k runs. */
#include "panel.h"

/* As wide as the registers: the same sums in every width, an element never meets its neighbours. */
#if defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#else
#define LANES 4
#endif
#define PARTS 2 /* registers across: a block is ROWS x PARTS of them */
#define ROWS 6

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

_Static_assert(PANEL_LANES % (LANES * PARTS) == 0, "a row is a whole number of blocks");

/* `rows` is a constant wherever this ends up. */
ALWAYS_INLINE void block(float *c, panel_left a, const float *b, int rows, int64_t depth,
                         int64_t width) {
    lanes sum[ROWS][PARTS];
    for (int row = 0; row < rows; row++) {
        for (int part = 0; part < PARTS; part++) {
            sum[row][part] = (lanes){0};
        }
    }
    for (int64_t k = 0; k < depth; k++) {
        const lanes *from = (const lanes *)(b + k * width);
        for (int row = 0; row < rows; row++) {
            const float factor = a.at[row * a.row_step + k * a.k_step];
            for (int part = 0; part < PARTS; part++) {
                sum[row][part] += factor * from[part];
            }
        }
    }
    for (int row = 0; row < rows; row++) {
        for (int part = 0; part < PARTS; part++) {
            ((lanes *)(c + row * width))[part] = sum[row][part];
        }
    }
}

void panel_product(float *c, panel_left a, const float *b, int64_t rows, int64_t depth,
                   int64_t width) {
    int64_t row = 0;
    for (; row + ROWS <= rows; row += ROWS) {
        const panel_left from = {a.at + row * a.row_step, a.row_step, a.k_step};
        for (int64_t at = 0; at < width; at += LANES * PARTS) {
            block(c + row * width + at, from, b + at, ROWS, depth, width);
        }
    }
    for (; row < rows; row++) {
        const panel_left from = {a.at + row * a.row_step, a.row_step, a.k_step};
        for (int64_t at = 0; at < width; at += LANES * PARTS) {
            block(c + row * width + at, from, b + at, 1, depth, width);
        }
    }
}
