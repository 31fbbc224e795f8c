/* SPDX-License-Identifier: Apache-2.0
 * Preparing walks: see walk.h. */
#include "walk.h"

divider divider_of(int64_t by) {
    uint32_t shift = 0;
    while ((INT64_C(1) << shift) < by) {
        shift++;
    }
    const uint64_t above = (UINT64_C(1) << shift) - (uint64_t)by;
    return (divider){(uint32_t)by, (uint32_t)((above << 32) / (uint64_t)by + 1), shift};
}

void dense_strides(const kd_spec *spec, int64_t stride[KD_MAX_RANK]) {
    int64_t step = 1;
    for (int axis = spec->rank - 1; axis >= 0; axis--) {
        stride[axis] = step;
        step *= spec->dim[axis];
    }
}

/* Is axis `next` of `from` the inner part of the last axis of a? */
static bool merges(const axes *a, const axes *from, int next) {
    for (int o = 0; o < a->operands; o++) {
        if (a->stride[o][a->rank - 1] != from->stride[o][next] * from->dim[next]) {
            return false;
        }
    }
    return true;
}

static axes merge(const axes *from) {
    axes a = {.operands = from->operands};
    for (int axis = 0; axis < from->rank; axis++) {
        if (from->dim[axis] == 1) {
            continue;
        }
        if (a.rank && merges(&a, from, axis)) {
            a.dim[a.rank - 1] *= from->dim[axis];
        } else {
            a.dim[a.rank++] = from->dim[axis];
        }
        for (int o = 0; o < a.operands; o++) {
            a.stride[o][a.rank - 1] = from->stride[o][axis];
        }
    }
    return a;
}

/* May the last axis be taken in packs of `elements`, each of them aligned? */
static bool packs(const axes *a, int elements) {
    const int last = a->rank - 1;
    if (elements > 1 && (last < 0 || a->dim[last] % elements != 0)) {
        return false;
    }
    for (int o = 0; elements > 1 && o < a->operands; o++) {
        const int64_t *stride = a->stride[o];
        if (stride[last] == 0) {
            continue;
        }
        for (int axis = 0; axis < last; axis++) {
            if (stride[axis] % elements != 0) {
                return false;
            }
        }
        if (stride[last] != 1) {
            return false;
        }
    }
    return true;
}

bool walk_create(const kd_node *node, const axes *over, int elements, walk *ret, kd_error *err) {
    const axes a = merge(over);
    elements = packs(&a, elements) ? elements : 1;
    walk w = {.rank = a.rank, .operands = a.operands, .count = 1, .elements = elements};
    for (int axis = 0; axis < a.rank; axis++) {
        const bool last = axis == a.rank - 1;
        const int64_t dim = last ? a.dim[axis] / elements : a.dim[axis];
        w.count *= dim;
        if (w.count > INT32_MAX) {
            return refuse(node, "has 2^31 elements or more", err);
        }
        w.dim[axis] = divider_of(dim ? dim : 1);
        for (int o = 0; o < a.operands; o++) {
            w.stride[o][axis] = last ? a.stride[o][axis] * elements : a.stride[o][axis];
        }
    }
    for (int o = 0; o < a.operands; o++) {
        w.repeats[o] = a.rank == 0 || a.stride[o][a.rank - 1] == 0;
    }
    *ret = w;
    return true;
}

/* Strides that read `in` as if it had the shape of `out`, missing axes in front. */
static void broadcast_strides(const kd_spec *in, const kd_spec *out, int64_t stride[KD_MAX_RANK]) {
    const int missing = out->rank - in->rank;
    int64_t own[KD_MAX_RANK];
    dense_strides(in, own);
    for (int axis = 0; axis < out->rank; axis++) {
        const bool repeats = axis < missing || in->dim[axis - missing] == 1;
        stride[axis] = repeats ? 0 : own[axis - missing];
    }
}

bool walk_of_inputs(const kd_node *node, int elements, walk *ret, kd_error *err) {
    const kd_spec *out = &node->outputs[0];
    axes a = {.rank = out->rank, .operands = (int)node->n_inputs};
    memcpy(a.dim, out->dim, sizeof a.dim);
    for (int i = 0; i < a.operands; i++) {
        broadcast_strides(&node->inputs[i], out, a.stride[i]);
    }
    return walk_create(node, &a, elements, ret, err);
}
