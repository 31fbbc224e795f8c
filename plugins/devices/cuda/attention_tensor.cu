/* SPDX-License-Identifier: Apache-2.0
 * Attention on tensor cores, in two passes over the keys: the first finds the log-sum-exp of each
 * query's scores, the second weighs the values by exp(score - lse). Scores are computed twice, so
 * that sums stay in registers and are never rescaled. */
#include "attention_tensor.h"

namespace {

/* Of the keys seen so far, for the thread's row and half of the columns. */
struct level {
    float max, sum;
};

/* A score of -infinity counts nothing; +infinity and NaN give NaN. */
__device__ __forceinline__ void raise(const attention &a, const square &score, int keys, level &l) {
    float s[8], max = l.max;
#pragma unroll
    for (int c = 0; c < 8; c++) {
        const int column = column_of_lane() + c;
        s[c] = column < keys ? score.at[row_of_lane()][column] * a.scale : -INFINITY;
        max = s[c] > max ? s[c] : max;
    }
    const float base = max == -INFINITY ? 0 : max;
    l.sum *= expf(l.max - base);
    l.max = max;
#pragma unroll
    for (int c = 0; c < 8; c++) {
        l.sum += expf(s[c] - base);
    }
}

/* Of the whole row: the two threads that share it agree. */
__device__ __forceinline__ float log_sum_exp(const level &l) {
    const float max = __shfl_xor_sync(ALL_LANES, l.max, 1);
    const float sum = __shfl_xor_sync(ALL_LANES, l.sum, 1);
    const float most = max > l.max ? max : l.max, base = most == -INFINITY ? 0 : most;
    const float mine = l.sum * expf(l.max - base), theirs = sum * expf(max - base);
    /* The same order in both. */
    const float total = threadIdx.x % 2 ? theirs + mine : mine + theirs;
    return total > 0 ? most + logf(total) : NAN;
}

__device__ __forceinline__ void weigh(const attention &a, const square &score, float lse, int keys,
                                      weights &weight) {
    const int row = row_of_lane();
#pragma unroll
    for (int c = 0; c < 8; c++) {
        const int column = column_of_lane() + c;
        const float w = column < keys ? expf(score.at[row][column] * a.scale - lse) : 0;
        weight.at[row][column] = narrow<bf16>(w);
    }
}

template <int D>
__global__ void __launch_bounds__(WARPS<D> *WARP)
    attend(attention a, const bf16 *qkv, bf16 *y, float *lse) {
    __shared__ strip<D> query[WARPS<D>], key[WARPS<D>], value[WARPS<D>];
    __shared__ square score[WARPS<D>];
    __shared__ weights weight[WARPS<D>];
    const int warp = (int)threadIdx.y, round = (int)blockDim.y * STRIP;
    const bool once = a.blocks == 1;
    head_place p = head_of(a, round);
    p.first += warp * STRIP;
    const int64_t out_stride = (int64_t)a.heads * a.width, stride = 3 * out_stride;
    load_strip(a, qkv + place_in(a, p, QUERY, p.first), stride, rows_of_strip(a, p.first),
               query[warp]);
    level l = {-INFINITY, 0};
    for (int64_t first = 0; first < a.tokens; first += round) {
        const int64_t mine = first + warp * STRIP;
        const int there = rows_of_strip(a, mine);
        __syncthreads();
        load_strip(a, qkv + place_in(a, p, KEY, mine), stride, there, key[warp]);
        if (once) {
            load_strip(a, qkv + place_in(a, p, VALUE, mine), stride, there, value[warp]);
        }
        __syncthreads();
#pragma unroll 1
        for (int s = 0; s < strips_of_round(a, first); s++) {
            multiply(query[warp], key[s], score[warp]);
            raise(a, score[warp], rows_of_strip(a, first + s * STRIP), l);
        }
    }
    const float total = log_sum_exp(l);
    strip_sum<D> sum;
    for (int64_t first = 0; first < a.tokens; first += round) {
        const int64_t mine = first + warp * STRIP;
        const int there = rows_of_strip(a, mine);
        if (!once) {
            __syncthreads();
            load_strip(a, qkv + place_in(a, p, KEY, mine), stride, there, key[warp]);
            load_strip(a, qkv + place_in(a, p, VALUE, mine), stride, there, value[warp]);
            __syncthreads();
        }
#pragma unroll 1
        for (int s = 0; s < strips_of_round(a, first); s++) {
            multiply(query[warp], key[s], score[warp]);
            weigh(a, score[warp], total, rows_of_strip(a, first + s * STRIP), weight[warp]);
            add_rows(weight[warp], value[s], sum);
        }
    }
    const int64_t token = p.first + row_of_lane();
    if (lse && column_of_lane() == 0 && token < a.tokens) {
        lse[place_lse(a, p, token)] = total;
    }
    store_strip(a, sum, score[warp], y + place_out(a, p, p.first), out_stride,
                rows_of_strip(a, p.first));
}

template <int D>
void launch(kd_device *device, const kd_node *node, const void *qkv, void *y, float *lse) {
    attention a = attention_of(node, &node->inputs[0]);
    const int warps = share_strips(&a, WARPS<D>);
    const int64_t items = node->inputs[0].dim[0] * a.heads;
    KD_LAUNCH(device, attend<D>, (unsigned)(items * a.blocks), dim3(WARP, (unsigned)warps), 0, a,
              (const bf16 *)qkv, (bf16 *)y, lse);
}

} // namespace

void attend_on_tensor_cores(kd_device *device, const kd_node *node, const void *qkv, void *y,
                            float *lse) {
    const int64_t width = attention_of(node, &node->inputs[0]).width;
    if (width <= 32) {
        launch<32>(device, node, qkv, y, lse);
    } else if (width <= 64) {
        launch<64>(device, node, qkv, y, lse);
    } else {
        launch<128>(device, node, qkv, y, lse);
    }
}
