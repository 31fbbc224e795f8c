/* SPDX-License-Identifier: Apache-2.0
 * Reductions over listed axes, and what works along the last axis: argmax, top_k, softmax. */
#include "element.h"
#include "kernels.h"

static double add(double total, double x) {
    return total + x;
}

/* The larger; a NaN stays. */
static double larger(double best, double x) {
    return best >= x || isnan(best) ? best : x;
}

typedef struct reduction {
    const char *op;
    double start;
    double (*fold)(double total, double x);
} reduction;

static const reduction reductions[] = {
    {"sum", 0, add},
    {"wide_sum", 0, add},
    {"max", -HUGE_VAL, larger},
};

bool prepare_reduce(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    const reduction *op = reductions;
    while (strcmp(op->op, node->op) != 0) {
        op++;
    }
    *ret_state = (void *)op;
    *ret_scratch = (size_t)kd_elements(&node->outputs[0]) * sizeof(double);
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

/* Strides in the output for the axes of the input; 0 along those that are reduced. */
static void reduced_strides(const kd_node *node, int64_t stride[KD_MAX_RANK]) {
    uint32_t listed;
    const int64_t *axes = kd_attr_ints(node, "axes", &listed);
    const kd_spec *x = &node->inputs[0];
    bool reduced[KD_MAX_RANK];
    for (int axis = 0; axis < x->rank; axis++) {
        reduced[axis] = listed == 0;
    }
    for (uint32_t i = 0; i < listed; i++) {
        reduced[from_start(axes[i], x)] = true;
    }
    int64_t step = 1;
    for (int axis = x->rank - 1; axis >= 0; axis--) {
        stride[axis] = reduced[axis] ? 0 : step;
        step *= reduced[axis] ? 1 : x->dim[axis];
    }
}

void run_reduce(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const reduction *op = state;
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    const int64_t count = kd_elements(x), kept = kd_elements(y);
    double *total = scratch;
    for (int64_t i = 0; i < kept; i++) {
        total[i] = op->start;
    }
    int64_t stride[KD_MAX_RANK];
    reduced_strides(node, stride);
    for (int64_t i = 0; i < count; i++) {
        double *t = &total[locate(x, stride, i)];
        *t = op->fold(*t, get(in[0], x->dtype, i));
    }
    for (int64_t i = 0; i < kept; i++) {
        put(out[0], y->dtype, i, total[i]);
    }
}

/* A tensor as rows along its last axis. */
static int64_t last(const kd_spec *x) {
    return x->dim[x->rank - 1];
}

static int64_t rows(const kd_spec *x) {
    return last(x) ? kd_elements(x) / last(x) : 0;
}

bool prepare_ranking(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                     kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

void run_argmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0];
    const int64_t k = last(x);
    for (int64_t row = 0; row < rows(x); row++) {
        int64_t best = 0;
        for (int64_t i = 1; i < k; i++) {
            if (get(in[0], x->dtype, row * k + i) > get(in[0], x->dtype, row * k + best)) {
                best = i;
            }
        }
        ((int32_t *)out[0])[row] = (int32_t)best;
    }
}

/* The index of the largest element that comes after `previous` in the order of top_k: by value
 * downwards, then by index upwards. previous -1: the first of all. */
static int64_t next_largest(const void *data, int32_t type, int64_t begin, int64_t length,
                            int64_t previous) {
    int64_t best = -1;
    for (int64_t i = 0; i < length; i++) {
        const double x = get(data, type, begin + i);
        if (previous >= 0) {
            const double taken = get(data, type, begin + previous);
            if (x > taken || (x == taken && i <= previous)) {
                continue;
            }
        }
        if (best < 0 || x > get(data, type, begin + best)) {
            best = i;
        }
    }
    return best < 0 ? 0 : best;
}

void run_top_k(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0];
    const int64_t length = last(x), k = last(&node->outputs[0]);
    for (int64_t row = 0; row < rows(x); row++) {
        int64_t found = -1;
        for (int64_t i = 0; i < k; i++) {
            found = next_largest(in[0], x->dtype, row * length, length, found);
            put(out[0], x->dtype, row * k + i, get(in[0], x->dtype, row * length + found));
            if (node->n_outputs > 1) {
                ((int32_t *)out[1])[row * k + i] = (int32_t)found;
            }
        }
    }
}

/* max and log(sum(exp(x - max))) of a row: what both softmaxes subtract. */
static double log_sum(const void *data, int32_t type, int64_t begin, int64_t length,
                      double *ret_max) {
    double max = -HUGE_VAL, sum = 0;
    for (int64_t i = 0; i < length; i++) {
        max = larger(max, get(data, type, begin + i));
    }
    for (int64_t i = 0; i < length; i++) {
        sum += exp(get(data, type, begin + i) - max);
    }
    *ret_max = max;
    return log(sum);
}

static double itself(double x) {
    return x;
}

/* Of every row the log-softmax, or what `of` makes of it. */
static void softmax_rows(const kd_node *node, const void *in, void *out, double (*of)(double)) {
    const kd_spec *x = &node->inputs[0];
    const int64_t length = last(x);
    for (int64_t row = 0; row < rows(x); row++) {
        double max;
        const double log_total = log_sum(in, x->dtype, row * length, length, &max);
        for (int64_t i = row * length; i < (row + 1) * length; i++) {
            put(out, x->dtype, i, of(get(in, x->dtype, i) - max - log_total));
        }
    }
}

void run_log_softmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *scratch) {
    softmax_rows(node, in[0], out[0], itself);
}

void run_softmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *scratch) {
    softmax_rows(node, in[0], out[0], exp);
}
