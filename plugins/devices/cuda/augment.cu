/* SPDX-License-Identifier: Apache-2.0
 * Views out of stored images (kindred/augment.h defines them): one kernel, a block a view, from the
 * bytes of the source, read once, to the normalised view.
 *
 * A view in the making and a second image beside it lie in shared memory where they fit, else in
 * scratch: in colour up to 96 pixels fit on an H100, up to 64 on every GPU that the device takes.
 */
#include "augment_alter.h"
#include "elements.h"
#include "kernels.h"

namespace {

/* What a kernel gets. bench: floats of one block's images, taps and weights, in `scratch` unless it
 * is NULL, which means in shared memory. */
struct job {
    const kd_augment *a;
    const uint8_t *pixels;
    const int64_t *rows, *key;
    int64_t bytes, count;
    float *scratch;
    size_t bench;
    float factor[3], offset[3]; /* of the normalisation */
};

/* v.image -> to, normalised. */
template <class T> __device__ void finish(const view &v, const job &j, T *to) {
    for (EACH_OF(i, v.values)) {
        const int32_t c = v.channels == 3 ? i % 3 : 0;
        const float f = c == 0 ? j.factor[0] : c == 1 ? j.factor[1] : j.factor[2];
        const float o = c == 0 ? j.offset[0] : c == 1 ? j.offset[1] : j.offset[2];
        to[i] = narrow<T>(v.image[i] * f + o);
    }
}

template <class T> __global__ void __launch_bounds__(VIEW_THREADS, 2) make_views(job j, T *y) {
    KD_DYNAMIC_SHARED(float, shared);
    __shared__ desk d;
    view v;
    v.a = j.a;
    v.d = &d;
    v.size = j.a->size;
    v.channels = j.a->channels;
    v.values = v.size * v.size * v.channels;
    v.key.seed = (uint64_t)j.key[0];
    v.key.epoch = (uint32_t)j.key[1];
    v.key.view = (uint32_t)j.a->view;
    float *bench = j.scratch ? j.scratch + blockIdx.x * j.bench : shared;
    v.taps = reinterpret_cast<tap *>(bench);
    v.image = bench + j.bench - 2 * v.values;
    v.other = v.image + v.values;
    for (int64_t n = blockIdx.x; n < j.count; n += gridDim.x) {
        const int64_t *row = j.rows + 4 * n;
        T *to = y + n * v.values;
        if (!kd_row_fits(row, v.channels, j.bytes)) {
            for (EACH_OF(i, v.values)) {
                to[i] = narrow<T>(NAN);
            }
            continue;
        }
        v.key.sample = (uint32_t)row[3];
        cut(v, j.pixels + row[0], (int32_t)row[1], (int32_t)row[2]);
        __syncthreads();
        for (int i = 1; i < v.a->n_ops; i++) {
            alter(v, i);
        }
        finish(v, j, to);
        __syncthreads();
    }
}

/* ---- On the host. ---- */

struct plan {
    kd_augment *a; /* in device memory */
    size_t bench;
    unsigned blocks;
    bool shared;
    float factor[3], offset[3];
};

/* By the list's normalisation, if it ends with one. */
void find_normalization(const kd_augment *a, plan *p) {
    const int last = a->n_ops - 1;
    const bool normalised = a->op[last] == KD_AUGMENT_NORMALIZE;
    for (int c = 0; c < 3; c++) {
        const bool given = normalised && c < a->channels;
        p->factor[c] = given ? (float)(1 / a->arg[last][3 + c]) : 1;
        p->offset[c] = given ? (float)(-a->arg[last][c] / a->arg[last][3 + c]) : 0;
    }
}

/* Floats of a bench, whose blurs have up to `weights` weights. */
constexpr size_t bench_floats(size_t size, size_t channels, size_t weights) {
    return (2 * size * sizeof(tap) / sizeof(float) + 2 * size * size * channels + weights + 3) / 4 *
           4;
}

/* The least that a GPU of compute capability 8 or newer gives a block is 99 KiB (8.6, 8.9). */
static_assert(bench_floats(64, 3, 2 * (64 / 20) + 1) * sizeof(float) + sizeof(desk) <= 99 * 1024,
              "views of 64 pixels in colour are made in shared memory everywhere");

/* Of the widest blur of the list; 0 without one. */
size_t most_weights(const kd_augment *a) {
    int32_t most = -1;
    for (int32_t i = 1; i < a->n_ops; i++) {
        const int32_t radius = kd_blur_radius(a->size, a->arg[i][1]);
        if (a->op[i] == KD_AUGMENT_BLUR && radius > most) {
            most = radius;
        }
    }
    return (size_t)(2 * most + 1 > 0 ? 2 * most + 1 : 0);
}

/* *ret: of all that can be had of a block's shared memory, what the desk leaves. */
bool ask_shared(const kd_device *device, const kd_node *node, size_t *ret, kd_error *err) {
    int most = 0;
    if (cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device->index) !=
        cudaSuccess) {
        cudaGetLastError(); /* or the next launch would be blamed for it */
        return refuse(node, "CUDA does not tell the shared memory of a block", err);
    }
    *ret = (size_t)most > sizeof(desk) ? (size_t)most - sizeof(desk) : 0;
    return true;
}

/* Room for blocks of `bytes` of shared memory. */
bool set_shared(const kd_node *node, size_t bytes, kd_error *err) {
    const bool half = node->outputs[0].dtype == KD_BF16;
    const void *kernel = half ? (const void *)make_views<bf16> : (const void *)make_views<float>;
    if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes) !=
        cudaSuccess) {
        cudaGetLastError(); /* as above */
        return refuse(node, "CUDA sets no shared memory aside for it", err);
    }
    return true;
}

/* Blocks of a kernel whose images are in scratch: enough for the largest GPU. */
#define SCRATCH_BLOCKS 264

void release(kd_device *device, void *state) {
    if (state) {
        constant_destroy(device, ((plan *)state)->a);
    }
    release_state(device, state);
}

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    kd_augment a;
    if (!accept_types(node, FLOATS | 1u << KD_U8 | 1u << KD_I64, err) ||
        !kd_augment_decode(node, &a, err)) {
        return false;
    }
    size_t most = 0;
    plan *p = ask_shared(device, node, &most, err) ? (plan *)state_create(sizeof *p, err) : nullptr;
    if (!p || !constant_create(device, &a, sizeof a, (void **)&p->a, err)) {
        release_state(device, p);
        return false;
    }
    find_normalization(&a, p);
    p->bench = bench_floats((size_t)a.size, (size_t)a.channels, most_weights(&a));
    const size_t bytes = p->bench * sizeof(float);
    const int64_t views = node->inputs[1].dim[0];
    p->shared = bytes <= most;
    p->blocks = (unsigned)(p->shared || views < SCRATCH_BLOCKS ? views : SCRATCH_BLOCKS);
    if (p->shared && !set_shared(node, most, err)) {
        release(device, p);
        return false;
    }
    if (!p->shared) {
        *ret_scratch = p->blocks * bytes;
    }
    *ret_state = p;
    return true;
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const plan *p = (const plan *)state;
    if (p->blocks == 0) {
        return;
    }
    job j = {};
    j.a = p->a;
    j.pixels = (const uint8_t *)in[0];
    j.rows = (const int64_t *)in[1];
    j.key = (const int64_t *)in[2];
    j.bytes = node->inputs[0].dim[0];
    j.count = node->inputs[1].dim[0];
    j.scratch = p->shared ? nullptr : (float *)scratch;
    j.bench = p->bench;
    for (int c = 0; c < 3; c++) {
        j.factor[c] = p->factor[c];
        j.offset[c] = p->offset[c];
    }
    const size_t shared = p->shared ? p->bench * sizeof(float) : 0;
    if (node->outputs[0].dtype == KD_BF16) {
        KD_LAUNCH(device, make_views<bf16>, p->blocks, VIEW_THREADS, shared, j, (bf16 *)out[0]);
    } else {
        KD_LAUNCH(device, make_views<float>, p->blocks, VIEW_THREADS, shared, j, (float *)out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_augment[] = {
    {sizeof(kd_kernel), 0, "augment", prepare, run, release},
    {sizeof(kd_kernel), 0, "narrow_augment", prepare, run, release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
