/* SPDX-License-Identifier: Apache-2.0
 * What else happens to parameters, segment by segment: moving averages, rows brought to length 1,
 * lengths. kindred/update.h has the definitions. */
#include <kindred/update.h>

#include "element.h"
#include "kernels.h"

void run_average(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *scratch) {
    uint32_t count;
    const int64_t *s = kd_attr_ints(node, "segments", &count);
    const int32_t real = node->inputs[0].dtype;
    for (const int64_t *end = s + count; s < end; s += KD_AVERAGE_SEGMENT) {
        const double keep = get(in[2], real, s[3]);
        for (int64_t i = 0; i < s[2]; i++) {
            const double a = get(in[0], real, s[0] + i), p = get(in[1], real, s[1] + i);
            put(out[0], real, s[0] + i, keep * a + (1 - keep) * p);
        }
    }
}

static double length_of(const void *x, int32_t real, int64_t begin, int64_t count) {
    double square = 0;
    for (int64_t i = begin; i < begin + count; i++) {
        square += get(x, real, i) * get(x, real, i);
    }
    return sqrt(square);
}

void run_unit_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    uint32_t count;
    const int64_t *s = kd_attr_ints(node, "segments", &count);
    const int32_t real = node->inputs[0].dtype;
    for (const int64_t *end = s + count; s < end; s += KD_ROWS_SEGMENT) {
        for (int64_t row = 0; row < s[1]; row++) {
            const int64_t begin = s[0] + row * s[2];
            const double length = fmax(length_of(in[0], real, begin, s[2]), 1e-12);
            for (int64_t i = begin; i < begin + s[2]; i++) {
                put(out[0], real, i, get(in[0], real, i) / length);
            }
        }
    }
}

void run_segment_norms(kd_device *device, const kd_node *node, void *state, void *const *in,
                       void *const *out, void *scratch) {
    uint32_t count;
    const int64_t *s = kd_attr_ints(node, "segments", &count);
    const int32_t real = node->inputs[0].dtype;
    for (uint32_t i = 0; i < count / KD_NORMS_SEGMENT; i++) {
        const int64_t *segment = s + (size_t)i * KD_NORMS_SEGMENT;
        put(out[0], real, i, length_of(in[0], real, segment[0], segment[1]));
    }
}
