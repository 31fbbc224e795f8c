/* SPDX-License-Identifier: Apache-2.0
 * Pooling and batch normalisation, with their gradients. */
#include "graph/shapes.h"

static bool pool_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    const int64_t kernel = kd_attr_int(node, "kernel", 1), stride = kd_attr_int(node, "stride", 1);
    const int64_t padding = kd_attr_int(node, "padding", 0);
    char text[128];
    if (!is_real_type(x->dtype)) {
        return kd_fail(err, KD_E_INVALID, "wants a floating type");
    }
    if (x->rank != 4 || kernel < 1 || kernel > 15 || stride < 1 || padding < 0 ||
        2 * padding > kernel || x->dim[1] + 2 * padding < kernel ||
        x->dim[2] + 2 * padding < kernel) {
        return kd_fail(err, KD_E_INVALID, "a window of %lld does not fit %s", (long long)kernel,
                       shape_text(x, text));
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        out[i] = *x;
        out[i].dim[1] = (x->dim[1] + 2 * padding - kernel) / stride + 1;
        out[i].dim[2] = (x->dim[2] + 2 * padding - kernel) / stride + 1;
    }
    if (node->n_outputs > 1) {
        out[1].dtype = KD_U8;
    }
    return true;
}

static void pool_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                          kd_tensor *const *dout, kd_tensor **din) {
    (void)in;
    const kd_attr attrs[] = {KD_I("kernel", kd_attr_int(node, "kernel", 1)),
                             KD_I("stride", kd_attr_int(node, "stride", 1)),
                             KD_I("padding", kd_attr_int(node, "padding", 0)),
                             KD_I("height", node->inputs[0].dim[1]),
                             KD_I("width", node->inputs[0].dim[2])};
    din[0] = kd_emit("max_pool2d_grad", (kd_tensor *[]){dout[0], out[1]}, 2, attrs, 5);
}

static bool pool_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dy = &node->inputs[0], *where = &node->inputs[1];
    if (dy->rank != 4 || !is_real_type(dy->dtype) || where->dtype != KD_U8 ||
        kd_elements(where) != kd_elements(dy)) {
        return kd_fail(err, KD_E_INVALID, "wants [n, h, w, c] and its u8 positions");
    }
    *out = node->inputs[0];
    out->dim[1] = kd_attr_int(node, "height", 0);
    out->dim[2] = kd_attr_int(node, "width", 0);
    return true;
}

/* Are inputs [first, first + count) vectors of as many channels as x, of one type? */
static bool are_channels(const kd_node *node, uint32_t first, uint32_t count, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    if (x->rank < 2) {
        return kd_fail(err, KD_E_INVALID, "wants [..., c]");
    }
    for (uint32_t i = first; i < first + count; i++) {
        const kd_spec *v = &node->inputs[i];
        if (v->rank != 1 || v->dim[0] != x->dim[x->rank - 1] || v->dtype == KD_BF16) {
            return kd_fail(err, KD_E_INVALID, "input %u is not a real vector of %lld channels", i,
                           (long long)x->dim[x->rank - 1]);
        }
    }
    return true;
}

static bool norm_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (!are_channels(node, 1, 4, err)) {
        return false;
    }
    const kd_spec *x = &node->inputs[0];
    if (node->n_inputs > 5 &&
        (node->inputs[5].dtype != x->dtype || kd_elements(&node->inputs[5]) != kd_elements(x))) {
        return kd_fail(err, KD_E_INVALID, "the residual differs from x");
    }
    out[0] = *x;
    for (uint32_t i = 1; i < node->n_outputs; i++) {
        out[i] = node->inputs[1];
    }
    return true;
}

static void norm_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                          kd_tensor *const *dout, kd_tensor **din) {
    const bool residual = node->n_inputs > 5;
    kd_tensor *const from[] = {
        kd_cast(dout[0], node->inputs[0].dtype), in[0], out[0], in[1], out[1], out[2]};
    kd_tensor *d[4] = {NULL, NULL, NULL, NULL};
    in[0]->api->emit(NULL, "batch_norm_grad", from, 6,
                     (kd_attr[]){KD_I("relu", kd_attr_int(node, "relu", 0))}, 1, d,
                     residual ? 4 : 3);
    din[0] = d[0];
    din[1] = d[1];
    din[2] = d[2];
    if (residual) {
        din[5] = d[3];
    }
}

static bool norm_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    (void)err;
    out[0] = node->inputs[1];
    for (uint32_t i = 1; i < node->n_outputs; i++) {
        out[i] = i == 3 ? node->inputs[1] : node->inputs[3];
    }
    return true;
}

static bool norm_grad_of_sum_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dy = &node->inputs[0], *more = &node->inputs[6];
    if (node->n_outputs != 4 || more->dtype != dy->dtype || kd_elements(more) != kd_elements(dy)) {
        return kd_fail(err, KD_E_INVALID, "wants gradients of one kind, and four outputs");
    }
    return norm_grad_shape(node, out, err);
}

/* Sum over all but the last axis. */
static kd_tensor *sum_rows(kd_tensor *x) {
    int64_t axes[KD_MAX_RANK];
    const int last = kd_rank(x) - 1;
    for (int i = 0; i < last; i++) {
        axes[i] = i;
    }
    return kd_sum_axes(x, axes, last, false);
}

/* With n = (x - mean) inv_std: d gamma = sum d n, d beta = sum d, d x = d gamma inv_std, d mean =
 * -sum of that, d variance = -sum(d gamma n) inv_std^2 / 2. */
static void inference_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                               kd_tensor *const *dout, kd_tensor **din) {
    kd_tensor *d = kd_cast(dout[0], KD_REAL);
    if (kd_attr_int(node, "relu", 0)) {
        d = kd_where(kd_greater(out[0], zero_of(out[0])), d, zero_of(d));
    }
    kd_tensor *root = kd_sqrt(kd_affine(in[4], 1, kd_attr_float(node, "eps", 1e-5)));
    kd_tensor *normal = kd_div(kd_sub(kd_cast(in[0], KD_REAL), in[3]), root);
    kd_tensor *slope = kd_div(in[1], root);
    din[0] = kd_mul(d, slope);
    din[1] = sum_rows(kd_mul(d, normal));
    din[2] = sum_rows(d);
    din[3] = kd_neg(kd_mul(din[2], slope));
    din[4] = kd_scale(kd_div(kd_mul(din[1], slope), root), -0.5);
    if (node->n_inputs > 5) {
        din[5] = d;
    }
}

#define OP(name_, low_, high_, outputs_, flags_, shape_, gradient_)                                \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = low_, .max_inputs = high_,             \
        .max_outputs = outputs_, .flags = flags_, .shape = shape_, .gradient = gradient_           \
    }

const kd_op ops_image[] = {
    OP("max_pool2d", 1, 1, 2, 0, pool_shape, pool_gradient),
    OP("max_pool2d_grad", 2, 2, 1, 0, pool_grad_shape, NULL),
    OP("batch_norm", 5, 6, 5, 0, norm_shape, norm_gradient),
    OP("batch_norm_in_place", 5, 6, 5, KD_OP_INSTEAD, norm_shape, NULL),
    OP("batch_norm_grad", 6, 6, 4, 0, norm_grad_shape, NULL),
    OP("batch_norm_grad_from_x", 6, 6, 3, KD_OP_INSTEAD, norm_grad_shape, NULL),
    OP("batch_norm_grad_of_sum", 7, 7, 4, KD_OP_INSTEAD, norm_grad_of_sum_shape, NULL),
    OP("batch_norm_inference", 5, 6, 1, 0, norm_shape, inference_gradient),
    {0},
};
