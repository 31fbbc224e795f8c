/* SPDX-License-Identifier: Apache-2.0
 * Maximum over windows of images [n, h, w, c], and its gradient. */
#include "element.h"
#include "kernels.h"

typedef struct pool {
    int64_t images, height, width, channels; /* of x */
    int64_t out_height, out_width;           /* of y */
    int64_t kernel, stride, padding;
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
    };
}

/* The element of x under position k of the window at output pixel (oy, ox); -1 on padding. */
static int64_t under(const pool *p, int64_t image, int64_t oy, int64_t ox, int64_t channel,
                     int64_t k) {
    const int64_t iy = oy * p->stride + k / p->kernel - p->padding;
    const int64_t ix = ox * p->stride + k % p->kernel - p->padding;
    if (iy < 0 || iy >= p->height || ix < 0 || ix >= p->width) {
        return -1;
    }
    return ((image * p->height + iy) * p->width + ix) * p->channels + channel;
}

/* The four coordinates of element i of y. */
typedef struct place {
    int64_t image, oy, ox, channel;
} place;

static place place_of(const pool *p, int64_t i) {
    const int64_t pixel = i / p->channels, row = pixel / p->out_width;
    return (place){row / p->out_height, row % p->out_height, pixel % p->out_width, i % p->channels};
}

bool prepare_max_pool2d(kd_device *device, const kd_node *node, void **ret_state,
                        size_t *ret_scratch, kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_U8, err);
}

void run_max_pool2d(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    const pool p = pool_of(node, x, y);
    const int64_t count = kd_elements(y);
    for (int64_t i = 0; i < count; i++) {
        const place at = place_of(&p, i);
        double best = -HUGE_VAL;
        int64_t where = -1;
        for (int64_t k = 0; k < p.kernel * p.kernel; k++) {
            const int64_t from = under(&p, at.image, at.oy, at.ox, at.channel, k);
            const double value = from < 0 ? 0 : get(in[0], x->dtype, from);
            if (from >= 0 && (where < 0 || value > best)) {
                best = value;
                where = k;
            }
        }
        put(out[0], y->dtype, i, best);
        if (node->n_outputs > 1) {
            ((uint8_t *)out[1])[i] = (uint8_t)where;
        }
    }
}

void run_max_pool2d_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    const kd_spec *dy = &node->inputs[0], *dx = &node->outputs[0];
    const pool p = pool_of(node, dx, dy);
    const int64_t count = kd_elements(dy);
    memset(out[0], 0, kd_bytes(dx));
    for (int64_t i = 0; i < count; i++) {
        const place at = place_of(&p, i);
        const int64_t k = ((const uint8_t *)in[1])[i];
        const int64_t to = under(&p, at.image, at.oy, at.ox, at.channel, k);
        if (to >= 0) {
            const double sum = get(out[0], dx->dtype, to) + get(in[0], dy->dtype, i);
            put(out[0], dx->dtype, to, sum);
        }
    }
}
