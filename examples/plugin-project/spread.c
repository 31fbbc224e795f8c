/* SPDX-License-Identifier: Apache-2.0
 * The op `spread`: what it is, its gradient, its kernels for the host's memory, and cases by which
 * `kindred plugin check` compares all of them. */
#include "spread.h"

#include <kindred/device.h>
#include <kindred/ops.h>
#include <math.h>

static bool spread_shape(const kd_node *node, kd_spec *outputs, kd_error *err) {
    const kd_spec *z = &node->inputs[0];
    if (z->rank != 2 || z->dim[0] < 2) {
        return kd_fail(err, KD_E_INVALID, "wants rows [n, d], at least two of them");
    }
    outputs[0] = (kd_spec){.dtype = z->dtype};
    return true;
}

static bool spread_grad_shape(const kd_node *node, kd_spec *outputs, kd_error *err) {
    if (node->inputs[0].rank != 0 || node->inputs[1].rank != 0 || node->inputs[2].rank != 2) {
        return kd_fail(err, KD_E_INVALID, "wants dy [], y [] and rows [n, d]");
    }
    outputs[0] = node->inputs[2];
    return true;
}

static void spread_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                            kd_tensor *const *dout, kd_tensor **din) {
    din[0] = kd_emit(SPREAD_GRAD, (kd_tensor *[]){dout[0], out[0], in[0]}, 3,
                     (kd_attr[]){KD_F("t", kd_attr_float(node, "t", 2))}, 1);
}

/* Exponentials and sums are never taken in bf16. */
const kd_op spread_ops[2] = {
    {.size = sizeof(kd_op),
     .flags = KD_OP_WIDEN | KD_OP_PROMOTE,
     .name = SPREAD,
     .min_inputs = 1,
     .max_inputs = 1,
     .max_outputs = 1,
     .shape = spread_shape,
     .gradient = spread_gradient},
    {.size = sizeof(kd_op),
     .flags = KD_OP_WIDEN | KD_OP_PROMOTE,
     .name = SPREAD_GRAD,
     .min_inputs = 3,
     .max_inputs = 3,
     .max_outputs = 1,
     .shape = spread_grad_shape},
};

static bool prepare(const kd_kernel_host *host, const kd_node *node, void **ret_state,
                    size_t *ret_scratch, kd_error *err) {
    const kd_spec *z = &node->inputs[node->n_inputs - 1];
    const bool grad = node->n_inputs == 3;
    *ret_scratch = (size_t)z->dim[0] * (grad ? (size_t)z->dim[1] : 1) * sizeof(double);
    return kd_accept_types("host", node, 1u << KD_F32 | 1u << KD_F64, err);
}

/* exp(-t |z_i - z_j|^2) */
static double potential(const void *z, const kd_spec *spec, int64_t i, int64_t j, double t) {
    const int64_t d = spec->dim[1];
    double square = 0;
    for (int64_t k = 0; k < d; k++) {
        const double apart = kd_get(z, spec->dtype, i * d + k) - kd_get(z, spec->dtype, j * d + k);
        square += apart * apart;
    }
    return exp(-t * square);
}

static double pairs(const kd_spec *z) {
    return (double)z->dim[0] * (double)(z->dim[0] - 1);
}

/* A piece of the rows, for one thread: what the host's parallel_for hands on. */
typedef struct rows {
    const kd_node *node;
    void *const *in, *const *out;
    double *sum; /* scratch: of spread one a row, of spread_grad a row of them */
} rows;

static void sum_rows(void *arg, int64_t begin, int64_t end) {
    const rows *r = arg;
    const kd_spec *z = &r->node->inputs[0];
    const double t = kd_attr_float(r->node, "t", 2);
    for (int64_t i = begin; i < end; i++) {
        r->sum[i] = 0;
        for (int64_t j = 0; j < z->dim[0]; j++) {
            r->sum[i] += j == i ? 0 : potential(r->in[0], z, i, j, t);
        }
    }
}

/* In the order of the rows, so that the bits do not depend on the threads. */
static void finish_spread(const rows *r) {
    const kd_spec *z = &r->node->inputs[0];
    double sum = 0;
    for (int64_t i = 0; i < z->dim[0]; i++) {
        sum += r->sum[i];
    }
    kd_put(r->out[0], z->dtype, 0, log(sum / pairs(z)));
}

/* d y / d z_i = -4 t / (n (n - 1)) sum over j of exp(-t |z_i - z_j|^2 - y) (z_i - z_j) */
static void grad_rows(void *arg, int64_t begin, int64_t end) {
    const rows *r = arg;
    const kd_spec *z = &r->node->inputs[2];
    const int32_t dtype = z->dtype;
    const int64_t d = z->dim[1];
    const double t = kd_attr_float(r->node, "t", 2);
    const double dy = kd_get(r->in[0], dtype, 0), y = kd_get(r->in[1], dtype, 0);
    const double scale = -4 * t * dy / (pairs(z) * exp(y));
    for (int64_t i = begin; i < end; i++) {
        double *sum = r->sum + i * d;
        memset(sum, 0, (size_t)d * sizeof *sum);
        for (int64_t j = 0; j < z->dim[0]; j++) {
            const double p = j == i ? 0 : scale * potential(r->in[2], z, i, j, t);
            for (int64_t k = 0; k < d; k++) {
                sum[k] +=
                    p * (kd_get(r->in[2], dtype, i * d + k) - kd_get(r->in[2], dtype, j * d + k));
            }
        }
        for (int64_t k = 0; k < d; k++) {
            kd_put(r->out[0], dtype, i * d + k, sum[k]);
        }
    }
}

enum { GRAIN = 8 }; /* rows a thread takes at a time */

static void run_plain(const kd_kernel_host *host, const kd_node *node, void *state, void *const *in,
                      void *const *out, void *scratch) {
    rows r = {node, in, out, scratch};
    sum_rows(&r, 0, node->inputs[0].dim[0]);
    finish_spread(&r);
}

static void run_threads(const kd_kernel_host *host, const kd_node *node, void *state,
                        void *const *in, void *const *out, void *scratch) {
    rows r = {node, in, out, scratch};
    host->host->parallel_for(host->host, node->inputs[0].dim[0], GRAIN, sum_rows, &r);
    finish_spread(&r);
}

static void run_grad_plain(const kd_kernel_host *host, const kd_node *node, void *state,
                           void *const *in, void *const *out, void *scratch) {
    rows r = {node, in, out, scratch};
    grad_rows(&r, 0, node->inputs[2].dim[0]);
}

static void run_grad_threads(const kd_kernel_host *host, const kd_node *node, void *state,
                             void *const *in, void *const *out, void *scratch) {
    rows r = {node, in, out, scratch};
    host->host->parallel_for(host->host, node->inputs[2].dim[0], GRAIN, grad_rows, &r);
}

const kd_op_kernel spread_kernels[4] = {
    {sizeof(kd_op_kernel), 0, SPREAD, "reference", prepare, run_plain, NULL},
    {sizeof(kd_op_kernel), 0, SPREAD, "host", prepare, run_threads, NULL},
    {sizeof(kd_op_kernel), 0, SPREAD_GRAD, "reference", prepare, run_grad_plain, NULL},
    {sizeof(kd_op_kernel), 0, SPREAD_GRAD, "host", prepare, run_grad_threads, NULL},
};

const kd_op_case spread_cases[3] = {
    {.size = sizeof(kd_op_case),
     .op = SPREAD,
     KD_CASE_INPUTS({.rank = 2, .dim = {5, 3}}),
     KD_CASE_ATTRS(KD_CASE_F("t", 2))},
    {.size = sizeof(kd_op_case),
     .op = SPREAD,
     .note = "two rows, far apart",
     KD_CASE_INPUTS({.rank = 2, .dim = {2, 4}, .low = -2, .high = 2}),
     KD_CASE_ATTRS(KD_CASE_F("t", 0.5))},
    {.size = sizeof(kd_op_case),
     .op = SPREAD_GRAD,
     KD_CASE_INPUTS({.rank = 0}, {.rank = 0},
                    {.rank = 2, .dim = {131, 5}, .low = -0.2, .high = 0.2}),
     KD_CASE_ATTRS(KD_CASE_F("t", 2))},
};
