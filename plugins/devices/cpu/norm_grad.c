/* SPDX-License-Identifier: Apache-2.0
 * The gradient of batch normalisation: a pass for the two sums, which also leaves the gradient
 * before ReLU where the residual's gradient goes, and a pass that writes dx. What ReLU let through
 * is seen in y, or, where there was no residual, made again from x.
 *
 * With dz the gradient before ReLU: dbeta = sum dz, dgamma = inv_std sum dz (x - mean),
 * dx = gamma inv_std (dz - dbeta / rows - (x - mean) inv_std dgamma / rows). */
#include "kernels.h"
#include "norm.h"

/* Where dy counts: everywhere, where y > 0, where y made of x again is. */
enum { OPEN, BY_Y, BY_X };
/* What becomes of dz: nothing, it is kept in out[3], it is so and dy has two parts. */
enum { PASSES, KEEPS, KEEPS_SUM };

typedef struct backward {
    norm n;
    void *const *in; /* dy, x, y or beta, gamma, mean, inv_std, more of dy */
    void *const *out;
    int gate, way;
} backward;

/* What the gate looks at: big tensors, and vectors from the first channel of a row on. */
typedef struct view {
    const void *x, *y;
    const float *mean, *scale, *beta;
} view;

ALWAYS_INLINE view view_of(const backward *b, int64_t channel) {
    float *const *vector = b->n.vector;
    return (view){b->in[1], b->in[2], vector[0] + channel, vector[1] + channel,
                  vector[4] + channel};
}

/* Does dy count at element at + i, lane i of the view? */
ALWAYS_INLINE bool is_open(const view *v, bool half, int gate, int64_t at, int64_t i) {
    if (gate == BY_X) {
        return norm_apply(load(v->x, half, at + i), v->mean[i], v->scale[i], v->beta[i]) > 0;
    }
    return gate == OPEN || load(v->y, half, at + i) > 0;
}

/* As an add would store it. */
ALWAYS_INLINE float whole(bool half, float a, float b) {
    return half ? bf16_value(bf16_of(a + b)) : a + b;
}

/* Elements [at, at + lanes), from `channel` on: adds dz and dz (x - mean) to the sums. */
ALWAYS_INLINE void sum_row(const backward *b, bool half, int gate, int way, int64_t at,
                           int64_t lanes, int64_t channel, float *sum, float *product) {
    const view v = view_of(b, channel);
    const void *dy = b->in[0], *more = way == KEEPS_SUM ? b->in[6] : NULL;
    void *dz_out = way == PASSES ? NULL : b->out[3];
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        const float d = way == KEEPS_SUM
                            ? whole(half, load(dy, half, at + i), load(more, half, at + i))
                            : load(dy, half, at + i);
        const float dz = is_open(&v, half, gate, at, i) ? d : 0;
        if (way != PASSES) {
            store(dz_out, half, at + i, dz);
        }
        sum[i] += dz;
        product[i] += dz * (load(v.x, half, at + i) - v.mean[i]);
    }
}

ALWAYS_INLINE void sum_piece(const backward *b, bool half, int gate, int way, const piece *p,
                             float *sum, float *product) {
    for (int64_t row = 0; row <= p->rows; row++) {
        sum_row(b, half, gate, way, p->start + row * b->n.lanes, row < p->rows ? p->lanes : p->rest,
                p->channel, sum, product);
    }
}

/* One loop a combination, by half, gate, way. */
typedef void sum_function(const backward *b, const piece *p, float *sum, float *product);
#define SUM(half, gate, way)                                                                       \
    static void sum_##half##gate##way(const backward *b, const piece *p, float *sum,               \
                                      float *product) {                                            \
        sum_piece(b, half, gate, way, p, sum, product);                                            \
    }
#define SUMS_OF_GATE(half, gate) SUM(half, gate, 0) SUM(half, gate, 1) SUM(half, gate, 2)
#define SUMS(half) SUMS_OF_GATE(half, 0) SUMS_OF_GATE(half, 1) SUM(half, 2, 0)
SUMS(0)
SUMS(1)
static sum_function *const sums[2][3][3] = {
    {{sum_000, sum_001, sum_002}, {sum_010, sum_011, sum_012}, {sum_020}},
    {{sum_100, sum_101, sum_102}, {sum_110, sum_111, sum_112}, {sum_120}},
};

static void sums_span(const void *work, int64_t begin, int64_t end) {
    const backward *b = work;
    const norm *n = &b->n;
    float sum[LANES], product[LANES];
    for (int64_t index = begin; index < end; index++) {
        const piece p = norm_piece(n, index);
        memset(sum, 0, sizeof sum);
        memset(product, 0, sizeof product);
        sums[n->half][b->gate][b->way](b, &p, sum, product);
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

/* Channels [begin, end): dgamma, dbeta, and what more dx = scale dz - offset - (x - mean) slope
 * needs. */
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
        norm_repeat(n, 2, channel, (float)(scale * dz / rows));
        norm_repeat(n, 3, channel, (float)(scale * inverse * inverse * dz_x / rows));
    }
}

/* Elements [at, at + lanes). dx may lie over dy or x. */
ALWAYS_INLINE void write_row(const backward *b, bool half, int gate, const void *dy, int64_t at,
                             int64_t lanes) {
    const view v = view_of(b, 0);
    const float *offset = b->n.vector[2], *slope = b->n.vector[3];
    void *dx = b->out[0];
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        const float d = load(dy, half, at + i);
        const float dz = is_open(&v, half, gate, at, i) ? d : 0;
        const float away = load(v.x, half, at + i) - v.mean[i];
        store(dx, half, at + i, v.scale[i] * dz - offset[i] - away * slope[i]);
    }
}

ALWAYS_INLINE void write_chunk(const backward *b, bool half, int gate, int64_t chunk) {
    const norm *n = &b->n;
    const void *dy = b->way == PASSES ? b->in[0] : b->out[3];
    const int64_t begin = chunk * n->chunk, end = begin + n->chunk;
    const int64_t stop = (end < n->rows ? end : n->rows) * n->channels;
    for (int64_t at = begin * n->channels; at < stop; at += n->lanes) {
        write_row(b, half, gate, dy, at, stop - at < n->lanes ? stop - at : n->lanes);
    }
}

typedef void write_function(const backward *b, int64_t chunk);
#define WRITE(half, gate)                                                                          \
    static void write_##half##gate(const backward *b, int64_t chunk) {                             \
        write_chunk(b, half, gate, chunk);                                                         \
    }
#define WRITES(half) WRITE(half, 0) WRITE(half, 1) WRITE(half, 2)
WRITES(0)
WRITES(1)
static write_function *const writes[2][3] = {{write_00, write_01, write_02},
                                             {write_10, write_11, write_12}};

/* Chunks [begin, end), last first: what the first pass read last is still in the caches. */
static void write_span(const void *work, int64_t begin, int64_t end) {
    const backward *b = work;
    const int gate = b->way == PASSES ? b->gate : OPEN; /* what was kept is masked already */
    for (int64_t chunk = end; chunk-- > begin;) {
        writes[b->n.half][gate](b, chunk);
    }
}

/* The first `big_inputs`, more of dy, dx and the residual's gradient of one type, f32 or bf16; the
 * rest f32. */
static bool prepare(const kd_node *node, uint32_t big_inputs, size_t *ret_scratch, kd_error *err) {
    const norm n = norm_of(node, &node->inputs[1], NULL);
    *ret_scratch = norm_scratch(&n);
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const bool input = i < node->n_inputs;
        const uint32_t k = input ? i : i - node->n_inputs;
        const bool big = input ? k < big_inputs || k == 6 : k == 0 || k == 3;
        const int32_t type = input ? node->inputs[k].dtype : node->outputs[k].dtype;
        if (type != (big ? node->inputs[1].dtype : KD_F32)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "%s: the cpu device has no %s that mixes types",
                           node->path, node->op);
        }
    }
    return true;
}

bool prepare_batch_norm_grad(kd_device *device, const kd_node *node, void **ret_state,
                             size_t *ret_scratch, kd_error *err) {
    return prepare(node, 3, ret_scratch, err);
}

bool prepare_batch_norm_grad_from_x(kd_device *device, const kd_node *node, void **ret_state,
                                    size_t *ret_scratch, kd_error *err) {
    return prepare(node, 2, ret_scratch, err);
}

static void run(kd_device *device, const backward *b) {
    const norm *n = &b->n;
    const float *gamma = b->in[3], *mean = b->in[4], *inv_std = b->in[5];
    for (int64_t channel = 0; channel < n->channels; channel++) {
        norm_repeat(n, 0, channel, mean[channel]);
        norm_repeat(n, 1, channel, norm_scale(gamma[channel], inv_std[channel]));
        if (b->gate == BY_X) {
            norm_repeat(n, 4, channel, ((const float *)b->in[2])[channel]);
        }
    }
    span_for(device, n->chunks * n->blocks, norm_piece_grain(n), sums_span, b);
    span_for(device, n->channels, 4096 / (n->chunks + 1) + 1, finish_span, b);
    span_for(device, n->chunks, norm_chunk_grain(n), write_span, b);
}

void run_batch_norm_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    const norm n = norm_of(node, &node->inputs[1], scratch);
    const int way = node->n_outputs < 4 ? PASSES : node->n_inputs < 7 ? KEEPS : KEEPS_SUM;
    run(device, &(backward){n, in, out, n.relu ? BY_Y : OPEN, way});
}

void run_batch_norm_grad_from_x(kd_device *device, const kd_node *node, void *state,
                                void *const *in, void *const *out, void *scratch) {
    const norm n = norm_of(node, &node->inputs[1], scratch);
    run(device, &(backward){n, in, out, n.relu ? BY_X : OPEN, PASSES});
}
