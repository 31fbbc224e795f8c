/* SPDX-License-Identifier: Apache-2.0
 * Ops that move elements: reshape, transpose, broadcast, slice, pad, concat, gather, scatter. */
#include "graph/shapes.h"

#define GRADIENT(name)                                                                             \
    static void name(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,             \
                     kd_tensor *const *dout, kd_tensor **din)
#define UNUSED() ((void)node, (void)in, (void)out)

/* The axis attribute, checked against input 0; negative counts from the end. -1: an error. */
static int axis_of(const kd_node *node, kd_error *err) {
    const int rank = node->inputs[0].rank;
    int64_t axis = kd_attr_int(node, "axis", 0);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank) {
        kd_fail(err, KD_E_INVALID, "has no axis %lld", (long long)axis);
        return -1;
    }
    return (int)axis;
}

static int axis_in(const kd_node *node) {
    kd_error ignored = KD_ERROR_INIT;
    return axis_of(node, &ignored);
}

/* The attribute `dims` as a spec of input 0's type. */
static bool dims_of(const kd_node *node, kd_spec *out, kd_error *err) {
    uint32_t rank;
    const int64_t *dims = kd_attr_ints(node, "dims", &rank);
    if (rank > KD_MAX_RANK) {
        return kd_fail(err, KD_E_INVALID, "has more than %d dimensions", KD_MAX_RANK);
    }
    *out = (kd_spec){.dtype = node->inputs[0].dtype, .rank = (int32_t)rank};
    for (uint32_t i = 0; i < rank; i++) {
        out->dim[i] = dims[i];
        if (dims[i] < 0) {
            return kd_fail(err, KD_E_INVALID, "has a negative dimension");
        }
    }
    return true;
}

static bool reshape_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    kd_spec r;
    if (!dims_of(node, &r, err)) {
        return false;
    }
    if (kd_elements(&r) != kd_elements(&node->inputs[0])) {
        char a[128], b[128];
        return kd_fail(err, KD_E_INVALID, "%s does not hold as many elements as %s",
                       shape_text(&r, a), shape_text(&node->inputs[0], b));
    }
    *out = r;
    return true;
}

GRADIENT(reshape_gradient) {
    UNUSED();
    din[0] = kd_reshape(dout[0], node->inputs[0].rank, node->inputs[0].dim);
}

static bool transpose_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    uint32_t count, seen = 0;
    const int64_t *order = kd_attr_ints(node, "order", &count);
    kd_spec r = *x;
    for (uint32_t i = 0; i < count && (int32_t)count == x->rank; i++) {
        if (order[i] >= 0 && order[i] < x->rank) {
            seen |= 1u << order[i];
            r.dim[i] = x->dim[order[i]];
        }
    }
    if (seen != (1u << x->rank) - 1) {
        return kd_fail(err, KD_E_INVALID, "wants each of its %d axes once", x->rank);
    }
    *out = r;
    return true;
}

GRADIENT(transpose_gradient) {
    UNUSED();
    uint32_t count;
    const int64_t *order = kd_attr_ints(node, "order", &count);
    int64_t back[KD_MAX_RANK] = {0};
    for (uint32_t i = 0; i < count; i++) {
        back[order[i]] = i;
    }
    din[0] = kd_permute(dout[0], back);
}

static bool expand_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    kd_spec r;
    if (!dims_of(node, &r, err)) {
        return false;
    }
    bool fits = x->rank <= r.rank;
    for (int i = 1; fits && i <= x->rank; i++) {
        const int64_t d = x->dim[x->rank - i];
        fits = d == 1 || d == r.dim[r.rank - i];
    }
    if (!fits) {
        char a[128], b[128];
        return kd_fail(err, KD_E_INVALID, "%s does not broadcast to %s", shape_text(x, a),
                       shape_text(&r, b));
    }
    *out = r;
    return true;
}

GRADIENT(expand_gradient) {
    UNUSED();
    din[0] = dout[0];
}

static bool slice_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int axis = axis_of(node, err);
    const int64_t start = kd_attr_int(node, "start", 0), stop = kd_attr_int(node, "stop", 0);
    if (axis < 0) {
        return false;
    }
    if (start < 0 || stop < start || stop > node->inputs[0].dim[axis]) {
        return kd_fail(err, KD_E_INVALID, "[%lld, %lld) is outside of axis %d, which has %lld",
                       (long long)start, (long long)stop, axis,
                       (long long)node->inputs[0].dim[axis]);
    }
    *out = node->inputs[0];
    out->dim[axis] = stop - start;
    return true;
}

GRADIENT(slice_gradient) {
    UNUSED();
    const int axis = axis_in(node);
    const int64_t start = kd_attr_int(node, "start", 0), stop = kd_attr_int(node, "stop", 0);
    din[0] = kd_pad(dout[0], axis, start, node->inputs[0].dim[axis] - stop);
}

static bool pad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int axis = axis_of(node, err);
    const int64_t before = kd_attr_int(node, "before", 0), after = kd_attr_int(node, "after", 0);
    if (axis < 0) {
        return false;
    }
    if (before < 0 || after < 0) {
        return kd_fail(err, KD_E_INVALID, "wants no negative padding");
    }
    *out = node->inputs[0];
    out->dim[axis] += before + after;
    return true;
}

GRADIENT(pad_gradient) {
    UNUSED();
    const int axis = axis_in(node);
    const int64_t before = kd_attr_int(node, "before", 0);
    din[0] = kd_slice(dout[0], axis, before, before + node->inputs[0].dim[axis]);
}

static bool concat_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int axis = axis_of(node, err);
    if (axis < 0) {
        return false;
    }
    kd_spec r = node->inputs[0];
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        const kd_spec *x = &node->inputs[i];
        bool fits = x->rank == r.rank && x->dtype == r.dtype;
        for (int d = 0; fits && d < r.rank; d++) {
            fits = d == axis || x->dim[d] == r.dim[d];
        }
        if (!fits) {
            char a[128], b[128];
            return kd_fail(err, KD_E_INVALID, "%s and %s do not join along axis %d",
                           shape_text(&r, a), shape_text(x, b), axis);
        }
        r.dim[axis] += x->dim[axis];
    }
    *out = r;
    return true;
}

GRADIENT(concat_gradient) {
    UNUSED();
    const int axis = axis_in(node);
    int64_t start = 0;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const int64_t stop = start + node->inputs[i].dim[axis];
        din[i] = kd_slice(dout[0], axis, start, stop);
        start = stop;
    }
}

static bool is_index(const kd_spec *s) {
    return s->dtype == KD_I32 && s->rank == 1;
}

static bool gather_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (node->inputs[0].rank < 1 || !is_index(&node->inputs[1])) {
        return kd_fail(err, KD_E_INVALID, "wants [rows, ...] and i32 [k]");
    }
    *out = node->inputs[0];
    out->dim[0] = node->inputs[1].dim[0];
    return true;
}

GRADIENT(gather_gradient) {
    UNUSED();
    din[0] = kd_scatter_add(in[1], dout[0], node->inputs[0].dim[0]);
}

static bool scatter_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *source = &node->inputs[1];
    if (!is_index(&node->inputs[0]) || source->rank < 1 ||
        source->dim[0] != node->inputs[0].dim[0]) {
        return kd_fail(err, KD_E_INVALID, "wants i32 [k] and [k, ...]");
    }
    *out = *source;
    out->dim[0] = kd_attr_int(node, "rows", 0);
    return true;
}

GRADIENT(scatter_gradient) {
    UNUSED();
    din[1] = kd_gather(dout[0], in[0]);
}

static bool scatter_rows_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *base = &node->inputs[0], *indices = &node->inputs[1], *source = &node->inputs[2];
    bool fits = is_index(indices) && base->rank > 0 && base->rank == source->rank &&
                base->dtype == source->dtype && source->dim[0] == indices->dim[0];
    for (int i = 1; fits && i < base->rank; i++) {
        fits = base->dim[i] == source->dim[i];
    }
    if (!fits) {
        return kd_fail(err, KD_E_INVALID, "wants [rows, ...], i32 [k] and [k, ...] of one type");
    }
    *out = *base;
    return true;
}

#define OP(name_, low_, high_, flags_, shape_, gradient_)                                          \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = low_, .max_inputs = high_,             \
        .max_outputs = 1, .flags = flags_, .shape = shape_, .gradient = gradient_                  \
    }

const kd_op ops_shape[] = {
    OP("reshape", 1, 1, KD_OP_ALIAS, reshape_shape, reshape_gradient),
    OP("transpose", 1, 1, 0, transpose_shape, transpose_gradient),
    OP("broadcast", 1, 1, KD_OP_BROADCAST, expand_shape, expand_gradient),
    OP("slice", 1, 1, 0, slice_shape, slice_gradient),
    OP("pad", 1, 1, 0, pad_shape, pad_gradient),
    OP("concat", 1, 64, KD_OP_PROMOTE, concat_shape, concat_gradient),
    OP("gather", 2, 2, 0, gather_shape, gather_gradient),
    OP("scatter_add", 2, 2, 0, scatter_shape, scatter_gradient),
    OP("scatter_rows", 3, 3, 0, scatter_rows_shape, NULL),
    {0},
};
