/* SPDX-License-Identifier: Apache-2.0
 * What methods put behind an encoder: projection and prediction heads, and losses and meters that
 * several of them share. Layers (layers.c) that are built of layers. */
#include "graph/layers.h"

#include <kindred/layers.h>

static kd_tensor *linear(kd_scope s, const kd_node *call, kd_tensor *x, int64_t width, bool bias) {
    const double std = kd_attr_float(call, "init_std", 0);
    if (std > 0) {
        /* Asked for here first, so that the layer finds them as they shall start. */
        kd_scope own = kd_child(s, "linear");
        const kd_spec weight = {.rank = 2, .dim = {width, kd_dim(x, 1)}};
        kd_param(own, "weight", weight, (kd_init){.kind = KD_INIT_TRUNC_NORMAL, .b = std});
        if (bias) {
            kd_param(own, "bias", (kd_spec){.rank = 1, .dim = {width}}, (kd_init){.a = 0});
        }
    }
    return kd_linear(s, "linear", x, (kd_dense){width, .no_bias = !bias});
}

static kd_tensor *last_norm(kd_scope s, kd_tensor *x, int64_t kind) {
    const kd_norm norm = {.no_shift = kind != KD_LAST_NORM_AFFINE,
                          .no_scale = kind == KD_LAST_NORM_PLAIN};
    return kind == KD_LAST_NORM_NONE ? x : kd_batchnorm(s, "norm", x, true, norm);
}

kd_tensor *layer_head(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    kd_tensor *x = in[0];
    if (kd_rank(x) != 2) {
        kd_reject(s, "a head wants [n, width], got %d dimensions", kd_rank(x));
        return x;
    }
    const int64_t layers = kd_attr_int(call, "layers", 2), width = kd_dim(x, 1);
    const int64_t hidden = kd_attr_int(call, "hidden", 0), output = kd_attr_int(call, "output", 0);
    for (int64_t i = 1; i < layers; i++) {
        kd_scope layer = kd_child(s, "layer%d", (int)i);
        x = linear(layer, call, x, hidden ? hidden : width, kd_attr_int(call, "hidden_bias", 0));
        if (kd_attr_int(call, "norm", 1)) {
            x = kd_batchnorm(layer, "norm", x, true, (kd_norm){0});
        }
        x = kd_attr_int(call, "gelu", 0) ? kd_gelu(x) : kd_relu(x);
    }
    kd_scope layer = kd_child(s, "layer%d", (int)layers);
    x = linear(layer, call, x, output ? output : width, kd_attr_int(call, "last_bias", 0));
    return last_norm(layer, x, kd_attr_int(call, "last_norm", KD_LAST_NORM_NONE));
}

kd_tensor *mean_cross_entropy(kd_tensor *logits, kd_tensor *target) {
    kd_tensor *out[2] = {NULL, NULL};
    logits->api->emit(NULL, "cross_entropy", (kd_tensor *[]){logits, target}, 2, NULL, 0, out, 2);
    return kd_mean(out[0]);
}

kd_tensor *layer_soft_cross_entropy(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)s;
    (void)call;
    return mean_cross_entropy(in[0], kd_stop_gradient(in[1]));
}

kd_tensor *layer_spread(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    (void)call;
    kd_tensor *x = kd_l2_normalize(kd_stop_gradient(in[0]));
    const int64_t rows = 0;
    const double n = (double)kd_dim(x, 0);
    kd_tensor *mean = kd_scale(kd_sum_axes(x, &rows, 1, true), 1 / n);
    kd_tensor *off = kd_sub(x, mean);
    kd_tensor *variance = kd_scale(kd_sum_axes(kd_mul(off, off), &rows, 1, false), 1 / n);
    return kd_mean(kd_sqrt(kd_maximum(variance, kd_scalar(s, 0))));
}

static kd_tensor *products_of_rows(kd_tensor *x, double scale) {
    return kd_scale(kd_matmul_with(x, x, false, true), scale);
}

kd_tensor *layer_squared_frobenius(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    const kd_spec a = kd_spec_of(in[0]), b = kd_spec_of(in[1]);
    if (a.rank != 2 || b.rank != 2 || a.dim[0] != b.dim[0] || a.dim[1] != b.dim[1]) {
        kd_reject(s, "squared_frobenius wants two matrices of one shape");
        return in[0];
    }
    const double scale = kd_attr_float(call, "scale", 1);
    if (2 * a.dim[0] > a.dim[1]) {
        kd_tensor *c = kd_scale(kd_matmul_with(in[0], in[1], true, false), scale);
        return kd_sum(kd_mul(c, c));
    }
    kd_tensor *of_a = products_of_rows(in[0], scale);
    kd_tensor *of_b = in[0] == in[1] ? of_a : products_of_rows(in[1], scale);
    return kd_sum(kd_mul(of_a, of_b));
}
