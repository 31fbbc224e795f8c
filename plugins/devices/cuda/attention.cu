/* SPDX-License-Identifier: Apache-2.0
 * Attention of several heads: a block a tile of queries, which goes over the keys once, with a
 * running maximum and sum for each of its rows.
 *
 * source  Dao 2023, https://arxiv.org/abs/2307.08691, algorithm 1 */
#include "attention_tensor.h"
#include "kernels.h"

namespace {

/* Of the keys seen so far, for each of the thread's rows: the largest score, and the sum of
 * exp(score - max), of which the thread has its columns' share. */
template <int ROWS> struct totals { float max[ROWS], sum[ROWS]; };

/* Scores become exp(score - max), and what was summed under another maximum is rescaled. A score of
 * -infinity counts nothing, even where there is no other yet; +infinity and NaN give NaN. */
template <int D>
__device__ __forceinline__ void
soften(const attention &a, int64_t keys, float (&score)[tiles<D>::ROWS][tiles<D>::COLUMNS],
       totals<tiles<D>::ROWS> &t, float (&sum)[tiles<D>::ROWS][tiles<D>::WIDE]) {
#pragma unroll
    for (int r = 0; r < tiles<D>::ROWS; r++) {
        float max = t.max[r];
#pragma unroll
        for (int c = 0; c < tiles<D>::COLUMNS; c++) {
            const bool there = (int)threadIdx.x + c * ACROSS < keys;
            score[r][c] = there ? score[r][c] * a.scale : -INFINITY;
            max = score[r][c] > max ? score[r][c] : max;
        }
        max = row_fold<larger>(max);
        const float level = max == -INFINITY ? 0 : max, factor = expf(t.max[r] - level);
        t.max[r] = max;
        t.sum[r] *= factor;
#pragma unroll
        for (int c = 0; c < tiles<D>::COLUMNS; c++) {
            score[r][c] = expf(score[r][c] - level);
            t.sum[r] += score[r][c];
        }
#pragma unroll
        for (int k = 0; k < tiles<D>::WIDE; k++) {
            sum[r][k] *= factor;
        }
    }
}

/* The thread's shares of sums become whole, and the values' means weighted by them. */
template <int D>
__device__ __forceinline__ void divide(totals<tiles<D>::ROWS> &t,
                                       float (&sum)[tiles<D>::ROWS][tiles<D>::WIDE]) {
    for (int r = 0; r < tiles<D>::ROWS; r++) {
        t.sum[r] = row_fold<::sum>(t.sum[r]);
        for (int k = 0; k < tiles<D>::WIDE; k++) {
            sum[r][k] /= t.sum[r];
        }
    }
}

template <int D>
__device__ __forceinline__ void store_lse(const attention &a, const head_place &p,
                                          const totals<tiles<D>::ROWS> &t, float *lse) {
    for (int r = 0; r < tiles<D>::ROWS; r++) {
        const int64_t token = p.first + threadIdx.y * tiles<D>::ROWS + r;
        if (lse && threadIdx.x == 0 && token < a.tokens) {
            lse[place_lse(a, p, token)] = t.sum[r] > 0 ? t.max[r] + logf(t.sum[r]) : NAN;
        }
    }
}

template <class T, int D>
__global__ void __launch_bounds__(TILE_THREADS)
    attend(attention a, const T *qkv, T *y, float *lse) {
    constexpr int TILE = tiles<D>::TILE, ROWS = tiles<D>::ROWS;
    __shared__ tile_row<D> query[TILE], key[TILE], value[TILE];
    __shared__ tile_row<TILE> weight[TILE]; /* [key], of each query */
    const head_place p = head_of(a, TILE);
    const int64_t stride = (int64_t)3 * a.heads * a.width, queries = a.tokens - p.first;
    float sum[ROWS][tiles<D>::WIDE] = {};
    totals<ROWS> t;
    for (int r = 0; r < ROWS; r++) {
        t.max[r] = -INFINITY;
        t.sum[r] = 0;
    }
    load_tile(a, qkv + place_in(a, p, QUERY, p.first), stride, queries, query);
    for (int64_t first = 0; first < a.tokens; first += TILE) {
        load_tile(a, qkv + place_in(a, p, KEY, first), stride, a.tokens - first, key);
        load_tile(a, qkv + place_in(a, p, VALUE, first), stride, a.tokens - first, value);
        __syncthreads();
        float score[ROWS][tiles<D>::COLUMNS];
        multiply(query, key, score);
        soften<D>(a, a.tokens - first, score, t, sum);
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < tiles<D>::COLUMNS; c++) {
                weight[threadIdx.x + c * ACROSS].at[threadIdx.y * ROWS + r] = score[r][c];
            }
        }
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < TILE; k++) {
            const pack<float, ROWS> factor = load<ROWS>(&weight[k].at[threadIdx.y * ROWS]);
            add_row(factor.at, value[k], sum);
        }
        __syncthreads();
    }
    divide<D>(t, sum);
    store_lse<D>(a, p, t, lse);
    store_sum<D>(a, sum, y + place_out(a, p, p.first), (int64_t)a.heads * a.width, queries);
}

/* ---- On the host. ---- */

bool prepare(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    const kd_spec *qkv = &node->inputs[0];
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    if (node->n_outputs > 1 && node->outputs[1].dtype != KD_F32) {
        return refuse(node, "lse is f32", err);
    }
    return kd_elements(qkv) == 0 || attention_fits(node, qkv, err);
}

template <class T, int D>
void attend_all(kd_device *device, const kd_node *node, void *const *in, void *const *out) {
    const attention a = attention_of(node, &node->inputs[0]);
    const int64_t items = node->inputs[0].dim[0] * a.heads;
    KD_LAUNCH(device, (attend<T, D>), (unsigned)(items * a.blocks), dim3(ACROSS, DOWN), 0, a,
              (const T *)in[0], (T *)out[0], node->n_outputs > 1 ? (float *)out[1] : nullptr);
}

template <class T>
void run_of(kd_device *device, const kd_node *node, void *const *in, void *const *out) {
    const int32_t width = attention_of(node, &node->inputs[0]).width;
    if (width <= 32) {
        attend_all<T, 32>(device, node, in, out);
    } else if (width <= 64) {
        attend_all<T, 64>(device, node, in, out);
    } else {
        attend_all<T, 128>(device, node, in, out);
    }
}

void run(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
         void *) {
    if (kd_elements(&node->inputs[0]) == 0) {
        return;
    }
    if (on_tensor_cores(node, &node->inputs[0])) {
        attend_on_tensor_cores(device, node, in[0], out[0],
                               node->n_outputs > 1 ? (float *)out[1] : nullptr);
    } else if (node->inputs[0].dtype == KD_BF16) {
        run_of<bf16>(device, node, in, out);
    } else {
        run_of<float>(device, node, in, out);
    }
}

} // namespace

extern "C" const kd_kernel cuda_attention[] = {
    {sizeof(kd_kernel), 0, "attention", prepare, run, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
