/* SPDX-License-Identifier: Apache-2.0
 * The gradient of attention on tensor cores, from the saved log-sum-exp, in two passes as in
 * attention_grad.cu: every sum has one owner and one order. */
#include "attention_tensor.h"

namespace {

/* Blocks of a multiprocessor that the registers leave room for. */
template <int D> constexpr int BLOCKS = D > 64 ? 2 : 3;

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

/* What a block has in shared memory, of each warp. */
template <int D> struct room {
    strip<D> key[WARPS<D>], value[WARPS<D>], query[WARPS<D>], dout[WARPS<D>];
    square score[WARPS<D>], slope[WARPS<D>];
    weights weight[WARPS<D>], bend[WARPS<D>];
    float lse[WARPS<D>][STRIP], mean[WARPS<D>][STRIP];
};

/* Dynamic shared memory begins at a multiple of 16 bytes, fragments at one of 32. */
#define ROOM_BYTES(D) (sizeof(room<D>) + 16)
template <int D> __device__ __forceinline__ room<D> &room_at(unsigned char *memory) {
    return *reinterpret_cast<room<D> *>(memory + (uintptr_t)memory % 32);
}

/* The warp's strip is of keys: rows are keys, columns queries. */
template <int D>
__global__ void __launch_bounds__(WARPS<D> *WARP, BLOCKS<D>) pass_to_keys(attention a, operands o) {
    KD_DYNAMIC_SHARED(unsigned char, memory);
    room<D> &r = room_at<D>(memory);
    const int warp = (int)threadIdx.y, row = row_of_lane(), round = (int)blockDim.y * STRIP;
    square &score = r.score[warp], &slope = r.slope[warp];
    head_place p = head_of(a, round);
    p.first += warp * STRIP;
    const int64_t out_stride = (int64_t)a.heads * a.width, stride = 3 * out_stride;
    const int keys = rows_of_strip(a, p.first);
    load_strip(a, o.qkv + place_in(a, p, KEY, p.first), stride, keys, r.key[warp]);
    load_strip(a, o.qkv + place_in(a, p, VALUE, p.first), stride, keys, r.value[warp]);
    strip_sum<D> dkey, dvalue;
    for (int64_t first = 0; first < a.tokens; first += round) {
        const int64_t mine = first + warp * STRIP;
        const int there = rows_of_strip(a, mine);
        __syncthreads();
        load_strip(a, o.qkv + place_in(a, p, QUERY, mine), stride, there, r.query[warp]);
        load_strip(a, o.dout + place_out(a, p, mine), out_stride, there, r.dout[warp]);
        if (threadIdx.x < STRIP) {
            const int64_t at = place_lse(a, p, mine + threadIdx.x);
            r.lse[warp][threadIdx.x] = (int)threadIdx.x < there ? o.lse[at] : 0;
            r.mean[warp][threadIdx.x] = (int)threadIdx.x < there ? o.mean[at] : 0;
        }
        __syncthreads();
#pragma unroll 1
        for (int s = 0; s < strips_of_round(a, first); s++) {
            const int queries = rows_of_strip(a, first + s * STRIP);
            multiply(r.key[warp], r.query[s], score);
            multiply(r.value[warp], r.dout[s], slope);
            for (int c = column_of_lane(); c < column_of_lane() + 8; c++) {
                const bent b = row < keys && c < queries
                                   ? soften_back(a, score.at[row][c], slope.at[row][c], r.lse[s][c],
                                                 r.mean[s][c])
                                   : bent{0, 0};
                r.weight[warp].at[row][c] = narrow<bf16>(b.weight);
                r.bend[warp].at[row][c] = narrow<bf16>(b.bend);
            }
            add_rows(r.weight[warp], r.dout[s], dvalue);
            add_rows(r.bend[warp], r.query[s], dkey);
        }
    }
    store_strip(a, dkey, score, o.dqkv + place_in(a, p, KEY, p.first), stride, keys);
    store_strip(a, dvalue, score, o.dqkv + place_in(a, p, VALUE, p.first), stride, keys);
}

/* The warp's strip is of queries: rows are queries, columns keys. */
template <int D>
__global__ void __launch_bounds__(WARPS<D> *WARP, BLOCKS<D>)
    pass_to_queries(attention a, operands o) {
    KD_DYNAMIC_SHARED(unsigned char, memory);
    room<D> &r = room_at<D>(memory);
    const int warp = (int)threadIdx.y, row = row_of_lane(), round = (int)blockDim.y * STRIP;
    square &score = r.score[warp], &slope = r.slope[warp];
    head_place p = head_of(a, round);
    p.first += warp * STRIP;
    const int64_t out_stride = (int64_t)a.heads * a.width, stride = 3 * out_stride;
    const int64_t at = place_lse(a, p, p.first + row);
    const int queries = rows_of_strip(a, p.first);
    load_strip(a, o.qkv + place_in(a, p, QUERY, p.first), stride, queries, r.query[warp]);
    load_strip(a, o.dout + place_out(a, p, p.first), out_stride, queries, r.dout[warp]);
    const float lse = row < queries ? o.lse[at] : 0, mean = row < queries ? o.mean[at] : 0;
    strip_sum<D> dquery;
    for (int64_t first = 0; first < a.tokens; first += round) {
        const int64_t mine = first + warp * STRIP;
        const int there = rows_of_strip(a, mine);
        __syncthreads();
        load_strip(a, o.qkv + place_in(a, p, KEY, mine), stride, there, r.key[warp]);
        load_strip(a, o.qkv + place_in(a, p, VALUE, mine), stride, there, r.value[warp]);
        __syncthreads();
#pragma unroll 1
        for (int s = 0; s < strips_of_round(a, first); s++) {
            const int keys = rows_of_strip(a, first + s * STRIP);
            multiply(r.query[warp], r.key[s], score);
            multiply(r.dout[warp], r.value[s], slope);
            for (int c = column_of_lane(); c < column_of_lane() + 8; c++) {
                const bent b = row < queries && c < keys
                                   ? soften_back(a, score.at[row][c], slope.at[row][c], lse, mean)
                                   : bent{0, 0};
                r.bend[warp].at[row][c] = narrow<bf16>(b.bend);
            }
            add_rows(r.bend[warp], r.key[s], dquery);
        }
    }
    store_strip(a, dquery, score, o.dqkv + place_in(a, p, QUERY, p.first), stride, queries);
}

template <int D> void launch(kd_device *device, const kd_node *node, const operands &o) {
    attention a = attention_of(node, &node->inputs[1]);
    const int warps = share_strips(&a, WARPS<D>);
    const unsigned blocks = (unsigned)(node->inputs[1].dim[0] * a.heads * a.blocks);
    const dim3 block(WARP, (unsigned)warps);
    KD_LAUNCH(device, pass_to_keys<D>, blocks, block, ROOM_BYTES(D), a, o);
    KD_LAUNCH(device, pass_to_queries<D>, blocks, block, ROOM_BYTES(D), a, o);
}

template <int D> bool prepare(const kd_node *node, kd_error *err) {
    const void *const passes[] = {(const void *)pass_to_keys<D>, (const void *)pass_to_queries<D>};
    for (const void *pass : passes) {
        if (cudaFuncSetAttribute(pass, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 (int)ROOM_BYTES(D)) != cudaSuccess) {
            return refuse(node, "CUDA sets no shared memory aside for it", err);
        }
    }
    return true;
}

} // namespace

bool attention_grad_prepare_on_tensor_cores(const kd_node *node, kd_error *err) {
    const int64_t width = attention_of(node, &node->inputs[1]).width;
    return width <= 32   ? prepare<32>(node, err)
           : width <= 64 ? prepare<64>(node, err)
                         : prepare<128>(node, err);
}

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
