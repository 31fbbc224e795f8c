/* SPDX-License-Identifier: Apache-2.0
 * Tiles of attention: what its kernels share. A block has a tile of queries or keys of one head and
 * goes over the tiles of the others, widened to f32 in shared memory, so that scores live in
 * registers and never reach memory.
 *
 * Of a tile's TILE x TILE scores thread (x, y) of 16 x 8 owns ROWS rows from y ROWS on and every
 * 16th column from x on; of a sum [TILE, D] the same rows, and GROUP columns at a time. */
#ifndef CUDA_ATTENTION_H
#define CUDA_ATTENTION_H

#include "elements.h"
#include "folds.h"

namespace {

#define ACROSS 16
#define DOWN 8
#define TILE_THREADS (ACROSS * DOWN)
#define MOST_WIDTH 128

/* For heads of up to D channels. */
template <int D> struct tiles {
    static constexpr int TILE = D > 64 ? 16 : 32; /* rows: all tiles fit 48 KiB */
    static constexpr int ROWS = TILE / DOWN, COLUMNS = TILE / ACROSS;
    static constexpr int WIDE = D / ACROSS, GROUP = WIDE < 4 ? WIDE : 4;
};

/* A row of a tile. Its length in 16 bytes is odd, so that eight threads that read a row each meet
 * no bank twice. */
template <int D> struct alignas(16) tile_row { float at[D + 4]; };

/* qkv [images, tokens, 3, heads, width], out [images, tokens, heads, width], lse [images, heads,
 * tokens]. */
struct attention {
    int64_t tokens;
    int32_t heads, width, blocks; /* tiles of a head */
    float scale;
    bool packs; /* rows begin at multiples of 16 bytes */
};

enum { QUERY, KEY, VALUE };

/* What a block has: a head of an image, and the first token of its tile. */
struct head_place {
    int64_t image, head, first;
};

__device__ __forceinline__ head_place head_of(const attention &a, int rows) {
    const int64_t item = blockIdx.x / (unsigned)a.blocks;
    return {item / a.heads, item % a.heads, (int64_t)(blockIdx.x % (unsigned)a.blocks) * rows};
}

/* Of a token's query, key or value in qkv, its row in out, its place in lse: of element 0. */
__device__ __forceinline__ int64_t place_in(const attention &a, const head_place &p, int which,
                                            int64_t token) {
    return (((p.image * a.tokens + token) * 3 + which) * a.heads + p.head) * a.width;
}
__device__ __forceinline__ int64_t place_out(const attention &a, const head_place &p,
                                             int64_t token) {
    return ((p.image * a.tokens + token) * a.heads + p.head) * a.width;
}
__device__ __forceinline__ int64_t place_lse(const attention &a, const head_place &p,
                                             int64_t token) {
    return (p.image * a.heads + p.head) * a.tokens + token;
}

template <class T, int N, int D>
__device__ __forceinline__ void load_rows(const T *from, int64_t stride, int64_t rows,
                                          int32_t width, tile_row<D> *to) {
    for (int i = (int)(threadIdx.y * ACROSS + threadIdx.x); i < tiles<D>::TILE * (D / N);
         i += TILE_THREADS) {
        const int row = i / (D / N), column = i % (D / N) * N;
        pack<T, N> x = {};
        if (row < rows && column < width) {
            x = load<N>(from + row * stride + column);
        }
        for (int k = 0; k < N; k++) {
            to[row].at[column + k] = widen(x.at[k]);
        }
    }
}

/* A tile of rows `stride` apart, of which `rows` are there and `width` columns; else zeros. */
template <int D, class T>
__device__ __forceinline__ void load_tile(const attention &a, const T *from, int64_t stride,
                                          int64_t rows, tile_row<D> *to) {
    if (a.packs) {
        load_rows<T, PACK<T>>(from, stride, rows, a.width, to);
    } else {
        load_rows<T, 1>(from, stride, rows, a.width, to);
    }
}

/* The thread's part of left right'. */
template <int D>
__device__ __forceinline__ void multiply(const tile_row<D> *left, const tile_row<D> *right,
                                         float (&product)[tiles<D>::ROWS][tiles<D>::COLUMNS]) {
    constexpr int ROWS = tiles<D>::ROWS, COLUMNS = tiles<D>::COLUMNS;
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLUMNS; c++) {
            product[r][c] = 0;
        }
    }
#pragma unroll 1
    for (int i = 0; i < D; i += 4) {
        pack<float, 4> a[ROWS], b[COLUMNS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            a[r] = load<4>(&left[threadIdx.y * ROWS + r].at[i]);
        }
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            b[c] = load<4>(&right[threadIdx.x + c * ACROSS].at[i]);
        }
#pragma unroll
        for (int k = 0; k < 4; k++) {
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
#pragma unroll
                for (int c = 0; c < COLUMNS; c++) {
                    product[r][c] += a[r].at[k] * b[c].at[k];
                }
            }
        }
    }
}

/* The first of the thread's columns of a sum, of each group. */
template <int D> __device__ __forceinline__ int column_of(int group) {
    return (group * ACROSS + (int)threadIdx.x) * tiles<D>::GROUP;
}

/* sum[r] += factor[r] row */
template <int D>
__device__ __forceinline__ void add_row(const float (&factor)[tiles<D>::ROWS],
                                        const tile_row<D> &row,
                                        float (&sum)[tiles<D>::ROWS][tiles<D>::WIDE]) {
    constexpr int GROUP = tiles<D>::GROUP;
#pragma unroll
    for (int g = 0; g < tiles<D>::WIDE / GROUP; g++) {
        const pack<float, GROUP> x = load<GROUP>(&row.at[column_of<D>(g)]);
#pragma unroll
        for (int r = 0; r < tiles<D>::ROWS; r++) {
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
                sum[r][g * GROUP + k] += factor[r] * x.at[k];
            }
        }
    }
}

/* The thread's part of a sum, to rows `stride` apart of which `rows` are there. */
template <int D, class T>
__device__ __forceinline__ void store_sum(const attention &a,
                                          const float (&sum)[tiles<D>::ROWS][tiles<D>::WIDE], T *to,
                                          int64_t stride, int64_t rows) {
    constexpr int ROWS = tiles<D>::ROWS, GROUP = tiles<D>::GROUP;
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        const int row = (int)threadIdx.y * ROWS + r;
#pragma unroll
        for (int g = 0; g < tiles<D>::WIDE / GROUP; g++) {
            const int column = column_of<D>(g);
            pack<T, GROUP> x;
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
                x.at[k] = narrow<T>(sum[r][g * GROUP + k]);
            }
            if (row < rows && a.packs && column < a.width) {
                store(to + row * stride + column, x);
            }
            for (int k = 0; k < GROUP && row < rows && !a.packs && column + k < a.width; k++) {
                to[row * stride + column + k] = x.at[k];
            }
        }
    }
}

/* Within the 16 threads of a row. */
template <class F> __device__ __forceinline__ float row_fold(float x) {
#pragma unroll
    for (int with = ACROSS / 2; with > 0; with /= 2) {
        x = F::fold(x, __shfl_xor_sync(ALL_LANES, x, with));
    }
    return x;
}

/* ---- On the host. ---- */

inline int tile_of(int64_t width) {
    return width > 64 ? tiles<128>::TILE : tiles<64>::TILE;
}

/* [prepare] Is there a kernel for these queries, keys and values? */
inline bool attention_fits(const kd_node *node, const kd_spec *qkv, kd_error *err) {
    const int64_t heads = kd_attr_int(node, "heads", 1), width = qkv->dim[2] / 3 / heads;
    if (width > MOST_WIDTH) {
        return refuse(node, "heads have more than 128 channels", err);
    }
    const int64_t blocks = (qkv->dim[1] + tile_of(width) - 1) / tile_of(width);
    return (qkv->dim[0] * heads <= INT32_MAX / blocks && qkv->dim[1] <= INT32_MAX / heads) ||
           refuse(node, "more heads and tokens than a grid has blocks", err);
}

inline attention attention_of(const kd_node *node, const kd_spec *qkv) {
    attention a = {};
    a.tokens = qkv->dim[1];
    a.heads = (int32_t)kd_attr_int(node, "heads", 1);
    a.width = (int32_t)(qkv->dim[2] / 3 / a.heads);
    a.blocks = (int32_t)((a.tokens + tile_of(a.width) - 1) / tile_of(a.width));
    a.scale = (float)kd_attr_float(node, "scale", 1);
    a.packs = (size_t)a.width * kd_dtype_bytes(qkv->dtype) % 16 == 0;
    return a;
}

} // namespace

#endif
