/* SPDX-License-Identifier: Apache-2.0
 * Cross-entropy of rows against a label or shares of the classes, and its gradient: shares are
 * computed on the way and never stored. */
#include "kernels.h"

#include "numbers.h"

#include <math.h>

#define GRAIN 16384 /* elements: the least that a thread is given */

typedef struct entropy {
    const float *logits, *share, *dloss;
    const int32_t *label; /* or share; the other is NULL */
    float *loss, *dlogits, *sums;
    const float *saved; /* the forward's sums */
    int64_t classes;
} entropy;

static entropy entropy_of(const kd_node *node, void *const *in, uint32_t logits) {
    const bool labels = node->inputs[logits + 1].dtype == KD_I32;
    return (entropy){.logits = in[logits],
                     .label = labels ? in[logits + 1] : NULL,
                     .share = labels ? NULL : in[logits + 1],
                     .classes = node->inputs[logits].dim[1]};
}

bool prepare_cross_entropy(kd_device *device, const kd_node *node, void **ret_state,
                           size_t *ret_scratch, kd_error *err) {
    return accept_types(node, 1u << KD_F32 | 1u << KD_I32, err);
}

/* NaN when there is one. */
static float max_of(const float *x, int64_t count) {
    float max = -HUGE_VALF;
    bool nan = false;
#pragma omp simd reduction(max : max) reduction(| : nan)
    for (int64_t i = 0; i < count; i++) {
        max = x[i] > max ? x[i] : max;
        nan |= x[i] != x[i];
    }
    return nan ? NAN : max;
}

static void loss_span(const void *work, int64_t begin, int64_t end) {
    const entropy *e = work;
    for (int64_t row = begin; row < end; row++) {
        const float *x = e->logits + row * e->classes;
        const float max = max_of(x, e->classes);
        double sum = 0, loss = 0; /* 1 and what is far below it, of a sure thing */
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < e->classes; i++) {
            sum += (double)exp_of(x[i] - max);
        }
        const float log_sum = (float)log(sum);
        const float *share = e->share ? e->share + row * e->classes : NULL;
        if (e->label && e->label[row] >= 0 && e->label[row] < e->classes) {
            loss = (double)(log_sum - (x[e->label[row]] - max));
        }
#pragma omp simd reduction(+ : loss)
        for (int64_t i = 0; i < (share ? e->classes : 0); i++) {
            loss += (double)(share[i] * (log_sum - (x[i] - max)));
        }
        e->loss[row] = (float)loss;
        if (e->sums) {
            e->sums[2 * row] = max;
            e->sums[2 * row + 1] = log_sum;
        }
    }
}

void run_cross_entropy(kd_device *device, const kd_node *node, void *state, void *const *in,
                       void *const *out, void *scratch) {
    entropy e = entropy_of(node, in, 0);
    const int64_t rows = node->inputs[0].dim[0];
    e.loss = out[0];
    e.sums = node->n_outputs > 1 ? out[1] : NULL;
    for (int64_t row = 0; row < rows && e.label; row++) {
        if (e.label[row] < 0 || e.label[row] >= e.classes) {
            device_fail(device, "%s: %s: label %d (at %lld) is outside of %lld classes", node->path,
                        node->op, e.label[row], (long long)row, (long long)e.classes);
            break;
        }
    }
    span_for(device, rows, GRAIN / (e.classes + 1) + 1, loss_span, &e);
}

/* dlogits = dloss (p sum(target) - target), where a label is all of its class. */
static void grad_span(const void *work, int64_t begin, int64_t end) {
    const entropy *e = work;
    for (int64_t row = begin; row < end; row++) {
        const int64_t first = row * e->classes;
        const float *x = e->logits + first, d = e->dloss[row];
        const float max = e->saved[2 * row], log_sum = e->saved[2 * row + 1];
        const bool labelled = e->label && e->label[row] >= 0 && e->label[row] < e->classes;
        float *dx = e->dlogits + first, total = labelled ? 1 : 0;
        const float *share = e->share ? e->share + first : NULL;
#pragma omp simd reduction(+ : total)
        for (int64_t i = 0; i < (share ? e->classes : 0); i++) {
            total += share[i];
        }
#pragma omp simd
        for (int64_t i = 0; i < e->classes; i++) {
            const float p = exp_of(x[i] - max - log_sum);
            dx[i] = d * (p * total - (share ? share[i] : 0));
        }
        if (labelled) {
            dx[e->label[row]] -= d;
        }
    }
}

void run_cross_entropy_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                            void *const *out, void *scratch) {
    entropy e = entropy_of(node, in, 1);
    e.dloss = in[0];
    e.saved = in[3];
    e.dlogits = out[0];
    span_for(device, node->inputs[1].dim[0], GRAIN / (e.classes + 1) + 1, grad_span, &e);
}
