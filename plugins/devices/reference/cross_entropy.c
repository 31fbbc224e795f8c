/* SPDX-License-Identifier: Apache-2.0
 * Cross-entropy of rows against a label or shares of the classes, and its gradient. */
#include "element.h"
#include "kernels.h"

bool prepare_cross_entropy(kd_device *device, const kd_node *node, void **ret_state,
                           size_t *ret_scratch, kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

/* log p of class i: logits less max and log(sum(exp(logits - max))) of their row. */
static double log_share(const kd_node *node, uint32_t logits, void *const *in, int64_t i,
                        const double sums[2]) {
    return get(in[logits], node->inputs[logits].dtype, i) - sums[0] - sums[1];
}

static void sum_row(const void *data, int32_t type, int64_t first, int64_t classes,
                    double ret_sums[2]) {
    double max = -HUGE_VAL, sum = 0;
    for (int64_t i = first; i < first + classes; i++) {
        const double x = get(data, type, i);
        max = x > max || isnan(x) ? x : max;
    }
    for (int64_t i = first; i < first + classes; i++) {
        sum += exp(get(data, type, i) - max);
    }
    ret_sums[0] = max;
    ret_sums[1] = log(sum);
}

/* A label outside of the classes costs nothing, and is a failure that `wait` reports. */
static double label_loss(kd_device *device, const kd_node *node, void *const *in, int64_t row,
                         const double sums[2]) {
    const int64_t classes = node->inputs[0].dim[1];
    const int32_t label = ((const int32_t *)in[1])[row];
    if (label < 0 || label >= classes) {
        device_fail(device, "%s: %s: label %d (at %lld) is outside of %lld classes", node->path,
                    node->op, label, (long long)row, (long long)classes);
        return 0;
    }
    return -log_share(node, 0, in, row * classes + label, sums);
}

static double shares_loss(const kd_node *node, void *const *in, int64_t row, const double sums[2]) {
    const int64_t classes = node->inputs[0].dim[1];
    double loss = 0;
    for (int64_t i = row * classes; i < (row + 1) * classes; i++) {
        loss -= get(in[1], node->inputs[1].dtype, i) * log_share(node, 0, in, i, sums);
    }
    return loss;
}

void run_cross_entropy(kd_device *device, const kd_node *node, void *state, void *const *in,
                       void *const *out, void *scratch) {
    const kd_spec *logits = &node->inputs[0];
    const int64_t classes = logits->dim[1];
    for (int64_t row = 0; row < logits->dim[0]; row++) {
        double sums[2];
        sum_row(in[0], logits->dtype, row * classes, classes, sums);
        put(out[0], logits->dtype, row,
            node->inputs[1].dtype == KD_I32 ? label_loss(device, node, in, row, sums)
                                            : shares_loss(node, in, row, sums));
        for (int64_t k = 0; k < 2 && node->n_outputs > 1; k++) {
            put(out[1], logits->dtype, 2 * row + k, sums[k]);
        }
    }
}

/* dlogits = dloss (p sum(target) - target), where a label is all of its class. */
void run_cross_entropy_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                            void *const *out, void *scratch) {
    const kd_spec *target = &node->inputs[2];
    const int32_t type = node->inputs[1].dtype;
    const int64_t classes = node->inputs[1].dim[1];
    for (int64_t row = 0; row < node->inputs[1].dim[0]; row++) {
        const double sums[] = {get(in[3], type, 2 * row), get(in[3], type, 2 * row + 1)};
        const int64_t first = row * classes;
        const int64_t label = target->rank == 1 ? ((const int32_t *)in[2])[row] : -1;
        double total = label >= 0 && label < classes ? 1 : 0;
        for (int64_t i = 0; i < classes && target->rank == 2; i++) {
            total += get(in[2], type, first + i);
        }
        for (int64_t i = 0; i < classes; i++) {
            const double share = target->rank == 2 ? get(in[2], type, first + i) : i == label;
            const double p = exp(log_share(node, 1, in, first + i, sums));
            put(out[0], type, first + i, get(in[0], type, row) * (p * total - share));
        }
    }
}
