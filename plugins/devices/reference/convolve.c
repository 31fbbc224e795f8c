/* SPDX-License-Identifier: Apache-2.0
 * Convolution and its two gradients, as a sum over taps.
 *
 * A tap is an output pixel, an input pixel and the kernel position k that joins them: there the
 * forward op adds x[in] W[k] to y[out], the gradient by the input adds dy[out] W[k]' to dx[in], and
 * the gradient by the weight adds the outer product of dy[out] and x[in] to dW[k]. So the geometry
 * is written once. All three work on operands that are widened to double in scratch. */
#include "element.h"
#include "kernels.h"

typedef struct conv {
    int64_t images, height, width, channels;     /* of x */
    int64_t out_height, out_width, out_channels; /* of y */
    int64_t kernel_height, kernel_width, stride, padding;
} conv;

static conv conv_of(const kd_node *node, const kd_spec *x, const kd_spec *weight,
                    const kd_spec *y) {
    return (conv){
        .images = x->dim[0],
        .height = x->dim[1],
        .width = x->dim[2],
        .channels = x->dim[3],
        .out_height = y->dim[1],
        .out_width = y->dim[2],
        .out_channels = y->dim[3],
        .kernel_height = weight->dim[1],
        .kernel_width = weight->dim[2],
        .stride = kd_attr_int(node, "stride", 1),
        .padding = kd_attr_int(node, "padding", 0),
    };
}

/* The operands of a run: x [pixels, c], y [pixels, o], and w [k, c, o] forward, [k, o, c] back. */
typedef struct operands {
    double *x, *w, *y;
    int64_t x_count, w_count, y_count;
} operands;

static operands operands_of(const conv *g, double *scratch) {
    operands o = {
        .x_count = g->images * g->height * g->width * g->channels,
        .w_count = g->out_channels * g->kernel_height * g->kernel_width * g->channels,
        .y_count = g->images * g->out_height * g->out_width * g->out_channels,
    };
    o.x = scratch;
    o.w = o.x + o.x_count;
    o.y = o.w + o.w_count;
    return o;
}

typedef void tap_function(const conv *g, const operands *o, int64_t in, int64_t out, int64_t k);

static void forward_tap(const conv *g, const operands *o, int64_t in, int64_t out, int64_t k) {
    double *y = o->y + out * g->out_channels;
    for (int64_t i = 0; i < g->channels; i++) {
        const double x = o->x[in * g->channels + i];
        const double *w = o->w + (k * g->channels + i) * g->out_channels;
        for (int64_t j = 0; j < g->out_channels; j++) {
            y[j] += x * w[j];
        }
    }
}

static void input_tap(const conv *g, const operands *o, int64_t in, int64_t out, int64_t k) {
    double *dx = o->x + in * g->channels;
    for (int64_t j = 0; j < g->out_channels; j++) {
        const double dy = o->y[out * g->out_channels + j];
        const double *w = o->w + (k * g->out_channels + j) * g->channels;
        for (int64_t i = 0; i < g->channels; i++) {
            dx[i] += dy * w[i];
        }
    }
}

static void weight_tap(const conv *g, const operands *o, int64_t in, int64_t out, int64_t k) {
    const double *x = o->x + in * g->channels;
    for (int64_t j = 0; j < g->out_channels; j++) {
        const double dy = o->y[out * g->out_channels + j];
        double *dw = o->w + (k * g->out_channels + j) * g->channels;
        for (int64_t i = 0; i < g->channels; i++) {
            dw[i] += dy * x[i];
        }
    }
}

/* The taps of one output pixel: those that do not fall on padding. */
static void pixel_taps(const conv *g, const operands *o, int64_t image, int64_t oy, int64_t ox,
                       tap_function *tap) {
    const int64_t out = (image * g->out_height + oy) * g->out_width + ox;
    for (int64_t ky = 0; ky < g->kernel_height; ky++) {
        for (int64_t kx = 0; kx < g->kernel_width; kx++) {
            const int64_t iy = oy * g->stride + ky - g->padding;
            const int64_t ix = ox * g->stride + kx - g->padding;
            if (iy >= 0 && iy < g->height && ix >= 0 && ix < g->width) {
                tap(g, o, (image * g->height + iy) * g->width + ix, out, ky * g->kernel_width + kx);
            }
        }
    }
}

static void each_tap(const conv *g, const operands *o, tap_function *tap) {
    for (int64_t image = 0; image < g->images; image++) {
        for (int64_t oy = 0; oy < g->out_height; oy++) {
            for (int64_t ox = 0; ox < g->out_width; ox++) {
                pixel_taps(g, o, image, oy, ox, tap);
            }
        }
    }
}

static void widen(double *wide, const void *data, int32_t type, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        wide[i] = get(data, type, i);
    }
}

static void narrow(void *data, int32_t type, const double *wide, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        put(data, type, i, wide[i]);
    }
}

/* Where weight element [j, k, i] of [o, kh kw, c] lies in [k, c, o] (forward) or [k, o, c]. */
static int64_t weight_at(const conv *g, bool forward, int64_t j, int64_t k, int64_t i) {
    return forward ? (k * g->channels + i) * g->out_channels + j
                   : (k * g->out_channels + j) * g->channels + i;
}

static void widen_weight(const conv *g, double *wide, const void *data, int32_t type,
                         bool forward) {
    const int64_t positions = g->kernel_height * g->kernel_width;
    int64_t from = 0;
    for (int64_t j = 0; j < g->out_channels; j++) {
        for (int64_t k = 0; k < positions; k++) {
            for (int64_t i = 0; i < g->channels; i++) {
                wide[weight_at(g, forward, j, k, i)] = get(data, type, from++);
            }
        }
    }
}

static void narrow_weight(const conv *g, void *data, int32_t type, const double *wide) {
    const int64_t positions = g->kernel_height * g->kernel_width;
    int64_t to = 0;
    for (int64_t j = 0; j < g->out_channels; j++) {
        for (int64_t k = 0; k < positions; k++) {
            for (int64_t i = 0; i < g->channels; i++) {
                put(data, type, to++, wide[weight_at(g, false, j, k, i)]);
            }
        }
    }
}

static bool prepare(const kd_node *node, conv g, size_t *ret_scratch, kd_error *err) {
    const operands o = operands_of(&g, NULL);
    *ret_scratch = (size_t)(o.x_count + o.w_count + o.y_count) * sizeof(double);
    return accept_types(node, FLOATS, err);
}

bool prepare_conv2d(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    const conv g = conv_of(node, &node->inputs[0], &node->inputs[1], &node->outputs[0]);
    return prepare(node, g, ret_scratch, err);
}

void run_conv2d(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const conv g = conv_of(node, &node->inputs[0], &node->inputs[1], &node->outputs[0]);
    const operands o = operands_of(&g, scratch);
    widen(o.x, in[0], node->inputs[0].dtype, o.x_count);
    widen_weight(&g, o.w, in[1], node->inputs[1].dtype, true);
    memset(o.y, 0, (size_t)o.y_count * sizeof *o.y);
    each_tap(&g, &o, forward_tap);
    narrow(out[0], node->outputs[0].dtype, o.y, o.y_count);
}

bool prepare_conv2d_input_grad(kd_device *device, const kd_node *node, void **ret_state,
                               size_t *ret_scratch, kd_error *err) {
    const conv g = conv_of(node, &node->outputs[0], &node->inputs[1], &node->inputs[0]);
    return prepare(node, g, ret_scratch, err);
}

void run_conv2d_input_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                           void *const *out, void *scratch) {
    const conv g = conv_of(node, &node->outputs[0], &node->inputs[1], &node->inputs[0]);
    const operands o = operands_of(&g, scratch);
    widen(o.y, in[0], node->inputs[0].dtype, o.y_count);
    widen_weight(&g, o.w, in[1], node->inputs[1].dtype, false);
    memset(o.x, 0, (size_t)o.x_count * sizeof *o.x);
    each_tap(&g, &o, input_tap);
    narrow(out[0], node->outputs[0].dtype, o.x, o.x_count);
}

bool prepare_conv2d_weight_grad(kd_device *device, const kd_node *node, void **ret_state,
                                size_t *ret_scratch, kd_error *err) {
    const conv g = conv_of(node, &node->inputs[0], &node->outputs[0], &node->inputs[1]);
    return prepare(node, g, ret_scratch, err);
}

void run_conv2d_weight_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                            void *const *out, void *scratch) {
    const conv g = conv_of(node, &node->inputs[0], &node->outputs[0], &node->inputs[1]);
    const operands o = operands_of(&g, scratch);
    widen(o.x, in[0], node->inputs[0].dtype, o.x_count);
    widen(o.y, in[1], node->inputs[1].dtype, o.y_count);
    memset(o.w, 0, (size_t)o.w_count * sizeof *o.w);
    each_tap(&g, &o, weight_tap);
    narrow_weight(&g, out[0], node->outputs[0].dtype, o.w);
}
