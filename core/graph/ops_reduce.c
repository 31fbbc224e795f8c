/* SPDX-License-Identifier: Apache-2.0
 * Ops that reduce along axes, and the softmax family along the last one. */
#include "graph/shapes.h"

#define GRADIENT(name)                                                                             \
    static void name(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,             \
                     kd_tensor *const *dout, kd_tensor **din)
#define UNUSED() ((void)node, (void)in, (void)out)

/* Bit i: axis i is reduced. No axes listed: all. */
static bool axes_of(const kd_node *node, uint32_t *ret, kd_error *err) {
    const int rank = node->inputs[0].rank;
    uint32_t count;
    const int64_t *axes = kd_attr_ints(node, "axes", &count);
    uint32_t mask = count ? 0 : (1u << rank) - 1;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank || (mask >> axis & 1)) {
            return kd_fail(err, KD_E_INVALID, "has no axis %lld, or has it twice",
                           (long long)axes[i]);
        }
        mask |= 1u << axis;
    }
    *ret = mask;
    return true;
}

static kd_spec reduced(const kd_spec *x, uint32_t mask, bool keep) {
    kd_spec r = {.dtype = x->dtype};
    for (int i = 0; i < x->rank; i++) {
        const bool gone = mask >> i & 1;
        if (!gone || keep) {
            r.dim[r.rank++] = gone ? 1 : x->dim[i];
        }
    }
    return r;
}

static bool reduce_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    uint32_t mask;
    if (!axes_of(node, &mask, err)) {
        return false;
    }
    *out = reduced(&node->inputs[0], mask, kd_attr_int(node, "keep", 0) != 0);
    return true;
}

static bool wide_sum_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (!reduce_shape(node, out, err)) {
        return false;
    }
    out->dtype = (int32_t)kd_attr_int(node, "dtype", KD_F32);
    return true;
}

GRADIENT(sum_gradient) {
    UNUSED();
    kd_error ignored = KD_ERROR_INIT;
    uint32_t mask = 0;
    axes_of(node, &mask, &ignored);
    const kd_spec *x = &node->inputs[0], kept = reduced(x, mask, true);
    kd_tensor *d = kd_reshape(dout[0], kept.rank, kept.dim);
    din[0] = kd_broadcast(d, x->rank, x->dim);
}

static bool last_axis_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->inputs[0].rank < 1) {
        return kd_fail(err, KD_E_INVALID, "wants at least one axis");
    }
    return same_shape(node, out, err);
}

/* d x = y (dy - sum(dy y)) */
GRADIENT(softmax_gradient) {
    UNUSED();
    const int64_t last = node->inputs[0].rank - 1;
    kd_tensor *total = kd_sum_axes(kd_mul(dout[0], out[0]), &last, 1, true);
    din[0] = kd_mul(kd_sub(dout[0], total), out[0]);
}

/* d x = dy - softmax(x) sum(dy) */
GRADIENT(log_softmax_gradient) {
    UNUSED();
    const int64_t last = node->inputs[0].rank - 1;
    kd_tensor *total = kd_sum_axes(dout[0], &last, 1, true);
    din[0] = kd_sub(dout[0], kd_mul(kd_exp(out[0]), total));
}

static bool argmax_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    if (x->rank < 1 || x->dim[x->rank - 1] < 1) {
        return kd_fail(err, KD_E_INVALID, "wants a last axis that is not empty");
    }
    *out = reduced(x, 1u << (x->rank - 1), false);
    out->dtype = KD_I32;
    return true;
}

static bool top_k_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    const int64_t k = kd_attr_int(node, "k", 0);
    if (x->rank < 1 || k < 1 || k > x->dim[x->rank - 1]) {
        return kd_fail(err, KD_E_INVALID, "k %lld is not within the last axis", (long long)k);
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        out[i] = *x;
        out[i].dim[x->rank - 1] = k;
    }
    if (node->n_outputs > 1) {
        out[1].dtype = KD_I32;
    }
    return true;
}

/* Is `target` i32 [rows] or real [rows, classes], and are logits [rows, classes]? */
static bool is_entropy(const kd_spec *logits, const kd_spec *target, kd_error *err) {
    const bool labels = target->dtype == KD_I32 && target->rank == 1;
    const bool shares = target->dtype == logits->dtype && target->rank == 2;
    if (logits->rank != 2 || !is_real_type(logits->dtype) || logits->dim[1] < 1 ||
        !(labels || shares) || target->dim[0] != logits->dim[0] ||
        (shares && target->dim[1] != logits->dim[1])) {
        return kd_fail(err, KD_E_INVALID,
                       "wants logits [rows, classes], and labels i32 [rows] or shares as logits");
    }
    return true;
}

static bool cross_entropy_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *logits = &node->inputs[0];
    if (!is_entropy(logits, &node->inputs[1], err)) {
        return false;
    }
    out[0] = (kd_spec){.dtype = logits->dtype, .rank = 1, .dim = {logits->dim[0]}};
    if (node->n_outputs > 1) {
        out[1] = (kd_spec){.dtype = logits->dtype, .rank = 2, .dim = {logits->dim[0], 2}};
    }
    return true;
}

GRADIENT(cross_entropy_gradient) {
    UNUSED();
    din[0] =
        kd_emit("cross_entropy_grad", (kd_tensor *[]){dout[0], in[0], in[1], out[1]}, 4, NULL, 0);
}

static bool cross_entropy_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dout = &node->inputs[0], *logits = &node->inputs[1], *sums = &node->inputs[3];
    if (!is_entropy(logits, &node->inputs[2], err)) {
        return false;
    }
    if (kd_elements(dout) != logits->dim[0] || kd_elements(sums) != 2 * logits->dim[0] ||
        dout->dtype != logits->dtype || sums->dtype != logits->dtype) {
        return kd_fail(err, KD_E_INVALID, "wants a gradient and two sums of each row");
    }
    *out = *logits;
    return true;
}

#define OP(name_, outputs_, flags_, shape_, gradient_)                                             \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = 1, .max_inputs = 1,                    \
        .max_outputs = outputs_, .flags = flags_, .shape = shape_, .gradient = gradient_           \
    }

const kd_op ops_reduce[] = {
    OP("sum", 1, KD_OP_WIDEN, reduce_shape, sum_gradient),
    OP("wide_sum", 1, KD_OP_REAL | KD_OP_INSTEAD, wide_sum_shape, NULL),
    OP("max", 1, 0, reduce_shape, NULL),
    OP("argmax", 1, KD_OP_CONSTANT, argmax_shape, NULL),
    OP("top_k", 2, KD_OP_WIDEN, top_k_shape, NULL),
    OP("softmax", 1, KD_OP_WIDEN, last_axis_shape, softmax_gradient),
    OP("log_softmax", 1, KD_OP_WIDEN, last_axis_shape, log_softmax_gradient),
    {.size = sizeof(kd_op),
     .name = "cross_entropy",
     .min_inputs = 2,
     .max_inputs = 2,
     .max_outputs = 2,
     .flags = KD_OP_WIDEN,
     .shape = cross_entropy_shape,
     .gradient = cross_entropy_gradient},
    {.size = sizeof(kd_op),
     .name = "cross_entropy_grad",
     .min_inputs = 4,
     .max_inputs = 4,
     .max_outputs = 1,
     .flags = KD_OP_WIDEN,
     .shape = cross_entropy_grad_shape},
    {0},
};
