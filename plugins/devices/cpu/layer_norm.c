/* SPDX-License-Identifier: Apache-2.0
 * Layer normalisation over the last axis and its gradient: each row is read once from memory and
 * stays in the first cache for the passes over it.
 *
 * Sums over rows, for gamma and beta, go chunk by chunk; a chunk's rows depend on the shape alone.
 */
#include "kernels.h"
#include "numbers.h"

#include <math.h>

#define GRAIN 16384 /* elements: the least that a thread is given */
#define CHUNK 64    /* rows whose sums are taken in f32 */

typedef struct work {
    void *const *in;
    void *const *out;
    float *partial; /* [chunks, 2, width] */
    uint32_t n_out;
    bool half;
    float eps;
    int64_t rows, width, chunks;
} work;

static work work_of(const kd_node *node, const kd_spec *x, void *const *in, void *const *out) {
    const int64_t width = x->dim[x->rank - 1], rows = width ? kd_elements(x) / width : 0;
    return (work){.in = in,
                  .out = out,
                  .n_out = node->n_outputs,
                  .half = x->dtype == KD_BF16,
                  .eps = (float)kd_attr_float(node, "eps", 1e-6),
                  .rows = rows,
                  .width = width,
                  .chunks = (rows + CHUNK - 1) / CHUNK};
}

/* x and y of one type, f32 or bf16; the rest f32. `big`: bit i is input i, bit 8 + i output i. */
static bool accept(const kd_node *node, uint32_t x, uint32_t big, kd_error *err) {
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const bool input = i < node->n_inputs;
        const uint32_t k = input ? i : i - node->n_inputs;
        const int32_t type = input ? node->inputs[k].dtype : node->outputs[k].dtype;
        const bool is_big = big >> (input ? k : 8 + k) & 1u;
        if (type != (is_big ? node->inputs[x].dtype : KD_F32)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "%s: the cpu device has no %s that mixes types",
                           node->path, node->op);
        }
    }
    return accept_types(node, FLOATS, err);
}

bool prepare_layer_norm(kd_device *device, const kd_node *node, void **ret_state,
                        size_t *ret_scratch, kd_error *err) {
    return accept(node, 0, 1u | 1u << 8, err);
}

ALWAYS_INLINE void norm_row(const work *w, bool half, int64_t row) {
    const void *x = w->in[0];
    void *y = w->out[0];
    const float *gamma = w->in[1], *beta = w->in[2];
    const int64_t first = row * w->width, width = w->width;
    float sum = 0, deviations = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; i++) {
        sum += load(x, half, first + i);
    }
    const float mean = sum / (float)width;
#pragma omp simd reduction(+ : deviations)
    for (int64_t i = 0; i < width; i++) {
        const float away = load(x, half, first + i) - mean;
        deviations += away * away;
    }
    const float inv_std = 1 / sqrtf(deviations / (float)width + w->eps);
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
        const float normal = (load(x, half, first + i) - mean) * inv_std;
        store(y, half, first + i, gamma[i] * normal + beta[i]);
    }
    if (w->n_out > 2) {
        ((float *)w->out[1])[row] = mean;
        ((float *)w->out[2])[row] = inv_std;
    }
}

static void norm_span(const void *data, int64_t begin, int64_t end) {
    const work *w = data;
    for (int64_t row = begin; row < end; row++) {
        if (w->half) {
            norm_row(w, true, row);
        } else {
            norm_row(w, false, row);
        }
    }
}

void run_layer_norm(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const work w = work_of(node, &node->inputs[0], in, out);
    span_for(device, w.rows, GRAIN / (w.width + 1) + 1, norm_span, &w);
}

bool prepare_layer_norm_grad(kd_device *device, const kd_node *node, void **ret_state,
                             size_t *ret_scratch, kd_error *err) {
    const work w = work_of(node, &node->inputs[1], NULL, NULL);
    *ret_scratch = (size_t)(w.chunks * 2 * w.width) * sizeof(float);
    return accept(node, 1, 1u | 2u | 1u << 8, err);
}

/* dx = inv_std (g - mean(g) - normal mean(g normal)) with g = gamma dy; dx may lie over dy or x. */
ALWAYS_INLINE void grad_row(const work *w, bool half, int64_t row, float *dgamma, float *dbeta) {
    const void *dy = w->in[0], *x = w->in[1];
    void *dx = w->out[0];
    const float *gamma = w->in[2];
    const int64_t first = row * w->width, width = w->width;
    const float mean = ((const float *)w->in[3])[row], inv_std = ((const float *)w->in[4])[row];
    float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (int64_t i = 0; i < width; i++) {
        const float d = load(dy, half, first + i);
        const float normal = (load(x, half, first + i) - mean) * inv_std;
        const float g = gamma[i] * d;
        sum += g;
        product += g * normal;
        dgamma[i] += d * normal;
        dbeta[i] += d;
    }
    const float offset = sum / (float)width, slope = product / (float)width;
#pragma omp simd
    for (int64_t i = 0; i < width; i++) {
        const float normal = (load(x, half, first + i) - mean) * inv_std;
        const float g = gamma[i] * load(dy, half, first + i);
        store(dx, half, first + i, inv_std * (g - offset - normal * slope));
    }
}

static void grad_span(const void *data, int64_t begin, int64_t end) {
    const work *w = data;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        float *dgamma = w->partial + chunk * 2 * w->width, *dbeta = dgamma + w->width;
        const int64_t left = w->rows - chunk * CHUNK, rows = left < CHUNK ? left : CHUNK;
        memset(dgamma, 0, (size_t)(2 * w->width) * sizeof *dgamma);
        for (int64_t row = chunk * CHUNK; row < chunk * CHUNK + rows; row++) {
            if (w->half) {
                grad_row(w, true, row, dgamma, dbeta);
            } else {
                grad_row(w, false, row, dgamma, dbeta);
            }
        }
    }
}

/* Columns [begin, end) of dgamma and dbeta, both of which lie in one row of `partial`. */
static void join_span(const void *data, int64_t begin, int64_t end) {
    const work *w = data;
    for (int64_t i = begin; i < end; i++) {
        double dgamma = 0, dbeta = 0;
        for (int64_t chunk = 0; chunk < w->chunks; chunk++) {
            const float *part = w->partial + chunk * 2 * w->width + i;
            dgamma += (double)part[0];
            dbeta += (double)part[w->width];
        }
        const double sums[] = {dgamma, dbeta};
        for (uint32_t k = 1; k < w->n_out; k++) {
            ((float *)w->out[k])[i] = (float)sums[k - 1];
        }
    }
}

void run_layer_norm_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    work w = work_of(node, &node->inputs[1], in, out);
    w.partial = scratch;
    span_for(device, w.chunks, GRAIN / (CHUNK * w.width + 1) + 1, grad_span, &w);
    span_for(device, w.width, GRAIN / (w.chunks + 1) + 1, join_span, &w);
}
