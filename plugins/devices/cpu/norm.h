/* SPDX-License-Identifier: Apache-2.0
 * How batch normalisation walks x [rows, channels], forward and backward.
 *
 * A pass goes over chunks of rows. So that few channels make full vectors too, `wide` neighbouring
 * rows are taken as one of wide * channels lanes, and per-channel vectors are repeated so often.
 * Statistics of many channels are taken block by block, each of at most LANES channels. Nothing
 * here depends on the number of threads. */
#ifndef CPU_NORM_H
#define CPU_NORM_H

#include "device.h"
#include "numbers.h"

#define LANES 256
#define NORM_VECTORS 5

typedef struct norm {
    int64_t rows, channels;
    int64_t wide, lanes;   /* rows in one, wide * channels */
    int64_t chunk, chunks; /* rows in a chunk, a multiple of `wide` */
    int64_t block, blocks; /* lanes in a block; more than one block only where wide is 1 */
    bool half, relu;
    double *partial;             /* [chunks, 2, channels] */
    float *vector[NORM_VECTORS]; /* [lanes] each, what a pass multiplies by and adds */
} norm;

/* From x and scratch; scratch NULL while only its size is asked for. */
norm norm_of(const kd_node *node, const kd_spec *x, void *scratch);
size_t norm_scratch(const norm *n);

/* How much of a first pass, and of a second, makes it worth another thread. */
int64_t norm_piece_grain(const norm *n);
int64_t norm_chunk_grain(const norm *n);

/* One piece of a first pass. */
typedef struct piece {
    int64_t chunk, channel; /* the first of its channels */
    int64_t rows;           /* wide rows, and in `rest` lanes of one more */
    int64_t lanes, rest;
    int64_t start; /* element of x */
} piece;
piece norm_piece(const norm *n, int64_t index);

/* gamma (x - mean) inv_std + beta, in the two steps that every pass takes. */
static inline float norm_scale(float gamma, float inv_std) {
    return (float)((double)gamma * (double)inv_std);
}
ALWAYS_INLINE float norm_apply(float x, float mean, float scale, float beta) {
    return (x - mean) * scale + beta;
}

/* vector[which][channel] = value, as often as lanes repeat it. */
void norm_repeat(const norm *n, int which, int64_t channel, float value);

#endif
