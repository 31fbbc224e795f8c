/* SPDX-License-Identifier: Apache-2.0
 * Maximum over windows of images [n, h, w, c], and its gradient: loops over the channels of a
 * pixel. The gradient is gathered, pixel of dx by pixel, so that no two threads write one place. */
#include "kernels.h"

#include "numbers.h"

#define LANES 256   /* channels that are worked on side by side */
#define GRAIN 16384 /* elements: the least that a thread is given */

typedef struct pool {
    int64_t images, height, width, channels; /* of x */
    int64_t out_height, out_width;           /* of y */
    int64_t kernel, stride, padding;
    bool half;
    const void *from;
    const uint8_t *where_from; /* of the gradient */
    void *to;
    uint8_t *where_to; /* of the maximum; NULL: not asked for */
} pool;

static pool pool_of(const kd_node *node, const kd_spec *x, const kd_spec *y) {
    return (pool){
        .images = x->dim[0],
        .height = x->dim[1],
        .width = x->dim[2],
        .channels = x->dim[3],
        .out_height = y->dim[1],
        .out_width = y->dim[2],
        .kernel = kd_attr_int(node, "kernel", 1),
        .stride = kd_attr_int(node, "stride", 1),
        .padding = kd_attr_int(node, "padding", 0),
        .half = x->dtype == KD_BF16,
    };
}

bool prepare_max_pool2d(kd_device *device, const kd_node *node, void **ret_state,
                        size_t *ret_scratch, kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_U8, err);
}

/* best and where [0, lanes) with the pixel whose channels begin at element `at`. */
ALWAYS_INLINE void take_pixel(const pool *p, bool half, int64_t at, uint8_t position, bool first,
                              int64_t lanes, float *best, uint8_t *where) {
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        const float value = load(p->from, half, at + i);
        const bool wins = first || value > best[i];
        best[i] = wins ? value : best[i];
        where[i] = wins ? position : where[i];
    }
}

/* Channels [channel, channel + lanes) of output pixel (oy, ox) of an image. */
ALWAYS_INLINE void pool_lanes(const pool *p, bool half, int64_t pixel, int64_t channel,
                              int64_t lanes, float *best, uint8_t *where) {
    const int64_t image = pixel / (p->out_height * p->out_width);
    const int64_t top = pixel / p->out_width % p->out_height * p->stride - p->padding;
    const int64_t left = pixel % p->out_width * p->stride - p->padding;
    bool first = true;
    for (int64_t ky = 0; ky < p->kernel; ky++) {
        for (int64_t kx = 0; kx < p->kernel; kx++) {
            const int64_t y = top + ky, x = left + kx;
            if (y < 0 || y >= p->height || x < 0 || x >= p->width) {
                continue;
            }
            const int64_t at = ((image * p->height + y) * p->width + x) * p->channels + channel;
            const uint8_t position = (uint8_t)(ky * p->kernel + kx);
            if (first) {
                take_pixel(p, half, at, position, true, lanes, best, where);
            } else {
                take_pixel(p, half, at, position, false, lanes, best, where);
            }
            first = false;
        }
    }
}

ALWAYS_INLINE void pool_pixels(const pool *p, bool half, int64_t begin, int64_t end) {
    _Alignas(64) float best[LANES];
    _Alignas(64) uint8_t where[LANES];
    for (int64_t pixel = begin; pixel < end; pixel++) {
        for (int64_t channel = 0; channel < p->channels; channel += LANES) {
            const int64_t left = p->channels - channel, lanes = left < LANES ? left : LANES;
            const int64_t to = pixel * p->channels + channel;
            pool_lanes(p, half, pixel, channel, lanes, best, where);
            for (int64_t i = 0; i < lanes; i++) {
                store(p->to, half, to + i, best[i]);
            }
            for (int64_t i = 0; p->where_to && i < lanes; i++) {
                p->where_to[to + i] = where[i];
            }
        }
    }
}

static void pool_span(const void *work, int64_t begin, int64_t end) {
    const pool *p = work;
    if (p->half) {
        pool_pixels(p, true, begin, end);
    } else {
        pool_pixels(p, false, begin, end);
    }
}

static void pixels_for(const kd_device *device, const pool *p, int64_t pixels, span_body *body) {
    span_for(device, pixels, GRAIN / (p->channels * p->kernel + 1) + 1, body, p);
}

void run_max_pool2d(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    pool p = pool_of(node, &node->inputs[0], &node->outputs[0]);
    p.from = in[0];
    p.to = out[0];
    p.where_to = node->n_outputs > 1 ? out[1] : NULL;
    pixels_for(device, &p, p.images * p.out_height * p.out_width, pool_span);
}

/* Adds the windows in which pixel (y, x) of an image is the maximum. */
ALWAYS_INLINE void sum_windows(const pool *p, bool half, int64_t image, int64_t y, int64_t x,
                               int64_t channel, int64_t lanes, float *sum) {
    for (int64_t ky = 0; ky < p->kernel; ky++) {
        const int64_t reach_y = y + p->padding - ky, oy = reach_y / p->stride;
        if (reach_y < 0 || reach_y % p->stride || oy >= p->out_height) {
            continue;
        }
        for (int64_t kx = 0; kx < p->kernel; kx++) {
            const int64_t reach_x = x + p->padding - kx, ox = reach_x / p->stride;
            if (reach_x < 0 || reach_x % p->stride || ox >= p->out_width) {
                continue;
            }
            const int64_t at =
                ((image * p->out_height + oy) * p->out_width + ox) * p->channels + channel;
            const uint8_t position = (uint8_t)(ky * p->kernel + kx);
#pragma omp simd
            for (int64_t i = 0; i < lanes; i++) {
                const float dy = load(p->from, half, at + i);
                sum[i] += p->where_from[at + i] == position ? dy : 0;
            }
        }
    }
}

ALWAYS_INLINE void grad_pixels(const pool *p, bool half, int64_t begin, int64_t end) {
    _Alignas(64) float sum[LANES];
    for (int64_t pixel = begin; pixel < end; pixel++) {
        const int64_t image = pixel / (p->height * p->width);
        const int64_t y = pixel / p->width % p->height, x = pixel % p->width;
        for (int64_t channel = 0; channel < p->channels; channel += LANES) {
            const int64_t left = p->channels - channel, lanes = left < LANES ? left : LANES;
            for (int64_t i = 0; i < lanes; i++) {
                sum[i] = 0;
            }
            sum_windows(p, half, image, y, x, channel, lanes, sum);
            for (int64_t i = 0; i < lanes; i++) {
                store(p->to, half, pixel * p->channels + channel + i, sum[i]);
            }
        }
    }
}

static void grad_span(const void *work, int64_t begin, int64_t end) {
    const pool *p = work;
    if (p->half) {
        grad_pixels(p, true, begin, end);
    } else {
        grad_pixels(p, false, begin, end);
    }
}

void run_max_pool2d_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    pool p = pool_of(node, &node->outputs[0], &node->inputs[0]);
    p.from = in[0];
    p.where_from = in[1];
    p.to = out[0];
    pixels_for(device, &p, p.images * p.height * p.width, grad_span);
}
