/* SPDX-License-Identifier: Apache-2.0
 * What batch norm and its gradient share on the host: one pass over x that sums by channel, one
 * that applies the sums, and the memory between them. */
#ifndef CUDA_NORM_H
#define CUDA_NORM_H

#include "channels.h"
#include "kernels.h"

namespace {

struct norm_plan {
    tiling summed, applied;
    unsigned *counters; /* [tiles] in device memory */
    size_t partial;     /* bytes of the partial sums; after them, vectors by channel */
};

void norm_release(kd_device *device, void *state) {
    if (state) {
        constant_destroy(device, ((norm_plan *)state)->counters);
    }
    release_state(device, state);
}

#define SCRATCH_VECTORS 3

/* One of them. */
float *scratch_vector(const norm_plan *p, void *scratch, int i) {
    return (float *)((char *)scratch + p->partial) + i * p->summed.channels;
}

/* each: blocks that a multiprocessor holds at once. The pass that sums has so many, for they cost a
 * partial sum each; the one that applies has twice as many. */
bool norm_prepare(kd_device *device, const kd_node *node, const kd_spec *x, int each,
                  void **ret_state, size_t *ret_scratch, kd_error *err) {
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    norm_plan *p = (norm_plan *)state_create(sizeof *p, err);
    if (!p) {
        return false;
    }
    p->summed = tiling_of(x, 4, each * device->multiprocessors);
    p->applied = tiling_of(x, 4, 2 * each * device->multiprocessors);
    p->partial = tiling_scratch(&p->summed);
    if (!counters_create(device, &p->summed, &p->counters, err)) {
        release_state(device, p);
        return false;
    }
    *ret_state = p;
    *ret_scratch = p->partial + SCRATCH_VECTORS * (size_t)p->summed.channels * sizeof(float);
    return true;
}

/* z, before any residual, with scale = gamma inv_std: the gradient makes the same bits of the same
 * x again, so the multiply-add is not left to the compiler. */
__device__ __forceinline__ float apply_norm(float x, float mean, float scale, float beta) {
    return fmaf(x - mean, scale, beta);
}

/* A thread's packs of x as they are counted from its end: the element of the first, one behind the
 * last, and from one to the next. The pass that applies goes so, for the rows that the one before
 * it read last are still in the cache. */
struct backwards {
    int64_t begin, end, step, mirror;
    __device__ __forceinline__ int64_t at(int64_t i) const {
        return mirror - i;
    }
};

__device__ __forceinline__ backwards backwards_of(const tiling &t, const channel_place &p) {
    return {p.begin * t.channels, p.end * t.channels, p.step * t.channels,
            (t.rows - 1) * t.channels + p.channel};
}

dim3 grid_of(const tiling *t) {
    return dim3((unsigned)t->tiles, (unsigned)t->splits);
}

} // namespace

#endif
