/* SPDX-License-Identifier: Apache-2.0
 * Tensors [rows, channels] cut into tiles of channels and splits of rows, and sums over the rows:
 * two at a time, in one launch, in a fixed order.
 *
 * A thread keeps its channels, a pack of N, so what belongs to a channel is read once. A split is
 * every so-many-th group of rows, a row a line of threads: all blocks together go over the tensor
 * from one end to the other. */
#ifndef CUDA_CHANNELS_H
#define CUDA_CHANNELS_H

#include "elements.h"
#include "folds.h"

typedef struct tiling {
    int64_t rows, channels;
    int elements; /* of a pack */
    int tiles, splits;
} tiling;

/* Channels of a tile of packs of that many. */
constexpr int width_of(int elements) {
    return elements == 1 ? 32 : 64;
}

/* The same for packs of N; a block's threads along channels and along rows: THREADS of them. */
template <int N> constexpr int WIDTH = width_of(N);
template <int N> constexpr int LANES = WIDTH<N> / N;
template <int N> constexpr int LINES = THREADS / LANES<N>;

/* rows a thread takes at least, and blocks that are wanted, rows allowing. */
static inline tiling tiling_of(const kd_spec *x, int least_rows, int blocks) {
    tiling t = {};
    t.channels = x->dim[x->rank - 1];
    t.rows = t.channels ? kd_elements(x) / t.channels : 0;
    t.elements = (int)(16 / kd_dtype_bytes(x->dtype));
    t.elements = t.channels % t.elements == 0 ? t.elements : 1;
    const int width = width_of(t.elements), lines = THREADS / (width / t.elements);
    t.tiles = (int)((t.channels + width - 1) / width);
    const int64_t most = t.rows / (lines * least_rows);
    int64_t splits = blocks / (t.tiles ? t.tiles : 1);
    splits = splits < most ? splits : most;
    t.splits = splits < 1 ? 1 : (int)splits;
    return t;
}

/* The counters of fold_tile: zeros, [tiles] in device memory, for constant_destroy. */
static inline bool counters_create(kd_device *device, const tiling *t, unsigned **ret,
                                   kd_error *err) {
    const size_t bytes = (size_t)t->tiles * sizeof(unsigned);
    void *zeros = state_create(bytes + 1, err), *made = nullptr;
    const bool done = zeros && constant_create(device, zeros, bytes, &made, err);
    release_state(device, zeros);
    *ret = (unsigned *)made;
    return done;
}

/* This thread's place: the block is one-dimensional, the grid [tiles, splits]. */
struct channel_place {
    int lane, line;
    int64_t channel;          /* first of the pack */
    int64_t begin, end, step; /* rows */
    bool any;
};

template <int N> __device__ __forceinline__ channel_place channel_place_of(const tiling &t) {
    channel_place p;
    p.lane = (int)threadIdx.x % LANES<N>;
    p.line = (int)threadIdx.x / LANES<N>;
    /* Not by N, which says to nvcc 13 that the low bits of what is stored at are 0: it then adds by
     * `or`, does not see that a pack's elements are neighbours, and stores them one by one. */
    p.channel = ((int64_t)blockIdx.x * LANES<N> + p.lane) * t.elements;
    p.begin = (int64_t)blockIdx.y * LINES<N> + p.line;
    p.step = (int64_t)t.splits * LINES<N>;
    p.any = p.channel < t.channels;
    p.end = p.any ? t.rows : 0;
    return p;
}

/* Of a vector by channel those of this thread, 0 where it has none. */
template <int N>
__device__ __forceinline__ void load_channels(float (&to)[N], const float *from,
                                              const channel_place &p) {
    constexpr int M = N < 4 ? N : 4;
#pragma unroll
    for (int k = 0; k < N; k += M) {
        const pack<float, M> some = p.any ? load<M>(from + p.channel + k) : pack<float, M>{};
#pragma unroll
        for (int i = 0; i < M; i++) {
            to[k + i] = some.at[i];
        }
    }
}

/* use(i, fetch(i)) for i = begin, begin + step ... below end, in this order; U fetches are made
 * before the first use of what they bring, so that their loads are under way together. Left to
 * itself a compiler moves no load over the loop's test, nor over a store to what may be the same
 * memory. */
template <int U, class I, class Fetch, class Use>
__device__ __forceinline__ void in_batches(I begin, I end, I step, const Fetch &fetch,
                                           const Use &use) {
    I i = begin;
#pragma unroll 1
    for (; i + (U - 1) * step < end; i += U * step) {
        decltype(fetch(i)) held[U];
#pragma unroll
        for (int u = 0; u < U; u++) {
            held[u] = fetch(i + u * step);
        }
#pragma unroll
        for (int u = 0; u < U; u++) {
            use(i + u * step, held[u]);
        }
    }
#pragma unroll 1
    for (; i < end; i += step) {
        use(i, fetch(i));
    }
}

#define TILE_SUMS (2 * 64)
/* Floats of shared memory: two sums of all packs and a pad a line; later a float4 a thread. */
#define TILE_ROOM(N) ((N) > 1 ? (2 * (N) + 1) * THREADS : 4 * THREADS)

/* Bytes of memory for partial sums: [tiles, splits, TILE_SUMS]. */
static inline size_t tiling_scratch(const tiling *t) {
    return (size_t)t->tiles * (size_t)t->splits * TILE_SUMS * sizeof(float);
}

/* Before they are in order, sums lie by place in the pack and then by lane, a line by its pad
 * further: so the threads of a warp write to different banks. Where the i-th then belongs. */
template <int N> __device__ __forceinline__ int in_order(int i) {
    const int at = i % WIDTH<N>;
    return i - at + at % LANES<N> * N + at / LANES<N>;
}

/* Sums up what the block's threads hold of this split, then over all splits. True in the last block
 * of the tile, where total [TILE_SUMS] then is the sums of a by channel of the tile, and from
 * WIDTH<N> on those of b. room [TILE_ROOM(N)] and total are shared, counters [tiles] are 0 before
 * and after. */
template <int N>
__device__ bool fold_tile(const tiling &t, const channel_place &p, const float (&a)[N],
                          const float (&b)[N], float *partial, unsigned *counters, float *room,
                          float *total) {
    __shared__ unsigned arrived;
    constexpr int sums = 2 * WIDTH<N>, stride = sums + LANES<N>;
    const int own = (int)threadIdx.x;
    for (int k = 0; k < N; k++) {
        room[p.line * stride + k * LANES<N> + p.lane] = a[k];
        room[p.line * stride + WIDTH<N> + k * LANES<N> + p.lane] = b[k];
    }
    __syncthreads();
    float *tile = partial + (int64_t)blockIdx.x * t.splits * TILE_SUMS;
    if (own < sums) {
        float x = 0;
#pragma unroll 8
        for (int line = 0; line < LINES<N>; line++) {
            x += room[line * stride + own];
        }
        total[in_order<N>(own)] = x;
        tile[blockIdx.y * (int64_t)TILE_SUMS + own] = x;
    }
    if (t.splits == 1) {
        __syncthreads();
        return true;
    }
    if (!block_is_last(counters + blockIdx.x, (unsigned)t.splits, &arrived)) {
        return false;
    }
    constexpr int quads = sums / 4, groups = THREADS / quads;
    const float4 *quad = reinterpret_cast<const float4 *>(tile) + own % quads;
    float4 x = make_float4(0, 0, 0, 0);
    in_batches<8>(
        own / quads, t.splits, groups,
        [&](int split) { return __ldcg(quad + split * (int64_t)(TILE_SUMS / 4)); },
        [&](int, const float4 &more) {
            x = make_float4(x.x + more.x, x.y + more.y, x.z + more.z, x.w + more.w);
        });
    reinterpret_cast<float4 *>(room)[own] = x;
    __syncthreads();
    if (own < sums) {
        float all = 0;
        for (int g = 0; g < groups; g++) {
            all += room[g * sums + own];
        }
        total[in_order<N>(own)] = all;
    }
    __syncthreads();
    return true;
}

#endif
