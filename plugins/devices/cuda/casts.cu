/* SPDX-License-Identifier: Apache-2.0
 * Many tensors to bf16 in one launch, a block a chunk. Where they lie and how long they are is among
 * the kernel's arguments, which have 4 KiB on every driver: more tensors are more launches. */
#include "elements.h"
#include "kernels.h"

namespace {

#define CAST_CHUNK 8192 /* elements of a block, at most */
#define MOST_TENSORS 128

struct tensors {
    const float *from[MOST_TENSORS];
    bf16 *to[MOST_TENSORS];
    int64_t elements[MOST_TENSORS];
    int32_t first[MOST_TENSORS + 1]; /* chunk of each; behind the last, how many there are */
    int32_t count;
};
static_assert(sizeof(tensors) <= 4096, "arguments of a kernel");

/* The tensor of a chunk: the last that does not begin behind it. */
__device__ __forceinline__ int32_t tensor_of(const tensors &t, int32_t chunk) {
    int32_t low = 0, high = t.count - 1;
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (t.first[middle] <= chunk) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

__global__ void __launch_bounds__(THREADS) round_all(tensors t) {
    const int32_t which = tensor_of(t, (int32_t)blockIdx.x);
    const int64_t begin = (int64_t)((int32_t)blockIdx.x - t.first[which]) * CAST_CHUNK;
    const int64_t left = t.elements[which] - begin;
    const int32_t count = (int32_t)(left < CAST_CHUNK ? left : CAST_CHUNK), packs = count / 8;
    const float *from = t.from[which] + begin;
    bf16 *to = t.to[which] + begin;
#pragma unroll 4
    for (int32_t i = (int32_t)threadIdx.x; i < packs; i += THREADS) {
        const pack<float, 4> x[2] = {load<4>(from + i * 8), load<4>(from + i * 8 + 4)};
        pack<bf16, 8> y;
#pragma unroll
        for (int k = 0; k < 8; k++) {
            y.at[k] = narrow<bf16>(x[k / 4].at[k % 4]);
        }
        store(to + i * 8, y);
    }
    const int32_t last = packs * 8 + (int32_t)threadIdx.x;
    if (last < count) {
        to[last] = narrow<bf16>(from[last]);
    }
}

/* ---- On the host. ---- */

bool prepare(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i].dtype != KD_F32 || node->outputs[i].dtype != KD_BF16) {
            return refuse(node, "takes f32 and gives bf16", err);
        }
    }
    return true;
}

void add(tensors *t, const void *from, void *to, int64_t elements) {
    if (elements > 0) {
        const int32_t i = t->count++;
        t->from[i] = (const float *)from;
        t->to[i] = (bf16 *)to;
        t->elements[i] = elements;
        t->first[i + 1] = t->first[i] + (int32_t)((elements + CAST_CHUNK - 1) / CAST_CHUNK);
    }
}

void run(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
         void *) {
    for (uint32_t i = 0; i < node->n_inputs;) {
        tensors t = {};
        for (; i < node->n_inputs && t.count < MOST_TENSORS; i++) {
            add(&t, in[i], out[i], kd_elements(&node->inputs[i]));
        }
        if (t.count) {
            KD_LAUNCH(device, round_all, (unsigned)t.first[t.count], THREADS, 0, t);
        }
    }
}

} // namespace

extern "C" const kd_kernel cuda_casts[] = {
    {sizeof(kd_kernel), 0, "cast_all", prepare, run, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
