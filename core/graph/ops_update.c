/* SPDX-License-Identifier: Apache-2.0
 * Updates of parameters, in place: kindred/update.h says what they do. */
#include "graph/shapes.h"

#include <kindred/update.h>

/* The number of segments of `ints` integers each; -1 when the list does not divide. */
static int64_t count_segments(const kd_node *node, uint32_t ints) {
    uint32_t count;
    kd_attr_ints(node, "segments", &count);
    return count % ints ? -1 : (int64_t)(count / ints);
}

/* Every index that segments hold at `at` lies in [0, bound). */
static bool indices_fit(const kd_node *node, uint32_t ints, uint32_t at, int64_t bound) {
    uint32_t count;
    const int64_t *segments = kd_attr_ints(node, "segments", &count);
    for (uint32_t i = at; i < count; i += ints) {
        if (segments[i] < 0 || segments[i] >= bound) {
            return false;
        }
    }
    return true;
}

/* (param, grad, moments..., rates [groups, 5], grad_scale) -> param, moments... */
static bool update_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const uint32_t flat = node->n_inputs - 2;
    const int64_t segments = count_segments(node, KD_UPDATE_SEGMENT);
    const int64_t rates = kd_elements(&node->inputs[flat]);
    const int64_t scales = kd_elements(&node->inputs[flat + 1]);
    bool fits = node->n_outputs == flat - 1 && segments >= 0 && rates % KD_RATES == 0 &&
                (scales == 1 || scales == segments) &&
                indices_fit(node, KD_UPDATE_SEGMENT, 3, rates / KD_RATES);
    for (uint32_t i = 1; fits && i < flat; i++) {
        fits = kd_elements(&node->inputs[i]) == kd_elements(&node->inputs[0]);
    }
    if (!fits) {
        return kd_fail(err, KD_E_INVALID,
                       "wants parameters, gradients and moments of one size, rates [groups, 5] "
                       "and one scale, or one a segment");
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        out[i] = node->inputs[0];
    }
    return true;
}

static bool average_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (count_segments(node, KD_AVERAGE_SEGMENT) < 0 ||
        !indices_fit(node, KD_AVERAGE_SEGMENT, 3, kd_elements(&node->inputs[2]))) {
        return kd_fail(err, KD_E_INVALID, "wants segments of four ints, and a rate for each");
    }
    *out = node->inputs[0];
    return true;
}

static bool unit_rows_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (count_segments(node, KD_ROWS_SEGMENT) < 0) {
        return kd_fail(err, KD_E_INVALID, "wants segments of three ints");
    }
    *out = node->inputs[0];
    return true;
}

static bool segment_norms_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const int64_t segments = count_segments(node, KD_NORMS_SEGMENT);
    if (segments < 0) {
        return kd_fail(err, KD_E_INVALID, "wants segments of two ints");
    }
    *out = (kd_spec){.dtype = node->inputs[0].dtype, .rank = 1, .dim = {segments}};
    return true;
}

#define OP(name_, inputs_, outputs_, shape_)                                                       \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = inputs_, .max_inputs = inputs_,        \
        .max_outputs = outputs_, .flags = KD_OP_CONSTANT, .shape = shape_                          \
    }

const kd_op ops_update[] = {
    OP("sgd", 5, 2, update_shape),
    OP("lars", 5, 2, update_shape),
    OP("adamw", 6, 3, update_shape),
    OP("average", 3, 1, average_shape),
    OP("unit_rows", 1, 1, unit_rows_shape),
    OP("segment_norms", 1, 1, segment_norms_shape),
    {0},
};
