/* SPDX-License-Identifier: Apache-2.0
 * The gradient of attention, from the saved log-sum-exp: scores are computed again. Keys and values
 * get theirs in one pass, a block a tile of keys, over all queries; queries in another, a block a
 * tile of them, over all keys. So every sum has one owner and one order.
 *
 * source  Dao 2023, https://arxiv.org/abs/2307.08691, algorithm 2, less its atomics */
#include "attention_tensor.h"
#include "kernels.h"

namespace {

/* What the kernels read, and where the gradient goes. */
template <class T> struct operands {
    const T *dout, *qkv, *out;
    const float *lse;
    float *mean; /* as lse: dout . out of each row */
    T *dqkv;
};

/* blockDim.x lanes of a warp a row of out, in packs of N; rows as they lie in out, an image's over
 * the grid's first dimension. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS) find_means(attention a, operands<T> o, int64_t images) {
    const uint32_t rows = (uint32_t)a.tokens * (uint32_t)a.heads;
    const uint32_t row = blockIdx.x * blockDim.y + threadIdx.y;
    const uint32_t token = row / (uint32_t)a.heads, head = row % (uint32_t)a.heads;
    for (int64_t image = blockIdx.y; image < images; image += gridDim.y) {
        const head_place p = {image, head, 0};
        const int64_t at = place_out(a, p, token);
        float total = 0;
        for (int32_t i = (int32_t)threadIdx.x * N; row < rows && i < a.width;
             i += (int32_t)blockDim.x * N) {
            const pack<T, N> d = load<N>(o.dout + at + i), y = load<N>(o.out + at + i);
#pragma unroll
            for (int k = 0; k < N; k++) {
                total += widen(d.at[k]) * widen(y.at[k]);
            }
        }
        for (int with = (int)blockDim.x / 2; with > 0; with /= 2) {
            total += __shfl_xor_sync(ALL_LANES, total, with);
        }
        if (row < rows && threadIdx.x == 0) {
            o.mean[place_lse(a, p, token)] = total;
        }
    }
}

/* lse and mean of a tile of queries. */
template <int TILE> struct levels { float lse[TILE], mean[TILE]; };

template <class T, int TILE>
__device__ __forceinline__ void load_levels(const attention &a, const operands<T> &o,
                                            const head_place &p, int64_t first, levels<TILE> &to) {
    const int i = (int)(threadIdx.y * ACROSS + threadIdx.x);
    if (i < TILE) {
        const bool there = first + i < a.tokens;
        const int64_t at = place_lse(a, p, first + i);
        to.lse[i] = there ? o.lse[at] : 0;
        to.mean[i] = there ? o.mean[at] : 0;
    }
}

/* score = q . k and slope = dout . v become p = exp(scale score - lse) and the score's gradient
 * p (slope - mean) scale; zero where there is no query or no key. Rows are queries. */
template <int D>
__device__ __forceinline__ void soften_back(const attention &a, const levels<tiles<D>::TILE> &l,
                                            int64_t queries, int64_t keys,
                                            float (&score)[tiles<D>::ROWS][tiles<D>::COLUMNS],
                                            float (&slope)[tiles<D>::ROWS][tiles<D>::COLUMNS]) {
#pragma unroll
    for (int r = 0; r < tiles<D>::ROWS; r++) {
        const int row = (int)threadIdx.y * tiles<D>::ROWS + r;
#pragma unroll
        for (int c = 0; c < tiles<D>::COLUMNS; c++) {
            const bool there = row < queries && (int)threadIdx.x + c * ACROSS < keys;
            score[r][c] = there ? expf(a.scale * score[r][c] - l.lse[row]) : 0;
            slope[r][c] = there ? score[r][c] * (slope[r][c] - l.mean[row]) * a.scale : 0;
        }
    }
}

template <class T, int D>
__global__ void __launch_bounds__(TILE_THREADS, 3) pass_to_keys(attention a, operands<T> o) {
    constexpr int TILE = tiles<D>::TILE, ROWS = tiles<D>::ROWS, COLUMNS = tiles<D>::COLUMNS;
    __shared__ tile_row<D> key[TILE], value[TILE], query[TILE], dout[TILE];
    __shared__ tile_row<TILE> weight[TILE], bend[TILE]; /* [query], of each key */
    __shared__ levels<TILE> l;
    const head_place p = head_of(a, TILE);
    const int64_t keys = a.tokens - p.first, out_stride = (int64_t)a.heads * a.width;
    const int64_t stride = 3 * out_stride;
    float dkey[ROWS][tiles<D>::WIDE] = {}, dvalue[ROWS][tiles<D>::WIDE] = {};
    load_tile(a, o.qkv + place_in(a, p, KEY, p.first), stride, keys, key);
    load_tile(a, o.qkv + place_in(a, p, VALUE, p.first), stride, keys, value);
    for (int64_t first = 0; first < a.tokens; first += TILE) {
        const int64_t queries = a.tokens - first;
        load_tile(a, o.qkv + place_in(a, p, QUERY, first), stride, queries, query);
        load_tile(a, o.dout + place_out(a, p, first), out_stride, queries, dout);
        load_levels(a, o, p, first, l);
        __syncthreads();
        float score[ROWS][COLUMNS], slope[ROWS][COLUMNS];
        multiply(query, key, score);
        multiply(dout, value, slope);
        soften_back<D>(a, l, queries, keys, score, slope);
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                weight[threadIdx.y * ROWS + r].at[threadIdx.x + c * ACROSS] = score[r][c];
                bend[threadIdx.y * ROWS + r].at[threadIdx.x + c * ACROSS] = slope[r][c];
            }
        }
        __syncthreads();
#pragma unroll 2
        for (int q = 0; q < TILE; q++) {
            const pack<float, ROWS> w = load<ROWS>(&weight[q].at[threadIdx.y * ROWS]);
            const pack<float, ROWS> b = load<ROWS>(&bend[q].at[threadIdx.y * ROWS]);
            add_row(w.at, dout[q], dvalue);
            add_row(b.at, query[q], dkey);
        }
        __syncthreads();
    }
    store_sum<D>(a, dkey, o.dqkv + place_in(a, p, KEY, p.first), stride, keys);
    store_sum<D>(a, dvalue, o.dqkv + place_in(a, p, VALUE, p.first), stride, keys);
}

template <class T, int D>
__global__ void __launch_bounds__(TILE_THREADS, 3) pass_to_queries(attention a, operands<T> o) {
    constexpr int TILE = tiles<D>::TILE, ROWS = tiles<D>::ROWS, COLUMNS = tiles<D>::COLUMNS;
    __shared__ tile_row<D> query[TILE], dout[TILE], key[TILE], value[TILE];
    __shared__ tile_row<TILE> bend[TILE]; /* [key], of each query */
    __shared__ levels<TILE> l;
    const head_place p = head_of(a, TILE);
    const int64_t queries = a.tokens - p.first, out_stride = (int64_t)a.heads * a.width;
    const int64_t stride = 3 * out_stride;
    float dquery[ROWS][tiles<D>::WIDE] = {};
    load_tile(a, o.qkv + place_in(a, p, QUERY, p.first), stride, queries, query);
    load_tile(a, o.dout + place_out(a, p, p.first), out_stride, queries, dout);
    load_levels(a, o, p, p.first, l);
    for (int64_t first = 0; first < a.tokens; first += TILE) {
        const int64_t keys = a.tokens - first;
        load_tile(a, o.qkv + place_in(a, p, KEY, first), stride, keys, key);
        load_tile(a, o.qkv + place_in(a, p, VALUE, first), stride, keys, value);
        __syncthreads();
        float score[ROWS][COLUMNS], slope[ROWS][COLUMNS];
        multiply(query, key, score);
        multiply(dout, value, slope);
        soften_back<D>(a, l, queries, keys, score, slope);
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                bend[threadIdx.x + c * ACROSS].at[threadIdx.y * ROWS + r] = slope[r][c];
            }
        }
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < TILE; k++) {
            const pack<float, ROWS> b = load<ROWS>(&bend[k].at[threadIdx.y * ROWS]);
            add_row(b.at, key[k], dquery);
        }
        __syncthreads();
    }
    store_sum<D>(a, dquery, o.dqkv + place_in(a, p, QUERY, p.first), stride, queries);
}

/* ---- On the host. ---- */

#define MOST_BLOCKS_Y 65535

bool prepare(kd_device *, const kd_node *node, void **, size_t *ret_scratch, kd_error *err) {
    const kd_spec *qkv = &node->inputs[1];
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    if (node->inputs[3].dtype != KD_F32) {
        return refuse(node, "lse is f32", err);
    }
    *ret_scratch = (size_t)kd_elements(&node->inputs[3]) * sizeof(float);
    return kd_elements(qkv) == 0 ||
           (attention_fits(node, qkv, err) &&
            (!on_tensor_cores(node, qkv) || attention_grad_prepare_on_tensor_cores(node, err)));
}

template <class T, int N>
void find(kd_device *device, const attention &a, const operands<T> &o, int64_t images) {
    unsigned lanes = 1;
    while (lanes < WARP && (int32_t)lanes * N < a.width) {
        lanes *= 2;
    }
    const int64_t rows = a.tokens * a.heads, lines = THREADS / lanes;
    const dim3 grid((unsigned)((rows + lines - 1) / lines),
                    (unsigned)(images < MOST_BLOCKS_Y ? images : MOST_BLOCKS_Y));
    KD_LAUNCH(device, (find_means<T, N>), grid, dim3(lanes, (unsigned)lines), 0, a, o, images);
}

template <class T, int D>
void pass_back(kd_device *device, const attention &a, const operands<T> &o, int64_t items) {
    const unsigned blocks = (unsigned)(items * a.blocks);
    KD_LAUNCH(device, (pass_to_keys<T, D>), blocks, dim3(ACROSS, DOWN), 0, a, o);
    KD_LAUNCH(device, (pass_to_queries<T, D>), blocks, dim3(ACROSS, DOWN), 0, a, o);
}

template <class T>
void run_of(kd_device *device, const kd_node *node, void *const *in, void *dqkv, void *scratch) {
    const attention a = attention_of(node, &node->inputs[1]);
    const int64_t items = node->inputs[1].dim[0] * a.heads;
    const operands<T> o = {(const T *)in[0],     (const T *)in[1], (const T *)in[2],
                           (const float *)in[3], (float *)scratch, (T *)dqkv};
    const int64_t images = node->inputs[1].dim[0];
    a.packs ? find<T, PACK<T>>(device, a, o, images) : find<T, 1>(device, a, o, images);
    if (on_tensor_cores(node, &node->inputs[1])) {
        attention_grad_on_tensor_cores(device, node, in, o.mean, dqkv);
    } else if (a.width <= 32) {
        pass_back<T, 32>(device, a, o, items);
    } else if (a.width <= 64) {
        pass_back<T, 64>(device, a, o, items);
    } else {
        pass_back<T, 128>(device, a, o, items);
    }
}

void run(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
         void *scratch) {
    if (kd_elements(&node->inputs[1]) == 0) {
        return;
    }
    node->inputs[1].dtype == KD_BF16 ? run_of<bf16>(device, node, in, out[0], scratch)
                                     : run_of<float>(device, node, in, out[0], scratch);
}

} // namespace

extern "C" const kd_kernel cuda_attention_grad[] = {
    {sizeof(kd_kernel), 0, "attention_grad", prepare, run, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
