/* SPDX-License-Identifier: Apache-2.0
 * Attention of bf16 on tensor cores: what its kernels share. Rows of a head are taken in strips of
 * 16. A block has a few strips of its own (queries, or keys), a warp each, and goes over all
 * strips of the others in rounds: each warp brings one into shared memory, a single time where all
 * fit, and meets all of them. Two strips' products are a square of 16 x 16 scores, which become
 * bf16 weights, by which the others' rows are summed in f32 registers.
 *
 * Where an element of a fragment lies is the hardware's secret, so whatever needs to know its row
 * goes through shared memory. */
#ifndef CUDA_ATTENTION_TENSOR_H
#define CUDA_ATTENTION_TENSOR_H

#include "attention.h"

#ifdef __CUDACC__
#include <mma.h>
#endif

namespace {

#define STRIP 16

/* For heads of up to D channels: warps of a block, so that all of them fit 48 KiB. */
template <int D> constexpr int WARPS = D > 64 ? 3 : 5;

/* Rows are 16 bytes longer than they need be, so that eight of them meet no bank twice. Every 16th
 * column of row 0 lies at a multiple of 32 bytes, as fragments demand. */
template <int D> struct alignas(32) strip { bf16 at[STRIP][D + 8]; };
struct alignas(32) square {
    float at[STRIP][STRIP + 4];
};
struct alignas(32) weights {
    bf16 at[STRIP][STRIP + 8];
};

template <class L>
using left_part = nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, bf16, L>;
template <class L>
using right_part = nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, bf16, L>;
using sum_part = nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float>;
using nvcuda::wmma::col_major;
using nvcuda::wmma::row_major;

/* Sums of a warp's strip, D columns wide. */
template <int D> struct strip_sum {
    sum_part part[D / STRIP];
    __device__ __forceinline__ strip_sum() {
        for (int k = 0; k < D / STRIP; k++) {
            nvcuda::wmma::fill_fragment(part[k], 0.0f);
        }
    }
};

/* Of a warp's square, thread `lane` has 8 columns of row lane / 2. */
__device__ __forceinline__ int row_of_lane() {
    return (int)threadIdx.x / 2;
}
__device__ __forceinline__ int column_of_lane() {
    return (int)threadIdx.x % 2 * 8;
}

/* Rows that are there of the strip that begins at token `first`. */
__device__ __forceinline__ int rows_of_strip(const attention &a, int64_t first) {
    const int64_t left = a.tokens - first;
    return left < 0 ? 0 : left < STRIP ? (int)left : STRIP;
}

/* A strip, by the warp: rows `stride` apart, of which `rows` are there, and the head's columns;
 * else zeros. */
template <int D>
__device__ __forceinline__ void load_strip(const attention &a, const bf16 *from, int64_t stride,
                                           int rows, strip<D> &to) {
#pragma unroll 4
    for (int i = 0; i < STRIP * (D / 8) / WARP; i++) {
        const int at = i * WARP + (int)threadIdx.x;
        const int row = at / (D / 8), column = at % (D / 8) * 8;
        pack<bf16, 8> x = {};
        if (row < rows && column < a.width) {
            x = load<8>(from + row * stride + column);
        }
        store(&to.at[row][column], x);
    }
}

/* Strips of the round that begins at token `first`. */
__device__ __forceinline__ int strips_of_round(const attention &a, int64_t first) {
    const int64_t left = (a.tokens - first + STRIP - 1) / STRIP;
    return left < blockDim.y ? (int)left : (int)blockDim.y;
}

/* to = left right', by the warp, which is done with what `to` was. */
template <int D>
__device__ __forceinline__ void multiply(const strip<D> &left, const strip<D> &right, square &to) {
    sum_part sum;
    nvcuda::wmma::fill_fragment(sum, 0.0f);
#pragma unroll
    for (int k = 0; k < D; k += STRIP) {
        left_part<row_major> a;
        right_part<col_major> b;
        nvcuda::wmma::load_matrix_sync(a, &left.at[0][k], D + 8);
        nvcuda::wmma::load_matrix_sync(b, &right.at[0][k], D + 8);
        nvcuda::wmma::mma_sync(sum, a, b, sum);
    }
    __syncwarp();
    nvcuda::wmma::store_matrix_sync(&to.at[0][0], sum, STRIP + 4, nvcuda::wmma::mem_row_major);
    __syncwarp();
}

/* sum += weight rows, by the warp, which has written the weights. */
template <int D>
__device__ __forceinline__ void add_rows(const weights &weight, const strip<D> &rows,
                                         strip_sum<D> &sum) {
    left_part<row_major> a;
    __syncwarp();
    nvcuda::wmma::load_matrix_sync(a, &weight.at[0][0], STRIP + 8);
#pragma unroll
    for (int k = 0; k < D / STRIP; k++) {
        right_part<row_major> b;
        nvcuda::wmma::load_matrix_sync(b, &rows.at[0][k * STRIP], D + 8);
        nvcuda::wmma::mma_sync(sum.part[k], a, b, sum.part[k]);
    }
    __syncwarp();
}

/* A warp's sums, to rows `stride` apart of which `rows` are there; through `room`. */
template <int D>
__device__ __forceinline__ void store_strip(const attention &a, const strip_sum<D> &sum,
                                            square &room, bf16 *to, int64_t stride, int rows) {
    const int row = row_of_lane();
#pragma unroll
    for (int k = 0; k < D / STRIP; k++) {
        __syncwarp();
        nvcuda::wmma::store_matrix_sync(&room.at[0][0], sum.part[k], STRIP + 4,
                                        nvcuda::wmma::mem_row_major);
        __syncwarp();
        const int column = k * STRIP + column_of_lane();
        pack<bf16, 8> x;
        for (int c = 0; c < 8; c++) {
            x.at[c] = narrow<bf16>(room.at[row][column_of_lane() + c]);
        }
        if (row < rows && column < a.width) {
            store(to + row * stride + column, x);
        }
    }
}

} // namespace

/* ---- On the host. ---- */

/* Heads of a multiple of 16 channels, up to 128, in bf16. */
inline bool on_tensor_cores(const kd_node *node, const kd_spec *qkv) {
    const int64_t heads = kd_attr_int(node, "heads", 1), width = qkv->dim[2] / 3 / heads;
    return qkv->dtype == KD_BF16 && width % STRIP == 0 && width <= MOST_WIDTH;
}

/* Warps of a block, and the blocks of a head: strips shared out evenly. One round is all of a head
 * of one block. */
inline int share_strips(attention *a, int most) {
    const int64_t strips = (a->tokens + STRIP - 1) / STRIP;
    a->blocks = (int32_t)((strips + most - 1) / most);
    return (int)((strips + a->blocks - 1) / a->blocks);
}

/* [prepare] Gives the gradient's kernels their shared memory. */
bool attention_grad_prepare_on_tensor_cores(const kd_node *node, kd_error *err);

/* y and, unless NULL, lse of attention; dqkv of its gradient, means being found. */
void attend_on_tensor_cores(kd_device *device, const kd_node *node, const void *qkv, void *y,
                            float *lse);
void attention_grad_on_tensor_cores(kd_device *device, const kd_node *node, void *const *in,
                                    const float *mean, void *dqkv);

#endif
