/* SPDX-License-Identifier: Apache-2.0
 * Tensors [rows, channels] cut into tiles of channels and splits of rows, and sums over the rows:
 * two at a time, in one launch, in a fixed order.
 *
 * A thread keeps its channels, a pack of N, and takes every lines-th row of its split: so what
 * belongs to a channel is read once. */
#ifndef CUDA_CHANNELS_H
#define CUDA_CHANNELS_H

#include "elements.h"
#include "folds.h"

typedef struct tiling {
    int64_t rows, channels, split; /* split: rows of one */
    int elements;                  /* of a pack */
    int lanes, lines;              /* threads along channels and along rows: THREADS of them */
    int width;                     /* channels of a tile: lanes packs */
    int tiles, splits;
} tiling;

/* rows a thread takes at least, and blocks that are wanted, rows allowing. */
static inline tiling tiling_of(const kd_spec *x, int least_rows, int blocks) {
    tiling t = {};
    t.channels = x->dim[x->rank - 1];
    t.rows = t.channels ? kd_elements(x) / t.channels : 0;
    t.elements = (int)(16 / kd_dtype_bytes(x->dtype));
    t.elements = t.channels % t.elements == 0 ? t.elements : 1;
    t.width = t.elements == 1 ? 32 : 64;
    t.lanes = t.width / t.elements;
    t.lines = THREADS / t.lanes;
    t.tiles = (int)((t.channels + t.width - 1) / t.width);
    const int64_t most = t.rows / (t.lines * least_rows);
    int64_t splits = blocks / (t.tiles ? t.tiles : 1);
    splits = splits < most ? splits : most;
    splits = splits < 1 ? 1 : splits;
    t.split = (t.rows + splits - 1) / splits;
    t.splits = t.split ? (int)((t.rows + t.split - 1) / t.split) : 1;
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
    int64_t channel, begin, end; /* first of the pack; rows of the split */
    bool any;
};

__device__ __forceinline__ channel_place channel_place_of(const tiling &t) {
    channel_place p;
    p.lane = (int)threadIdx.x % t.lanes;
    p.line = (int)threadIdx.x / t.lanes;
    p.channel = (int64_t)blockIdx.x * t.width + p.lane * t.elements;
    p.begin = blockIdx.y * t.split + p.line;
    const int64_t stop = (blockIdx.y + 1) * t.split;
    p.any = p.channel < t.channels;
    p.end = !p.any ? 0 : stop < t.rows ? stop : t.rows;
    return p;
}

#define MOST_WIDTH 64
#define TILE_SUMS (2 * MOST_WIDTH)
/* Floats of shared memory: two sums of all packs, and later a float4 a thread. */
#define TILE_ROOM(N) ((N) > 2 ? 2 * (N)*THREADS : 4 * THREADS)

/* Bytes of memory for partial sums: [tiles, splits, TILE_SUMS]. */
static inline size_t tiling_scratch(const tiling *t) {
    return (size_t)t->tiles * (size_t)t->splits * TILE_SUMS * sizeof(float);
}

/* Sums up what the block's threads hold of this split, then over all splits. True in the last block
 * of the tile, where total [TILE_SUMS] then is the sums of a by channel of the tile, and from
 * t.width on those of b. room [TILE_ROOM(N)] and total are shared, counters [tiles] are 0 before
 * and after. */
template <int N>
__device__ bool fold_tile(const tiling &t, const channel_place &p, const float (&a)[N],
                          const float (&b)[N], float *partial, unsigned *counters, float *room,
                          float *total) {
    __shared__ unsigned arrived;
    const int sums = 2 * t.width;
    for (int k = 0; k < N; k++) {
        room[p.line * sums + p.lane * N + k] = a[k];
        room[p.line * sums + t.width + p.lane * N + k] = b[k];
    }
    __syncthreads();
    float *tile = partial + (int64_t)blockIdx.x * t.splits * TILE_SUMS;
    if ((int)threadIdx.x < sums) {
        float x = 0;
        for (int line = 0; line < t.lines; line++) {
            x += room[line * sums + threadIdx.x];
        }
        total[threadIdx.x] = x;
        tile[blockIdx.y * (int64_t)TILE_SUMS + threadIdx.x] = x;
    }
    if (t.splits == 1) {
        __syncthreads();
        return true;
    }
    if (!block_is_last(counters + blockIdx.x, (unsigned)t.splits, &arrived)) {
        return false;
    }
    const int quads = sums / 4, groups = THREADS / quads;
    const int quad = (int)threadIdx.x % quads, group = (int)threadIdx.x / quads;
    float4 x = make_float4(0, 0, 0, 0);
    for (int split = group; split < t.splits; split += groups) {
        const float4 more =
            __ldcg(reinterpret_cast<const float4 *>(tile + split * (int64_t)TILE_SUMS) + quad);
        x = make_float4(x.x + more.x, x.y + more.y, x.z + more.z, x.w + more.w);
    }
    reinterpret_cast<float4 *>(room)[group * quads + quad] = x;
    __syncthreads();
    if ((int)threadIdx.x < sums) {
        float all = 0;
        for (int g = 0; g < groups; g++) {
            all += room[g * sums + threadIdx.x];
        }
        total[threadIdx.x] = all;
    }
    __syncthreads();
    return true;
}

#endif
