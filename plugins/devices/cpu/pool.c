/* SPDX-License-Identifier: Apache-2.0
 * Maximum over windows of images [n, h, w, c], and its gradient: loops over the channels of a
 * pixel, a fixed number at a time, so that few channels make vector code too. The gradient is
 * gathered, pixel of dx by pixel, so that no two threads write one place. */
#include "kernels.h"

#include "lanes.h"

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

typedef struct range {
    int64_t begin, end;
} range;

/* Taps k of a window that begins at `first`, of which first + k is in the image. There are some,
 * for padding is at most half a window. */
ALWAYS_INLINE range taps_inside(const pool *p, int64_t first, int64_t length) {
    const int64_t left = length - first;
    return (range){first < 0 ? -first : 0, left < p->kernel ? left : p->kernel};
}

/* Moves on to the windows that have the pixel which is `reach` behind the first window's begin. */
ALWAYS_INLINE void slide(const pool *p, int64_t reach, int64_t windows, range *over) {
    while (over->begin * p->stride + p->kernel <= reach) {
        over->begin++;
    }
    while (over->end < windows && over->end * p->stride <= reach) {
        over->end++;
    }
}

/* The first maximum of a window, which begins at element `corner`. */
ALWAYS_INLINE void take_window(const pool *p, bool half, int64_t corner, range ky, range kx,
                               int64_t lanes, int64_t to) {
    const int64_t first = corner + (ky.begin * p->width + kx.begin) * p->channels;
    values best = load_values(p->from, half, first, lanes);
    words where = (words){0} + (int32_t)(ky.begin * p->kernel + kx.begin);
    for (int64_t y = ky.begin; y < ky.end; y++) {
        for (int64_t x = kx.begin; x < kx.end; x++) {
            const int64_t at = corner + (y * p->width + x) * p->channels;
            const values value = load_values(p->from, half, at, lanes);
            const words position = (words){0} + (int32_t)(y * p->kernel + x);
            const words wins = value > best;
            best = (values)choose(wins, (words)value, (words)best);
            where = choose(wins, position, where);
        }
    }
    store_values(p->to, half, to, lanes, best);
    if (p->where_to) {
        store_bytes(p->where_to + to, lanes, where);
    }
}

/* Rows of y, over all images. */
ALWAYS_INLINE void pool_rows(const pool *p, bool half, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / p->out_height;
        const int64_t top = row % p->out_height * p->stride - p->padding;
        const range ky = taps_inside(p, top, p->height);
        for (int64_t ox = 0; ox < p->out_width; ox++) {
            const int64_t left = ox * p->stride - p->padding;
            const range kx = taps_inside(p, left, p->width);
            const int64_t from = ((image * p->height + top) * p->width + left) * p->channels;
            const int64_t to = (row * p->out_width + ox) * p->channels;
            int64_t c = 0;
            for (; c + LANES <= p->channels; c += LANES) {
                take_window(p, half, from + c, ky, kx, LANES, to + c);
            }
            if (c < p->channels) {
                take_window(p, half, from + c, ky, kx, p->channels - c, to + c);
            }
        }
    }
}

static void pool_span(const void *work, int64_t begin, int64_t end) {
    const pool *p = work;
    if (p->half) {
        pool_rows(p, true, begin, end);
    } else {
        pool_rows(p, false, begin, end);
    }
}

static void rows_for(const kd_device *device, const pool *p, int64_t rows, int64_t width,
                     span_body *body) {
    span_for(device, rows, GRAIN / (width * p->channels * p->kernel + 1) + 1, body, p);
}

void run_max_pool2d(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    pool p = pool_of(node, &node->inputs[0], &node->outputs[0]);
    p.from = in[0];
    p.to = out[0];
    p.where_to = node->n_outputs > 1 ? out[1] : NULL;
    rows_for(device, &p, p.images * p.out_height, p.out_width, pool_span);
}

/* Sums dy of those windows (oy, ox), the last ones first, of which the pixel is the maximum. */
ALWAYS_INLINE void sum_windows(const pool *p, bool half, int64_t image, int64_t reach_y,
                               int64_t reach_x, range oy, range ox, int64_t channel, int64_t lanes,
                               int64_t to) {
    values sum = {0};
    for (int64_t y = oy.end - 1; y >= oy.begin; y--) {
        for (int64_t x = ox.end - 1; x >= ox.begin; x--) {
            const int64_t window = (image * p->out_height + y) * p->out_width + x;
            const int64_t at = window * p->channels + channel;
            const int32_t position =
                (int32_t)((reach_y - y * p->stride) * p->kernel + reach_x - x * p->stride);
            const values dy = load_values(p->from, half, at, lanes);
            const words wins = load_bytes(p->where_from + at, lanes) == position;
            sum += (values)((words)dy & wins);
        }
    }
    store_values(p->to, half, to, lanes, sum);
}

/* Rows of dx, over all images. */
ALWAYS_INLINE void grad_rows(const pool *p, bool half, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) {
        const int64_t image = row / p->height, reach_y = row % p->height + p->padding;
        range oy = {0, 0}, ox = {0, 0};
        slide(p, reach_y, p->out_height, &oy);
        for (int64_t x = 0; x < p->width; x++) {
            const int64_t reach_x = x + p->padding, to = (row * p->width + x) * p->channels;
            int64_t c = 0;
            slide(p, reach_x, p->out_width, &ox);
            for (; c + LANES <= p->channels; c += LANES) {
                sum_windows(p, half, image, reach_y, reach_x, oy, ox, c, LANES, to + c);
            }
            if (c < p->channels) {
                sum_windows(p, half, image, reach_y, reach_x, oy, ox, c, p->channels - c, to + c);
            }
        }
    }
}

static void grad_span(const void *work, int64_t begin, int64_t end) {
    const pool *p = work;
    if (p->half) {
        grad_rows(p, true, begin, end);
    } else {
        grad_rows(p, false, begin, end);
    }
}

void run_max_pool2d_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    pool p = pool_of(node, &node->outputs[0], &node->inputs[0]);
    p.from = in[0];
    p.where_from = in[1];
    p.to = out[0];
    rows_for(device, &p, p.images * p.height, p.width, grad_span);
}
