/* SPDX-License-Identifier: Apache-2.0
 * The ops that make views out of stored images; kindred/augment.h says what they do. */
#include "graph/shapes.h"

#include <kindred/augment.h>

static bool is_vector(const kd_spec *spec, int32_t dtype) {
    return spec->rank == 1 && spec->dtype == dtype;
}

static bool augment_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *pixels = &node->inputs[0], *rows = &node->inputs[1], *key = &node->inputs[2];
    char text[3][128];
    if (!is_vector(pixels, KD_U8) || rows->rank != 2 || rows->dtype != KD_I64 ||
        rows->dim[1] != 4 || !is_vector(key, KD_I64) || key->dim[0] != 2) {
        return kd_fail(
            err, KD_E_INVALID,
            "wants pixels u8 [bytes], rows i64 [n, 4] and key i64 [2], got %s, %s and %s",
            shape_text(pixels, text[0]), shape_text(rows, text[1]), shape_text(key, text[2]));
    }
    kd_augment a = {0};
    if (!kd_augment_decode(node, &a, err)) {
        return false;
    }
    *out = (kd_spec){.dtype = (int32_t)kd_attr_int(node, "dtype", KD_REAL),
                     .rank = 4,
                     .dim = {rows->dim[0], a.size, a.size, a.channels}};
    return is_real_type(out->dtype) || kd_fail(err, KD_E_INVALID, "makes views of a real type");
}

#define OP(name_, flags_)                                                                          \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = 3, .max_inputs = 3, .max_outputs = 1,  \
        .flags = KD_OP_CONSTANT | KD_OP_REAL | (flags_), .shape = augment_shape                    \
    }

const kd_op ops_augment[] = {
    OP("augment", 0),
    OP("narrow_augment", KD_OP_INSTEAD),
    {0},
};
