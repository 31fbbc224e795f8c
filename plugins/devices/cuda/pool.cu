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
    int reach; /* windows that cover a pixel, along an axis, at most */
    /* Steps are packs of channels of a pixel, of y forward, of dx backward. */
    int64_t steps;
    divider packs, columns, lines, strides;
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

/* Of `count` taps or windows along an axis those from `begin` on that are there. */
struct range {
    int begin, end;
    /* The i-th, or the last one again. */
    __device__ __forceinline__ int at(int i) const {
        return begin + i < end ? begin + i : end - 1;
    }
};

/* Taps k of a window, of which first + k is in an image of so many pixels along this axis: there
 * are some, for padding is at most half a window. */
__device__ __forceinline__ range taps_inside(int first, int length, int kernel) {
    return {first < 0 ? -first : 0, length - first < kernel ? length - first : kernel};
}

/* K: of the kernel, or 0 for any. In place of taps outside the last one inside is read again, which
 * never wins against itself: so nothing branches, and all loads are on their way at once. */
template <class T, int N, int K>
__global__ void __launch_bounds__(THREADS) take_maxima(pool p, const T *x, T *y, uint8_t *where) {
    const int kernel = K ? K : p.kernel;
    for (EACH(i, p.steps)) {
        const place at = place_of<N>(p, i);
        const int top = at.y * p.stride - p.padding, left = at.x * p.stride - p.padding;
        const range ky = taps_inside(top, p.height, kernel);
        const range kx = taps_inside(left, p.width, kernel);
        const T *corner =
            x + ((at.image * p.height + top) * p.width + left) * p.channels + at.channel;
        float best[N] = {};
        int winner[N] = {};
#pragma unroll
        for (int tap_y = 0; tap_y < kernel; tap_y++) {
            const int from_y = ky.at(tap_y);
#pragma unroll
            for (int tap_x = 0; tap_x < kernel; tap_x++) {
                const int from_x = kx.at(tap_x), k = from_y * kernel + from_x;
                const pack<T, N> here =
                    load<N>(corner + ((int64_t)from_y * p.width + from_x) * p.channels);
#pragma unroll
                for (int c = 0; c < N; c++) {
                    const float value = widen(here.at[c]);
                    const bool wins = (tap_y == 0 && tap_x == 0) || value > best[c];
                    best[c] = wins ? value : best[c];
                    winner[c] = wins ? k : winner[c];
                }
            }
        }
        pack<T, N> to;
        pack<uint8_t, N> from;
#pragma unroll
        for (int c = 0; c < N; c++) {
            to.at[c] = narrow<T>(best[c]);
            from.at[c] = (uint8_t)winner[c];
        }
        store(y + i * N, to);
        if (where) {
            store(where + i * N, from);
        }
    }
}

/* The windows, of `count`, that cover the pixel which is `reach` behind the first one's begin:
 * none where the last windows end before it. */
__device__ __forceinline__ range windows_over(const pool &p, int reach, int count) {
    uint32_t rest;
    const int last = (int)divide((uint32_t)reach, p.strides, &rest);
    const int before = reach - p.kernel; /* the last begin of a window that ends too early */
    return {before < 0 ? 0 : (int)divide((uint32_t)before, p.strides, &rest) + 1,
            last < count ? last + 1 : count};
}

/* REACH: windows that cover a pixel, along an axis, at most; 0 for any number. A window outside is
 * read from one that is there, and not counted. */
template <class T, int N, int REACH>
__global__ void __launch_bounds__(THREADS)
    hand_back(pool p, const T *dy, const uint8_t *where, T *dx) {
    const int most = REACH ? REACH : p.reach;
    for (EACH(i, p.steps)) {
        const place at = place_of<N>(p, i);
        const int reach_y = at.y + p.padding, reach_x = at.x + p.padding;
        const range oy = windows_over(p, reach_y, p.out_height);
        const range ox = windows_over(p, reach_x, p.out_width);
        const int64_t image = at.image * p.out_height * p.out_width * p.channels + at.channel;
        float total[N] = {};
#pragma unroll
        for (int window_y = 0; window_y < most; window_y++) {
            const int y = oy.at(window_y);
#pragma unroll
            for (int window_x = 0; window_x < most; window_x++) {
                const int x = ox.at(window_x);
                const bool there = oy.begin + window_y < oy.end && ox.begin + window_x < ox.end;
                const int k = (reach_y - y * p.stride) * p.kernel + reach_x - x * p.stride;
                const int64_t from = image + ((int64_t)y * p.out_width + x) * p.channels;
                const pack<uint8_t, N> winner = load<N>(where + from);
                const pack<T, N> d = load<N>(dy + from);
#pragma unroll
                for (int c = 0; c < N; c++) {
                    total[c] += there && winner.at[c] == k ? widen(d.at[c]) : 0;
                }
            }
        }
        pack<T, N> to;
#pragma unroll
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
    p.reach = kd_elements(y) ? (p.kernel + p.stride - 1) / p.stride : 0;
    p.strides = divider_of(p.stride);
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

template <class T, int N, int K>
void take(kd_device *device, const kd_node *node, const pool *p, void *const *in,
          void *const *out) {
    KD_LAUNCH(device, (take_maxima<T, N, K>), blocks_for(p->steps), THREADS, 0, *p,
              (const T *)in[0], (T *)out[0], node->n_outputs > 1 ? (uint8_t *)out[1] : nullptr);
}

template <class T, int N, int REACH>
void hand(kd_device *device, const pool *p, void *const *in, void *const *out) {
    KD_LAUNCH(device, (hand_back<T, N, REACH>), blocks_for(p->steps), THREADS, 0, *p,
              (const T *)in[0], (const uint8_t *)in[1], (T *)out[0]);
}

template <class T, int N>
void launch(kd_device *device, const kd_node *node, const pool *p, void *const *in,
            void *const *out) {
    if (is_gradient(node)) {
        p->reach == 1   ? hand<T, N, 1>(device, p, in, out)
        : p->reach == 2 ? hand<T, N, 2>(device, p, in, out)
                        : hand<T, N, 0>(device, p, in, out);
    } else {
        p->kernel == 2   ? take<T, N, 2>(device, node, p, in, out)
        : p->kernel == 3 ? take<T, N, 3>(device, node, p, in, out)
                         : take<T, N, 0>(device, node, p, in, out);
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
