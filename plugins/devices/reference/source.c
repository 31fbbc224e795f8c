/* SPDX-License-Identifier: Apache-2.0
 * Ops that make a tensor of nothing, or of a key: constants and random numbers. */
#include "element.h"
#include "kernels.h"

#include <kindred/philox.h>

void run_fill(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const double value = kd_attr_float(node, "value", 0);
    const kd_spec *y = &node->outputs[0];
    const int64_t count = kd_elements(y);
    for (int64_t i = 0; i < count; i++) {
        put(out[0], y->dtype, i, value);
    }
}

void run_range(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const int64_t start = kd_attr_int(node, "start", 0);
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        put_integer(out[0], node->outputs[0].dtype, i, start + i);
    }
}

void run_constant(kd_device *device, const kd_node *node, void *state, void *const *in,
                  void *const *out, void *scratch) {
    uint32_t count;
    const double *values = kd_attr_floats(node, "values", &count);
    for (uint32_t i = 0; i < count; i++) {
        put(out[0], node->outputs[0].dtype, i, values[i]);
    }
}

bool prepare_random(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_I64, err);
}

void run_random(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const uint64_t *key = in[0];
    const uint32_t stream = (uint32_t)kd_attr_int(node, "stream", 0);
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        const kd_philox draw = kd_stream_draw(key[0], key[1], stream, (uint32_t)(i / 4));
        put(out[0], node->outputs[0].dtype, i, (double)kd_uniform(draw.word[i % 4]));
    }
}
