/* SPDX-License-Identifier: Apache-2.0
 * Ops that make a tensor of nothing, or of a key: constants and random numbers. */
#include "graph/shapes.h"

static bool fill_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    uint32_t rank;
    const int64_t *dims = kd_attr_ints(node, "dims", &rank);
    if (rank > KD_MAX_RANK) {
        return kd_fail(err, KD_E_INVALID, "has more than %d dimensions", KD_MAX_RANK);
    }
    *out = (kd_spec){.dtype = (int32_t)kd_attr_int(node, "dtype", 0), .rank = (int32_t)rank};
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return kd_fail(err, KD_E_INVALID, "has a negative dimension");
        }
        out->dim[i] = dims[i];
    }
    return true;
}

static bool range_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int64_t start = kd_attr_int(node, "start", 0), stop = kd_attr_int(node, "stop", 0);
    if (start > stop || start < INT32_MIN || stop > INT32_MAX) {
        return kd_fail(err, KD_E_INVALID, "from %lld to %lld is no range of i32", (long long)start,
                       (long long)stop);
    }
    *out = (kd_spec){.dtype = KD_I32, .rank = 1, .dim = {stop - start}};
    return true;
}

static bool constant_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    uint32_t count;
    kd_attr_floats(node, "values", &count);
    if (!fill_shape(node, out, err)) {
        return false;
    }
    if (kd_elements(out) != count) {
        char text[128];
        return kd_fail(err, KD_E_INVALID, "%u values do not fill %s", count, shape_text(out, text));
    }
    return (is_real_type(out->dtype) && out->dtype != KD_BF16) || out->dtype == KD_I32 ||
           kd_fail(err, KD_E_INVALID, "is real or i32");
}

static bool random_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *key = &node->inputs[0];
    const int64_t stream = kd_attr_int(node, "stream", 0);
    if (key->dtype != KD_I64 || key->rank != 1 || key->dim[0] != 2) {
        return kd_fail(err, KD_E_INVALID, "wants a key i64 [2]");
    }
    if (stream < 0 || stream > UINT32_MAX) {
        return kd_fail(err, KD_E_INVALID, "stream %lld is not below 2^32", (long long)stream);
    }
    return fill_shape(node, out, err) &&
           (is_real_type(out->dtype) || kd_fail(err, KD_E_INVALID, "is real")) &&
           (kd_elements(out) <= (int64_t)1 << 34 ||
            kd_fail(err, KD_E_INVALID, "has more than 2^34 elements"));
}

#define OP(name_, inputs_, flags_, shape_)                                                         \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = inputs_, .max_inputs = inputs_,        \
        .max_outputs = 1, .flags = KD_OP_CONSTANT | (flags_), .shape = shape_                      \
    }

const kd_op ops_source[] = {
    OP("fill", 0, KD_OP_REAL, fill_shape),
    OP("constant", 0, KD_OP_REAL, constant_shape),
    OP("range", 0, 0, range_shape),
    OP("random", 1, KD_OP_REAL, random_shape),
    {0},
};
