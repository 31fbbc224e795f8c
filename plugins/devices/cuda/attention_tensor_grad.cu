/* SPDX-License-Identifier: Apache-2.0
 * The gradient of attention on tensor cores, from the saved log-sum-exp, in two passes as in
 * attention_grad.cu: every sum has one owner and one order. */
#include "attention_tensor.h"

namespace {

struct operands {
    const bf16 *dout, *qkv;
    const float *lse, *mean; /* mean: dout . out of each row */
    bf16 *dqkv;
};

/* score = q . k and slope = dout . v of one pair of rows become p = exp(scale score - lse) and the
 * score's gradient p (slope - mean) scale. */
struct bent {
    float weight, bend;
};
__device__ __forceinline__ bent soften_back(const attention &a, float score, float slope, float lse,
                                            float mean) {
    const float weight = expf(a.scale * score - lse);
    return {weight, weight * (slope - mean) * a.scale};
}

/* The warp's strip is of keys: rows are keys, columns queries. */
template <int D>
__global__ void __launch_bounds__(WARPS<D> *WARP) pass_to_keys(attention a, operands o) {
    __shared__ strip<D> key[WARPS<D>], value[WARPS<D>], query, dout;
    __shared__ square score[WARPS<D>], slope[WARPS<D>];
    __shared__ weights weight[WARPS<D>], bend[WARPS<D>];
    __shared__ float lse[STRIP], mean[STRIP];
    const int warp = (int)threadIdx.y, row = row_of_lane();
    head_place p = head_of(a, (int)blockDim.y * STRIP);
    p.first += warp * STRIP;
    const int64_t out_stride = (int64_t)a.heads * a.width, stride = 3 * out_stride;
    const int64_t keys = a.tokens - p.first;
    load_own(a, o.qkv + place_in(a, p, KEY, p.first), stride, keys, key[warp]);
    load_own(a, o.qkv + place_in(a, p, VALUE, p.first), stride, keys, value[warp]);
    strip_sum<D> dkey, dvalue;
    for (int64_t first = 0; first < a.tokens; first += STRIP) {
        const int64_t queries = a.tokens - first;
        __syncthreads();
        load_others(a, o.qkv + place_in(a, p, QUERY, first), stride, queries, query);
        load_others(a, o.dout + place_out(a, p, first), out_stride, queries, dout);
        if (warp == 0 && threadIdx.x < STRIP) {
            const bool there = threadIdx.x < queries;
            const int64_t at = place_lse(a, p, first + threadIdx.x);
            lse[threadIdx.x] = there ? o.lse[at] : 0;
            mean[threadIdx.x] = there ? o.mean[at] : 0;
        }
        __syncthreads();
        multiply(key[warp], query, score[warp]);
        multiply(value[warp], dout, slope[warp]);
        for (int c = column_of_lane(); c < column_of_lane() + 8; c++) {
            const bent b = row < keys && c < queries
                               ? soften_back(a, score[warp].at[row][c], slope[warp].at[row][c],
                                             lse[c], mean[c])
                               : bent{0, 0};
            weight[warp].at[row][c] = narrow<bf16>(b.weight);
            bend[warp].at[row][c] = narrow<bf16>(b.bend);
        }
        add_rows(weight[warp], dout, dvalue);
        add_rows(bend[warp], query, dkey);
    }
    store_strip(a, dkey, score[warp], o.dqkv + place_in(a, p, KEY, p.first), stride, keys);
    store_strip(a, dvalue, score[warp], o.dqkv + place_in(a, p, VALUE, p.first), stride, keys);
}

/* The warp's strip is of queries: rows are queries, columns keys. */
template <int D>
__global__ void __launch_bounds__(WARPS<D> *WARP) pass_to_queries(attention a, operands o) {
    __shared__ strip<D> query[WARPS<D>], dout[WARPS<D>], key, value;
    __shared__ square score[WARPS<D>], slope[WARPS<D>];
    __shared__ weights bend[WARPS<D>];
    const int warp = (int)threadIdx.y, row = row_of_lane();
    head_place p = head_of(a, (int)blockDim.y * STRIP);
    p.first += warp * STRIP;
    const int64_t out_stride = (int64_t)a.heads * a.width, stride = 3 * out_stride;
    const int64_t queries = a.tokens - p.first, at = place_lse(a, p, p.first + row);
    load_own(a, o.qkv + place_in(a, p, QUERY, p.first), stride, queries, query[warp]);
    load_own(a, o.dout + place_out(a, p, p.first), out_stride, queries, dout[warp]);
    const float lse = row < queries ? o.lse[at] : 0, mean = row < queries ? o.mean[at] : 0;
    strip_sum<D> dquery;
    for (int64_t first = 0; first < a.tokens; first += STRIP) {
        const int64_t keys = a.tokens - first;
        __syncthreads();
        load_others(a, o.qkv + place_in(a, p, KEY, first), stride, keys, key);
        load_others(a, o.qkv + place_in(a, p, VALUE, first), stride, keys, value);
        __syncthreads();
        multiply(query[warp], key, score[warp]);
        multiply(dout[warp], value, slope[warp]);
        for (int c = column_of_lane(); c < column_of_lane() + 8; c++) {
            const bent b =
                row < queries && c < keys
                    ? soften_back(a, score[warp].at[row][c], slope[warp].at[row][c], lse, mean)
                    : bent{0, 0};
            bend[warp].at[row][c] = narrow<bf16>(b.bend);
        }
        add_rows(bend[warp], key, dquery);
    }
    store_strip(a, dquery, score[warp], o.dqkv + place_in(a, p, QUERY, p.first), stride, queries);
}

template <int D> void launch(kd_device *device, const kd_node *node, const operands &o) {
    attention a = attention_of(node, &node->inputs[1]);
    const int warps = share_strips(&a, WARPS<D>);
    const unsigned blocks = (unsigned)(node->inputs[1].dim[0] * a.heads * a.blocks);
    KD_LAUNCH(device, pass_to_keys<D>, blocks, dim3(WARP, (unsigned)warps), 0, a, o);
    KD_LAUNCH(device, pass_to_queries<D>, blocks, dim3(WARP, (unsigned)warps), 0, a, o);
}

} // namespace

void attention_grad_on_tensor_cores(kd_device *device, const kd_node *node, void *const *in,
                                    const float *mean, void *dqkv) {
    const operands o = {(const bf16 *)in[0], (const bf16 *)in[1], (const float *)in[3], mean,
                        (bf16 *)dqkv};
    const int64_t width = attention_of(node, &node->inputs[1]).width;
    if (width <= 32) {
        launch<32>(device, node, o);
    } else if (width <= 64) {
        launch<64>(device, node, o);
    } else {
        launch<128>(device, node, o);
    }
}
