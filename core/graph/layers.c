/* SPDX-License-Identifier: Apache-2.0
 * Layers and losses as compositions of ops, written against the contract's headers only. A layer
 * that owns parameters computes in KD_COMPUTE; everything else is left to the ops' own rules. */
#include <kindred/op.h>
#include <kindred/ops.h>

#include "graph/layers.h"

#include <math.h>

static kd_tensor *linear(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    kd_spec x = kd_spec_of(in[0]);
    const int64_t fan_in = x.rank > 1 ? x.dim[x.rank - 1] : 0;
    if (fan_in < 1) {
        kd_reject(s, "linear wants [..., width], got %d dimensions", x.rank);
        return in[0];
    }
    const int64_t width = kd_attr_int(call, "width", 0), rows = kd_elements(&x) / fan_in;
    const double bound = 1 / sqrt((double)fan_in);
    const kd_init init = {.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
    kd_tensor *weight = kd_param(s, "weight", (kd_spec){.rank = 2, .dim = {width, fan_in}}, init);
    kd_tensor *const operands[] = {kd_cast(KD_RESHAPE(in[0], rows, fan_in), KD_COMPUTE),
                                   kd_cast(weight, KD_COMPUTE)};
    kd_tensor *y =
        kd_emit("matmul", operands, 2, (kd_attr[]){KD_I("transpose_b", 1), KD_I("native", 1)}, 2);
    if (kd_attr_int(call, "bias", 1)) {
        kd_tensor *bias = kd_param(s, "bias", (kd_spec){.rank = 1, .dim = {width}}, init);
        y = kd_add(y, kd_cast(bias, KD_COMPUTE));
    }
    x.dim[x.rank - 1] = width;
    return kd_reshape(y, x.rank, x.dim);
}

static kd_tensor *conv2d(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    const kd_spec x = kd_spec_of(in[0]);
    if (x.rank != 4) {
        kd_reject(s, "conv2d wants [n, h, w, c], got %d dimensions", x.rank);
        return in[0];
    }
    const int64_t channels = kd_attr_int(call, "channels", 0);
    const int64_t kernel = kd_attr_int(call, "kernel", 1);
    const bool has_bias = kd_attr_int(call, "bias", 0) != 0;
    const double fan_out = fmax((double)(kernel * kernel * channels), 1);
    const double bound = 1 / sqrt(fmax((double)(kernel * kernel * x.dim[3]), 1));
    const kd_init even = {.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
    const kd_init normal = {.kind = KD_INIT_NORMAL, .b = sqrt(2 / fan_out)};
    kd_tensor *weight =
        kd_param(s, "weight", (kd_spec){.rank = 4, .dim = {channels, kernel, kernel, x.dim[3]}},
                 has_bias ? even : normal);
    kd_tensor *const operands[] = {kd_cast(in[0], KD_COMPUTE), kd_cast(weight, KD_COMPUTE)};
    kd_tensor *y = kd_emit("conv2d", operands, 2,
                           (kd_attr[]){KD_I("stride", kd_attr_int(call, "stride", 1)),
                                       KD_I("padding", kd_attr_int(call, "padding", 0))},
                           2);
    if (!has_bias) {
        return y;
    }
    kd_tensor *bias = kd_param(s, "bias", (kd_spec){.rank = 1, .dim = {channels}}, even);
    return kd_add(y, kd_cast(bias, KD_COMPUTE));
}

/* A parameter, or the constant it would start as. */
static kd_tensor *channel_vector(kd_scope s, const char *name, int64_t channels, double start,
                                 bool trained) {
    const kd_spec spec = {.rank = 1, .dim = {channels}};
    return trained ? kd_param(s, name, spec, (kd_init){.a = start}) : kd_fill(s, spec, start);
}

static kd_tensor *batch_norm(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    const kd_spec x = kd_spec_of(in[0]);
    const int64_t c = x.rank > 0 ? x.dim[x.rank - 1] : 1;
    const kd_spec spec = {.rank = 1, .dim = {c}};
    kd_tensor *mean = kd_state(s, "running_mean", spec, (kd_init){.a = 0});
    kd_tensor *variance = kd_state(s, "running_var", spec, (kd_init){.a = 1});
    const bool train = kd_attr_int(call, "train", 1) != 0;
    const double start = kd_attr_int(call, "zero_scale", 0) ? 0 : 1;
    kd_tensor *const operands[] = {
        in[0],
        channel_vector(s, "weight", c, start, kd_attr_int(call, "scale", 1) != 0),
        channel_vector(s, "bias", c, 0, kd_attr_int(call, "shift", 1) != 0),
        train ? kd_latest(mean) : mean,
        train ? kd_latest(variance) : variance,
    };
    const kd_attr attrs[] = {KD_F("eps", kd_attr_float(call, "eps", 1e-5)),
                             KD_F("momentum", kd_attr_float(call, "momentum", 0.1))};
    if (!train) {
        return kd_emit("batch_norm_inference", operands, 5, attrs, 1);
    }
    kd_tensor *out[5];
    s->api->emit(s, "batch_norm", operands, 5, attrs, 2, out, 5);
    kd_assign(mean, out[3]);
    kd_assign(variance, out[4]);
    return out[0];
}

static kd_tensor *layer_norm(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    const kd_spec x = kd_spec_of(in[0]);
    const int64_t c = x.rank > 0 ? x.dim[x.rank - 1] : 1;
    kd_tensor *const operands[] = {in[0], channel_vector(s, "weight", c, 1, true),
                                   channel_vector(s, "bias", c, 0, true)};
    kd_tensor *out[3];
    s->api->emit(s, "layer_norm", operands, 3, call->attrs, call->n_attrs, out, 3);
    return out[0];
}

static kd_tensor *max_pool2d(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    kd_tensor *out[2];
    s->api->emit(s, "max_pool2d", in, 1, call->attrs, call->n_attrs, out, 2);
    return out[0];
}

static kd_tensor *mean_pool2d(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)call;
    const kd_spec x = kd_spec_of(in[0]);
    if (x.rank != 4) {
        kd_reject(s, "mean_pool2d wants [n, h, w, c], got %d dimensions", x.rank);
        return in[0];
    }
    kd_tensor *total = kd_sum_axes(in[0], (int64_t[]){1, 2}, 2, false);
    return kd_scale(total, 1 / (double)(x.dim[1] * x.dim[2]));
}

static kd_tensor *l2_normalize(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)call;
    kd_tensor *x = kd_cast(in[0], KD_REAL);
    const int64_t last = kd_rank(x) - 1;
    kd_tensor *square = kd_sum_axes(kd_mul(x, x), &last, 1, true);
    /* Bounded before the root, whose gradient at 0 is infinite. */
    return kd_div(x, kd_sqrt(kd_maximum(square, kd_scalar(s, 1e-24))));
}

static kd_tensor *cross_entropy(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)call;
    const kd_spec logits = kd_spec_of(in[0]), labels = kd_spec_of(in[1]);
    if (logits.rank != 2 || labels.rank != 1 || labels.dim[0] != logits.dim[0]) {
        kd_reject(s, "cross_entropy wants logits [rows, classes] and labels [rows]");
        return in[0];
    }
    return mean_cross_entropy(in[0], in[1]);
}

static kd_tensor *accuracy(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)s;
    (void)call;
    kd_tensor *hit = kd_cast(kd_equal(kd_argmax(in[0]), in[1]), KD_REAL);
    return kd_stop_gradient(kd_mean(hit));
}

typedef struct layer {
    const char *name;
    uint32_t n_inputs;
    kd_tensor *(*build)(kd_scope s, const kd_node *call, kd_tensor *const *in);
} layer;

static const layer layers[] = {
    {"linear", 1, linear},
    {"conv2d", 1, conv2d},
    {"batch_norm", 1, batch_norm},
    {"layer_norm", 1, layer_norm},
    {"resize_tokens", 1, layer_resize_tokens},
    {"max_pool2d", 1, max_pool2d},
    {"mean_pool2d", 1, mean_pool2d},
    {"l2_normalize", 1, l2_normalize},
    {"cross_entropy", 2, cross_entropy},
    {"accuracy", 2, accuracy},
    {"head", 1, layer_head},
    {"soft_cross_entropy", 2, layer_soft_cross_entropy},
    {"spread", 1, layer_spread},
    {"squared_frobenius", 2, layer_squared_frobenius},
};

bool layer_build(kd_scope s, const char *name, kd_tensor *const *in, uint32_t n_in,
                 const kd_attr *attrs, uint32_t n_attrs, kd_tensor **ret) {
    const kd_node call = {.size = sizeof call, .op = name, .attrs = attrs, .n_attrs = n_attrs};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (strcmp(layers[i].name, name) == 0 && layers[i].n_inputs == n_in) {
            *ret = layers[i].build(s, &call, in);
            return true;
        }
    }
    return false;
}
