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
    size_t partial;     /* bytes of the partial sums; after them, vectors nobody asked for */
};

void norm_release(kd_device *device, void *state) {
    if (state) {
        constant_destroy(device, ((norm_plan *)state)->counters);
    }
    release_state(device, state);
}

/* each: blocks of the pass that sums that a multiprocessor holds at once. */
bool norm_prepare(kd_device *device, const kd_node *node, const kd_spec *x, int each,
                  void **ret_state, size_t *ret_scratch, kd_error *err) {
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    norm_plan *p = (norm_plan *)state_create(sizeof *p, err);
    if (!p) {
        return false;
    }
    p->summed = tiling_of(x, 4, each * 128);
    p->applied = tiling_of(x, 2, 2048);
    p->partial = tiling_scratch(&p->summed);
    if (!counters_create(device, &p->summed, &p->counters, err)) {
        release_state(device, p);
        return false;
    }
    *ret_state = p;
    *ret_scratch = p->partial + 2 * (size_t)p->summed.channels * sizeof(float);
    return true;
}

/* z, before any residual, with scale = gamma inv_std: the gradient makes the same bits of the same
 * x again, so the multiply-add is not left to the compiler. */
__device__ __forceinline__ float apply_norm(float x, float mean, float scale, float beta) {
    return fmaf(x - mean, scale, beta);
}

dim3 grid_of(const tiling *t) {
    return dim3((unsigned)t->tiles, (unsigned)t->splits);
}

} // namespace

#endif
