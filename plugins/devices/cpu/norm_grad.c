/* SPDX-License-Identifier: Apache-2.0
 * The gradient of batch normalisation: a pass for the two sums, which also leaves the gradient
 * before ReLU where the residual's gradient goes, and a pass that writes dx.
 *
 * With dz the gradient before ReLU: dbeta = sum dz, dgamma = inv_std sum dz (x - mean),
 * dx = gamma inv_std (dz - dbeta / rows - (x - mean) inv_std dgamma / rows). */
#include "kernels.h"
#include "norm.h"

typedef struct backward {
    norm n;
    void *const *in; /* dy, x, y, gamma, mean, inv_std */
    void *const *out;
    bool keeps; /* dz, in out[3] */
} backward;

/* Elements [at, at + lanes): adds dz and dz (x - mean) to the sums. */
ALWAYS_INLINE void sum_row(const backward *b, bool half, bool relu, bool keeps, int64_t at,
                           int64_t lanes, const float *mean, float *sum, float *product) {
    const void *dy = b->in[0], *x = b->in[1], *y = b->in[2];
    void *dz_out = keeps ? b->out[3] : NULL;
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        const float d = load(dy, half, at + i);
        const float dz = !relu || load(y, half, at + i) > 0 ? d : 0;
        if (keeps) {
            store(dz_out, half, at + i, dz);
        }
        sum[i] += dz;
        product[i] += dz * (load(x, half, at + i) - mean[i]);
    }
}

ALWAYS_INLINE void sum_piece(const backward *b, bool half, bool relu, bool keeps, const piece *p,
                             float *sum, float *product) {
    const float *mean = b->n.vector[0] + p->channel;
    for (int64_t row = 0; row <= p->rows; row++) {
        sum_row(b, half, relu, keeps, p->start + row * b->n.lanes,
                row < p->rows ? p->lanes : p->rest, mean, sum, product);
    }
}

/* One loop a combination, by half, relu, keeps. */
typedef void sum_function(const backward *b, const piece *p, float *sum, float *product);
#define SUM(half, relu, keeps)                                                                     \
    static void sum_##half##relu##keeps(const backward *b, const piece *p, float *sum,             \
                                        float *product) {                                          \
        sum_piece(b, half, relu, keeps, p, sum, product);                                          \
    }
SUM(0, 0, 0)
SUM(0, 0, 1)
SUM(0, 1, 0)
SUM(0, 1, 1)
SUM(1, 0, 0)
SUM(1, 0, 1)
SUM(1, 1, 0)
SUM(1, 1, 1)
static sum_function *const sums[] = {sum_000, sum_001, sum_010, sum_011,
                                     sum_100, sum_101, sum_110, sum_111};

static void sums_span(const void *work, int64_t begin, int64_t end) {
    const backward *b = work;
    const norm *n = &b->n;
    float sum[LANES], product[LANES];
    for (int64_t index = begin; index < end; index++) {
        const piece p = norm_piece(n, index);
        memset(sum, 0, sizeof sum);
        memset(product, 0, sizeof product);
        sums[n->half * 4 + n->relu * 2 + b->keeps](b, &p, sum, product);
        double *to = n->partial + p.chunk * 2 * n->channels + p.channel;
        const int64_t channels = p.lanes < n->channels ? p.lanes : n->channels;
        for (int64_t channel = 0; channel < channels; channel++) {
            double dz = 0, dz_x = 0;
            for (int64_t lane = channel; lane < p.lanes; lane += n->channels) {
                dz += (double)sum[lane];
                dz_x += (double)product[lane];
            }
            to[channel] = dz;
            to[n->channels + channel] = dz_x;
        }
    }
}

/* Channels [begin, end): dgamma, dbeta, and what dx = scale dz - offset - (x - mean) slope needs.
 */
static void finish_span(const void *work, int64_t begin, int64_t end) {
    const backward *b = work;
    const norm *n = &b->n;
    const float *gamma = b->in[3], *inv_std = b->in[5];
    float *dgamma = b->out[1], *dbeta = b->out[2];
    for (int64_t channel = begin; channel < end; channel++) {
        double dz = 0, dz_x = 0;
        for (int64_t chunk = 0; chunk < n->chunks; chunk++) {
            const double *part = n->partial + chunk * 2 * n->channels + channel;
            dz += part[0];
            dz_x += part[n->channels];
        }
        const double inverse = (double)inv_std[channel];
        const double scale = (double)gamma[channel] * inverse, rows = (double)n->rows;
        dgamma[channel] = (float)(dz_x * inverse);
        dbeta[channel] = (float)dz;
        norm_repeat(n, 1, channel, (float)scale);
        norm_repeat(n, 2, channel, (float)(scale * dz / rows));
        norm_repeat(n, 3, channel, (float)(scale * inverse * inverse * dz_x / rows));
    }
}

/* Elements [at, at + lanes). dx may lie over dy or x. */
ALWAYS_INLINE void write_row(const backward *b, bool half, bool relu, const void *dz, int64_t at,
                             int64_t lanes) {
    const float *mean = b->n.vector[0], *scale = b->n.vector[1];
    const float *offset = b->n.vector[2], *slope = b->n.vector[3];
    const void *x = b->in[1], *y = b->in[2];
    void *dx = b->out[0];
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        const float d = load(dz, half, at + i);
        const float masked = !relu || load(y, half, at + i) > 0 ? d : 0;
        const float away = load(x, half, at + i) - mean[i];
        store(dx, half, at + i, scale[i] * masked - offset[i] - away * slope[i]);
    }
}

ALWAYS_INLINE void write_chunk(const backward *b, bool half, bool relu, int64_t chunk) {
    const norm *n = &b->n;
    const void *dz = b->keeps ? b->out[3] : b->in[0];
    const int64_t begin = chunk * n->chunk, end = begin + n->chunk;
    const int64_t stop = (end < n->rows ? end : n->rows) * n->channels;
    for (int64_t at = begin * n->channels; at < stop; at += n->lanes) {
        write_row(b, half, relu, dz, at, stop - at < n->lanes ? stop - at : n->lanes);
    }
}

/* Chunks [begin, end), last first: what the first pass read last is still in the caches. */
static void write_span(const void *work, int64_t begin, int64_t end) {
    const backward *b = work;
    const bool relu = b->n.relu && !b->keeps; /* what was kept is masked already */
    for (int64_t chunk = end; chunk-- > begin;) {
        if (b->n.half && relu) {
            write_chunk(b, true, true, chunk);
        } else if (b->n.half) {
            write_chunk(b, true, false, chunk);
        } else if (relu) {
            write_chunk(b, false, true, chunk);
        } else {
            write_chunk(b, false, false, chunk);
        }
    }
}

/* dy, x, y, dx and the residual's gradient of one type, f32 or bf16; the rest f32. */
bool prepare_batch_norm_grad(kd_device *device, const kd_node *node, void **ret_state,
                             size_t *ret_scratch, kd_error *err) {
    const norm n = norm_of(node, &node->inputs[1], NULL);
    *ret_scratch = norm_scratch(&n);
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const bool input = i < node->n_inputs;
        const uint32_t k = input ? i : i - node->n_inputs;
        const bool big = input ? k < 3 : k == 0 || k == 3;
        const int32_t type = input ? node->inputs[k].dtype : node->outputs[k].dtype;
        if (type != (big ? node->inputs[1].dtype : KD_F32)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "%s: the cpu device has no %s that mixes types",
                           node->path, node->op);
        }
    }
    return true;
}

void run_batch_norm_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    const backward b = {norm_of(node, &node->inputs[1], scratch), in, out, node->n_outputs > 3};
    const norm *n = &b.n;
    const float *mean = in[4];
    for (int64_t channel = 0; channel < n->channels; channel++) {
        norm_repeat(n, 0, channel, mean[channel]);
    }
    span_for(device, n->chunks * n->blocks, norm_piece_grain(n), sums_span, &b);
    span_for(device, n->channels, 4096 / (n->chunks + 1) + 1, finish_span, &b);
    span_for(device, n->chunks, norm_chunk_grain(n), write_span, &b);
}
