/* SPDX-License-Identifier: Apache-2.0
 * Elementwise ops: each one's rules for shape and gradient beside its definition. Broadcasting is
 * undone by autodiff, not here. */
#include "graph/shapes.h"

#define GRADIENT(name)                                                                             \
    static void name(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,             \
                     kd_tensor *const *dout, kd_tensor **din)
#define UNUSED() ((void)node, (void)in, (void)out)

GRADIENT(neg_gradient) {
    UNUSED();
    din[0] = kd_neg(dout[0]);
}

GRADIENT(exp_gradient) {
    UNUSED();
    din[0] = kd_mul(dout[0], out[0]);
}

GRADIENT(log_gradient) {
    UNUSED();
    din[0] = kd_div(dout[0], in[0]);
}

GRADIENT(sqrt_gradient) {
    UNUSED();
    din[0] = kd_div(kd_scale(dout[0], 0.5), out[0]);
}

GRADIENT(abs_gradient) {
    UNUSED();
    kd_tensor *zero = zero_of(in[0]);
    kd_tensor *sign = kd_where(kd_greater(in[0], zero), dout[0], kd_neg(dout[0]));
    din[0] = kd_where(kd_equal(in[0], zero), zero, sign);
}

GRADIENT(relu_gradient) {
    UNUSED();
    kd_tensor *zero = zero_of(out[0]);
    din[0] = kd_where(kd_greater(out[0], zero), dout[0], zero);
}

GRADIENT(gelu_gradient) {
    UNUSED();
    kd_tensor *d = kd_cast(dout[0], node->inputs[0].dtype);
    din[0] = kd_emit("gelu_grad", (kd_tensor *[]){d, in[0]}, 2, NULL, 0);
}

GRADIENT(copy_gradient) {
    UNUSED();
    din[0] = dout[0];
}

GRADIENT(add_gradient) {
    UNUSED();
    din[0] = din[1] = dout[0];
}

GRADIENT(sub_gradient) {
    UNUSED();
    din[0] = dout[0];
    din[1] = kd_neg(dout[0]);
}

GRADIENT(mul_gradient) {
    UNUSED();
    din[0] = kd_mul(dout[0], in[1]);
    din[1] = kd_mul(dout[0], in[0]);
}

GRADIENT(div_gradient) {
    UNUSED();
    din[0] = kd_div(dout[0], in[1]);
    din[1] = kd_neg(kd_div(kd_mul(dout[0], out[0]), in[1]));
}

GRADIENT(maximum_gradient) {
    UNUSED();
    kd_tensor *zero = zero_of(dout[0]), *b_wins = kd_greater(in[1], in[0]);
    din[0] = kd_where(b_wins, zero, dout[0]);
    din[1] = kd_where(b_wins, dout[0], zero);
}

GRADIENT(where_gradient) {
    UNUSED();
    kd_tensor *zero = zero_of(dout[0]);
    din[1] = kd_where(in[0], dout[0], zero);
    din[2] = kd_where(in[0], zero, dout[0]);
}

GRADIENT(affine_gradient) {
    UNUSED();
    din[0] = kd_scale(dout[0], kd_attr_float(node, "scale", 1));
}

GRADIENT(cast_gradient) {
    UNUSED();
    if (is_real_type(node->inputs[0].dtype)) {
        din[0] = kd_cast(dout[0], node->inputs[0].dtype);
    }
}

static bool real_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (!is_real_type(node->inputs[0].dtype)) {
        return kd_fail(err, KD_E_INVALID, "wants a floating type");
    }
    return same_shape(node, out, err);
}

static bool binary_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->inputs[0].dtype != node->inputs[1].dtype) {
        return kd_fail(err, KD_E_INVALID, "mixes integers and floats; cast one of them");
    }
    return broadcast_shape(node, out, err);
}

static bool gelu_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->inputs[0].dtype != node->inputs[1].dtype ||
        kd_elements(&node->inputs[0]) != kd_elements(&node->inputs[1])) {
        return kd_fail(err, KD_E_INVALID, "wants two of one shape and type");
    }
    return real_shape(node, out, err);
}

static bool compare_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    kd_spec r;
    if (!binary_shape(node, &r, err)) {
        return false;
    }
    r.dtype = KD_U8;
    *out = r;
    return true;
}

static bool where_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->inputs[0].dtype != KD_U8) {
        return kd_fail(err, KD_E_INVALID, "wants a u8 condition");
    }
    if (node->inputs[1].dtype != node->inputs[2].dtype) {
        return kd_fail(err, KD_E_INVALID, "wants two branches of one type");
    }
    return broadcast_shape(node, out, err);
}

static bool cast_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int32_t dtype = (int32_t)kd_attr_int(node, "dtype", 0);
    if (dtype < KD_F32 || dtype > KD_U8) {
        return kd_fail(err, KD_E_INVALID, "wants a known dtype");
    }
    *out = node->inputs[0];
    out->dtype = dtype;
    return true;
}

static bool cast_all_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->n_outputs != node->n_inputs) {
        return kd_fail(err, KD_E_INVALID, "wants an output for each input");
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        out[i] = node->inputs[i];
        out[i].dtype = KD_BF16;
        if (node->inputs[i].dtype != KD_F32 && node->inputs[i].dtype != KD_F64) {
            return kd_fail(err, KD_E_INVALID, "wants f32 or f64, not %s",
                           kd_dtype_name(node->inputs[i].dtype));
        }
    }
    return true;
}

#define OP(name_, inputs_, flags_, shape_, gradient_)                                              \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = inputs_, .max_inputs = inputs_,        \
        .max_outputs = 1, .flags = flags_, .shape = shape_, .gradient = gradient_                  \
    }

const kd_op ops_elementwise[] = {
    OP("neg", 1, 0, same_shape, neg_gradient),
    OP("exp", 1, KD_OP_WIDEN, real_shape, exp_gradient),
    OP("log", 1, KD_OP_WIDEN, real_shape, log_gradient),
    OP("sqrt", 1, KD_OP_WIDEN, real_shape, sqrt_gradient),
    OP("abs", 1, 0, same_shape, abs_gradient),
    OP("relu", 1, 0, real_shape, relu_gradient),
    OP("gelu", 1, 0, real_shape, gelu_gradient),
    OP("gelu_grad", 2, 0, gelu_grad_shape, NULL),
    OP("affine", 1, 0, real_shape, affine_gradient),
    OP("cast", 1, 0, cast_shape, cast_gradient),
    {.size = sizeof(kd_op),
     .name = "cast_all",
     .min_inputs = 1,
     .max_inputs = UINT32_MAX,
     .max_outputs = UINT32_MAX,
     .flags = KD_OP_INSTEAD,
     .shape = cast_all_shape},
    OP("copy", 1, 0, same_shape, copy_gradient),
    OP("stop_gradient", 1, KD_OP_ALIAS | KD_OP_CONSTANT, same_shape, NULL),
    OP("add", 2, KD_OP_BROADCAST | KD_OP_PROMOTE, binary_shape, add_gradient),
    OP("sub", 2, KD_OP_BROADCAST | KD_OP_PROMOTE, binary_shape, sub_gradient),
    OP("mul", 2, KD_OP_BROADCAST | KD_OP_PROMOTE, binary_shape, mul_gradient),
    OP("div", 2, KD_OP_BROADCAST | KD_OP_PROMOTE, binary_shape, div_gradient),
    OP("maximum", 2, KD_OP_BROADCAST | KD_OP_PROMOTE, binary_shape, maximum_gradient),
    OP("greater", 2, KD_OP_BROADCAST | KD_OP_PROMOTE | KD_OP_CONSTANT, compare_shape, NULL),
    OP("equal", 2, KD_OP_BROADCAST | KD_OP_PROMOTE | KD_OP_CONSTANT, compare_shape, NULL),
    OP("where", 3, KD_OP_BROADCAST | KD_OP_PROMOTE, where_shape, where_gradient),
    {0},
};
