/* SPDX-License-Identifier: Apache-2.0
 * Contractions: matrix products and convolutions, with their gradients. */
#include "graph/shapes.h"

#define GRADIENT(name)                                                                             \
    static void name(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,             \
                     kd_tensor *const *dout, kd_tensor **din)
#define UNUSED() ((void)node, (void)in, (void)out)

static bool matmul_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *a = &node->inputs[0], *b = &node->inputs[1];
    const int r = a->rank;
    char ta[128], tb[128];
    if (r != b->rank || (r != 2 && r != 3) || a->dtype != b->dtype || !is_real_type(a->dtype)) {
        return kd_fail(err, KD_E_INVALID, "%s @ %s: wants two matrices, or batches, of one type",
                       shape_text(a, ta), shape_text(b, tb));
    }
    const int64_t sa = kd_attr_int(node, "transpose_a", 0) != 0;
    const int64_t sb = kd_attr_int(node, "transpose_b", 0) != 0;
    const int64_t m = a->dim[r - 2 + sa], k = a->dim[r - 1 - sa];
    const int64_t k2 = b->dim[r - 2 + sb], n = b->dim[r - 1 - sb];
    if (k != k2 || (r == 3 && a->dim[0] != b->dim[0])) {
        return kd_fail(err, KD_E_INVALID, "%s @ %s: inner dimensions or batches differ",
                       shape_text(a, ta), shape_text(b, tb));
    }
    *out = *a;
    out->dim[r - 2] = m;
    out->dim[r - 1] = n;
    out->dtype = (int32_t)kd_attr_int(node, "dtype", a->dtype);
    return true;
}

static bool matmul_bias_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *bias = &node->inputs[2];
    if (!matmul_shape(node, out, err)) {
        return false;
    }
    if (out->rank != 2 || bias->rank != 1 || bias->dim[0] != out->dim[1] ||
        bias->dtype != out->dtype || kd_elements(&node->inputs[0]) == 0) {
        return kd_fail(err, KD_E_INVALID, "wants matrices that are not empty, and a bias a column");
    }
    return true;
}

static kd_tensor *product(const kd_node *node, kd_tensor *a, kd_tensor *b, bool ta, bool tb,
                          int32_t dtype) {
    const kd_attr attrs[] = {KD_I("transpose_a", ta), KD_I("transpose_b", tb),
                             KD_I("native", kd_attr_int(node, "native", 0)), KD_I("dtype", dtype)};
    return kd_emit("matmul", (kd_tensor *[]){a, b}, 2, attrs, 4);
}

/* With c = op(a) @ op(b): d op(a) = dc @ op(b)', d op(b) = op(a)' @ dc. A layer's weight is its
 * second operand, whose gradient stays real: what the optimizer reads is never rounded to bf16. */
GRADIENT(matmul_gradient) {
    (void)out;
    const bool ta = kd_attr_int(node, "transpose_a", 0) != 0;
    const bool tb = kd_attr_int(node, "transpose_b", 0) != 0;
    const int32_t type = node->inputs[0].dtype;
    const int32_t weight = kd_attr_int(node, "native", 0) ? KD_REAL : type;
    kd_tensor *d = kd_cast(dout[0], type);
    din[0] =
        ta ? product(node, in[1], d, tb, true, type) : product(node, d, in[1], false, !tb, type);
    din[1] = tb ? product(node, d, in[0], true, ta, weight)
                : product(node, in[0], d, !ta, false, weight);
}

static bool conv2d_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0], *w = &node->inputs[1];
    char tx[128], tw[128];
    if (x->rank != 4 || w->rank != 4 || x->dtype != w->dtype || x->dim[3] != w->dim[3]) {
        return kd_fail(err, KD_E_INVALID,
                       "wants [n, h, w, c] and [o, kh, kw, c] of one type, got %s and %s",
                       shape_text(x, tx), shape_text(w, tw));
    }
    const int64_t stride = kd_attr_int(node, "stride", 1),
                  padding = kd_attr_int(node, "padding", 0);
    kd_spec r = *x;
    for (int i = 1; i <= 2; i++) {
        const int64_t reach = x->dim[i] + 2 * padding - w->dim[i];
        if (stride < 1 || padding < 0 || reach < 0) {
            return kd_fail(err, KD_E_INVALID,
                           "kernel %s does not fit an image of %s (stride %lld, "
                           "padding %lld)",
                           shape_text(w, tw), shape_text(x, tx), (long long)stride,
                           (long long)padding);
        }
        r.dim[i] = reach / stride + 1;
    }
    r.dim[3] = w->dim[0];
    *out = r;
    return true;
}

GRADIENT(conv2d_gradient) {
    (void)out;
    const kd_spec *x = &node->inputs[0], *w = &node->inputs[1];
    const kd_attr stride = KD_I("stride", kd_attr_int(node, "stride", 1));
    const kd_attr padding = KD_I("padding", kd_attr_int(node, "padding", 0));
    kd_tensor *d = kd_cast(dout[0], x->dtype);
    din[0] = kd_emit(
        "conv2d_input_grad", (kd_tensor *[]){d, in[1]}, 2,
        (kd_attr[]){stride, padding, KD_I("height", x->dim[1]), KD_I("width", x->dim[2])}, 4);
    din[1] = kd_emit("conv2d_weight_grad", (kd_tensor *[]){in[0], d}, 2,
                     (kd_attr[]){stride, padding, KD_I("kernel_height", w->dim[1]),
                                 KD_I("kernel_width", w->dim[2])},
                     4);
}

static bool input_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dy = &node->inputs[0], *w = &node->inputs[1];
    if (dy->rank != 4 || w->rank != 4 || dy->dtype != w->dtype || dy->dim[3] != w->dim[0]) {
        return kd_fail(err, KD_E_INVALID, "wants [n, h, w, o] and [o, kh, kw, c] of one type");
    }
    *out = *dy;
    out->dim[1] = kd_attr_int(node, "height", 0);
    out->dim[2] = kd_attr_int(node, "width", 0);
    out->dim[3] = w->dim[3];
    return true;
}

static bool weight_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0], *dy = &node->inputs[1];
    if (x->rank != 4 || dy->rank != 4 || x->dtype != dy->dtype || x->dim[0] != dy->dim[0]) {
        return kd_fail(err, KD_E_INVALID, "wants [n, h, w, c] and [n, h', w', o] of one type");
    }
    *out = (kd_spec){.dtype = (int32_t)kd_attr_int(node, "dtype", x->dtype),
                     .rank = 4,
                     .dim = {dy->dim[3], kd_attr_int(node, "kernel_height", 1),
                             kd_attr_int(node, "kernel_width", 1), x->dim[3]}};
    return true;
}

#define OP(name_, flags_, shape_, gradient_)                                                       \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = 2, .max_inputs = 2, .max_outputs = 1,  \
        .flags = flags_, .shape = shape_, .gradient = gradient_                                    \
    }

const kd_op ops_contract[] = {
    OP("matmul", KD_OP_WIDEN | KD_OP_PROMOTE, matmul_shape, matmul_gradient),
    {.size = sizeof(kd_op),
     .name = "matmul_bias",
     .min_inputs = 3,
     .max_inputs = 3,
     .max_outputs = 1,
     .flags = KD_OP_INSTEAD,
     .shape = matmul_bias_shape},
    OP("conv2d", KD_OP_PROMOTE, conv2d_shape, conv2d_gradient),
    OP("conv2d_input_grad", KD_OP_PROMOTE, input_grad_shape, NULL),
    OP("conv2d_weight_grad", KD_OP_PROMOTE | KD_OP_REAL, weight_grad_shape, NULL),
    {0},
};
