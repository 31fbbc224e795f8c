/* SPDX-License-Identifier: Apache-2.0
 * Maximum over windows of images [n, h, w, c], and its gradient, which gathers: each pixel of dx
 * asks the windows that cover it, so no two threads write to one place. */
#include "elements.h"
#include "kernels.h"
#include "walk.h"

namespace {

struct pool {
    int height, width, out_height, out_width; /* of x and of y */
    int channels, kernel, stride, padding;
    /* Steps are packs of channels of a pixel, of y forward, of dx backward. */
    int64_t steps;
    divider packs, columns, lines;
    int elements;
};

/* The pixel and first channel of a step. */
struct place {
    int64_t image;
    int y, x, channel;
};

template <int N> __device__ __forceinline__ place place_of(const pool &p, int64_t step) {
    uint32_t pack, x, y;
    const uint32_t pixel = divide((uint32_t)step, p.packs, &pack);
    const uint32_t line = divide(pixel, p.columns, &x);
    const uint32_t image = divide(line, p.lines, &y);
    return {image, (int)y, (int)x, (int)pack * N};
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS) take_maxima(pool p, const T *x, T *y, uint8_t *where) {
    for (EACH(i, p.steps)) {
        const place at = place_of<N>(p, i);
        pack<T, N> best = {};
        pack<uint8_t, N> winner = {};
        bool any = false;
        for (int k = 0; k < p.kernel * p.kernel; k++) {
            const int from_y = at.y * p.stride + k / p.kernel - p.padding;
            const int from_x = at.x * p.stride + k % p.kernel - p.padding;
            if (from_y < 0 || from_y >= p.height || from_x < 0 || from_x >= p.width) {
                continue;
            }
            const pack<T, N> here = load<N>(
                x + ((at.image * p.height + from_y) * p.width + from_x) * p.channels + at.channel);
#pragma unroll
            for (int c = 0; c < N; c++) {
                if (!any || widen(here.at[c]) > widen(best.at[c])) {
                    best.at[c] = here.at[c];
                    winner.at[c] = (uint8_t)k;
                }
            }
            any = true;
        }
        store(y + i * N, best);
        if (where) {
            store(where + i * N, winner);
        }
    }
}

/* The first and last window that cover position i of an axis with `count` windows. */
__device__ __forceinline__ int first_window(const pool &p, int i) {
    const int below = i + p.padding - p.kernel;
    return below < 0 ? 0 : below / p.stride + 1;
}
__device__ __forceinline__ int last_window(const pool &p, int i, int count) {
    const int last = (i + p.padding) / p.stride;
    return last < count ? last : count - 1;
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    hand_back(pool p, const T *dy, const uint8_t *where, T *dx) {
    for (EACH(i, p.steps)) {
        const place at = place_of<N>(p, i);
        float total[N] = {};
        const int last_y = last_window(p, at.y, p.out_height);
        const int last_x = last_window(p, at.x, p.out_width);
        for (int oy = first_window(p, at.y); oy <= last_y; oy++) {
            for (int ox = first_window(p, at.x); ox <= last_x; ox++) {
                const int k = (at.y + p.padding - oy * p.stride) * p.kernel + at.x + p.padding -
                              ox * p.stride;
                const int64_t from =
                    ((at.image * p.out_height + oy) * p.out_width + ox) * p.channels + at.channel;
                const pack<uint8_t, N> winner = load<N>(where + from);
                const pack<T, N> d = load<N>(dy + from);
#pragma unroll
                for (int c = 0; c < N; c++) {
                    total[c] += winner.at[c] == k ? widen(d.at[c]) : 0;
                }
            }
        }
        pack<T, N> to;
        for (int c = 0; c < N; c++) {
            to.at[c] = narrow<T>(total[c]);
        }
        store(dx + i * N, to);
    }
}

/* ---- On the host. ---- */

bool is_gradient(const kd_node *node) {
    return strcmp(node->op, "max_pool2d_grad") == 0;
}

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    const bool back = is_gradient(node);
    const kd_spec *x = back ? &node->outputs[0] : &node->inputs[0];
    const kd_spec *y = back ? &node->inputs[0] : &node->outputs[0];
    if (!accept_types(node, FLOATS | 1u << KD_U8, err)) {
        return false;
    }
    const int elements = (int)(16 / kd_dtype_bytes(x->dtype));
    pool p = {};
    p.height = (int)x->dim[1];
    p.width = (int)x->dim[2];
    p.out_height = (int)y->dim[1];
    p.out_width = (int)y->dim[2];
    p.channels = (int)x->dim[3];
    p.kernel = (int)kd_attr_int(node, "kernel", 1);
    p.stride = (int)kd_attr_int(node, "stride", 1);
    p.padding = (int)kd_attr_int(node, "padding", 0);
    p.elements = p.channels % elements == 0 ? elements : 1;
    const kd_spec *walked = &node->outputs[0];
    p.steps = kd_elements(walked) / p.elements;
    if (p.steps > INT32_MAX) {
        return refuse(node, "has 2^31 elements or more", err);
    }
    p.packs = divider_of(p.channels ? p.channels / p.elements : 1);
    p.columns = divider_of(walked->dim[2] ? walked->dim[2] : 1);
    p.lines = divider_of(walked->dim[1] ? walked->dim[1] : 1);
    pool *state = (pool *)state_create(sizeof p, err);
    if (!state) {
        return false;
    }
    *state = p;
    *ret_state = state;
    return true;
}

template <class T, int N>
void launch(kd_device *device, const kd_node *node, const pool *p, void *const *in,
            void *const *out) {
    if (is_gradient(node)) {
        KD_LAUNCH(device, (hand_back<T, N>), blocks_for(p->steps), THREADS, 0, *p, (const T *)in[0],
                  (const uint8_t *)in[1], (T *)out[0]);
    } else {
        KD_LAUNCH(device, (take_maxima<T, N>), blocks_for(p->steps), THREADS, 0, *p,
                  (const T *)in[0], (T *)out[0], node->n_outputs > 1 ? (uint8_t *)out[1] : nullptr);
    }
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *) {
    const pool *p = (const pool *)state;
    if (p->steps == 0) {
        return;
    }
    if (node->outputs[0].dtype == KD_BF16) {
        p->elements > 1 ? launch<bf16, PACK<bf16>>(device, node, p, in, out)
                        : launch<bf16, 1>(device, node, p, in, out);
    } else {
        p->elements > 1 ? launch<float, PACK<float>>(device, node, p, in, out)
                        : launch<float, 1>(device, node, p, in, out);
    }
}

} // namespace

extern "C" const kd_kernel cuda_pool[] = {
    {sizeof(kd_kernel), 0, "max_pool2d", prepare, run, release_state},
    {sizeof(kd_kernel), 0, "max_pool2d_grad", prepare, run, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
