/* SPDX-License-Identifier: Apache-2.0
 * Batch normalisation with the batch's own statistics and with running ones: one pass that reads x
 * for the statistics, one that writes y, with residual and ReLU in it.
 *
 * source  Chan, Golub, LeVeque 1979 for joining the chunks' means and squared deviations, which
 *         within a chunk are taken from its first row on */
#include "norm.h"

#include "kernels.h"

#include <math.h>

#define CHUNK 32768 /* elements in a chunk of rows, about */

norm norm_of(const kd_node *node, const kd_spec *x, void *scratch) {
    const int64_t channels = x->dim[x->rank - 1];
    norm n = {.channels = channels,
              .rows = channels ? kd_elements(x) / channels : 0,
              .wide = channels && channels <= LANES / 2 ? LANES / channels : 1,
              .half = x->dtype == KD_BF16,
              .relu = kd_attr_int(node, "relu", 0) != 0,
              .partial = scratch};
    n.lanes = n.wide * channels;
    n.chunk = (CHUNK / (channels + 1) / n.wide + 1) * n.wide;
    n.chunk = n.chunk < 256 ? 256 / n.wide * n.wide : n.chunk;
    n.chunks = (n.rows + n.chunk - 1) / n.chunk;
    n.block = n.wide > 1 ? n.lanes : channels < LANES ? channels : LANES;
    n.blocks = n.lanes ? (n.lanes + n.block - 1) / n.block : 0;
    for (int i = 0; scratch && i < NORM_VECTORS; i++) {
        n.vector[i] = (float *)(n.partial + n.chunks * 2 * channels) + i * n.lanes;
    }
    return n;
}

size_t norm_scratch(const norm *n) {
    return (size_t)(n->chunks * 2 * n->channels) * sizeof(double) +
           (size_t)(NORM_VECTORS * n->lanes) * sizeof(float);
}

int64_t norm_piece_grain(const norm *n) {
    return 16384 / (n->chunk * n->block + 1) + 1;
}

int64_t norm_chunk_grain(const norm *n) {
    return 16384 / (n->chunk * n->lanes / n->wide + 1) + 1;
}

piece norm_piece(const norm *n, int64_t index) {
    const int64_t chunk = index / n->blocks, channel = index % n->blocks * n->block;
    const int64_t row = chunk * n->chunk, left = n->rows - row;
    const int64_t rows = left < n->chunk ? left : n->chunk, lanes = n->lanes - channel;
    return (piece){.chunk = chunk,
                   .channel = channel,
                   .rows = rows / n->wide,
                   .lanes = lanes < n->block ? lanes : n->block,
                   .rest = rows % n->wide * n->channels,
                   .start = row * n->channels + channel};
}

void norm_repeat(const norm *n, int which, int64_t channel, float value) {
    for (int64_t i = 0; i < n->wide; i++) {
        n->vector[which][i * n->channels + channel] = value;
    }
}

typedef struct forward {
    norm n;
    const kd_node *node;
    void *const *in;
    void *const *out;
} forward;

/* Sums of (x - first) and its square, first being the lane's value in the chunk's first row. */
ALWAYS_INLINE void shifted_sums(const norm *n, const void *x, bool half, const piece *p,
                                const float *first, float *sum, float *square) {
    const int64_t step = n->lanes;
    int64_t row = 0, at = p->start;
    for (; row + 4 <= p->rows; row += 4, at += 4 * step) {
#pragma omp simd
        for (int64_t i = 0; i < p->lanes; i++) {
            const float a = load(x, half, at + i) - first[i];
            const float b = load(x, half, at + step + i) - first[i];
            const float c = load(x, half, at + 2 * step + i) - first[i];
            const float d = load(x, half, at + 3 * step + i) - first[i];
            sum[i] += (a + b) + (c + d);
            square[i] += (a * a + b * b) + (c * c + d * d);
        }
    }
    for (; row <= p->rows; row++, at += step) {
        const int64_t lanes = row < p->rows ? p->lanes : p->rest;
        for (int64_t i = 0; i < lanes; i++) {
            const float a = load(x, half, at + i) - first[i];
            sum[i] += a;
            square[i] += a * a;
        }
    }
}

/* Joins `count` values of mean and squared deviation to those of `*ret_count`. */
static void join(double count, double mean, double deviations, double *ret_count, double *ret_mean,
                 double *ret_deviations) {
    const double total = *ret_count + count, delta = mean - *ret_mean;
    if (count > 0) {
        *ret_mean += delta * count / total;
        *ret_deviations += deviations + delta * delta * *ret_count * count / total;
        *ret_count = total;
    }
}

/* The chunk's mean and squared deviations of one channel, over the lanes that hold it. */
static void join_lanes(const norm *n, const piece *p, int64_t channel, const float *first,
                       const float *sum, const float *square) {
    double count = 0, mean = 0, deviations = 0;
    for (int64_t lane = channel; lane < p->lanes; lane += n->channels) {
        const double rows = (double)(p->rows + (lane < p->rest)), s = (double)sum[lane];
        if (rows > 0) {
            join(rows, (double)first[lane] + s / rows, (double)square[lane] - s * s / rows, &count,
                 &mean, &deviations);
        }
    }
    double *to = n->partial + p->chunk * 2 * n->channels + p->channel + channel;
    to[0] = mean;
    to[n->channels] = deviations;
}

static void statistics_span(const void *work, int64_t begin, int64_t end) {
    const forward *f = work;
    const norm *n = &f->n;
    float first[LANES], sum[LANES], square[LANES];
    for (int64_t index = begin; index < end; index++) {
        const piece p = norm_piece(n, index);
        const int64_t held = p.rows ? p.lanes : p.rest;
        for (int64_t i = 0; i < p.lanes; i++) {
            first[i] = i < held ? load(f->in[0], n->half, p.start + i) : 0;
            sum[i] = square[i] = 0;
        }
        if (n->half) {
            shifted_sums(n, f->in[0], true, &p, first, sum, square);
        } else {
            shifted_sums(n, f->in[0], false, &p, first, sum, square);
        }
        const int64_t channels = p.lanes < n->channels ? p.lanes : n->channels;
        for (int64_t channel = 0; channel < channels; channel++) {
            join_lanes(n, &p, channel, first, sum, square);
        }
    }
}

/* What y = (x - mean) scale + beta of one channel needs, from mean and inv_std as they are stored:
 * the gradient makes the same y of them. */
static void set_vectors(const forward *f, int64_t channel, double mean, double inv_std) {
    const float *gamma = f->in[1], *beta = f->in[2];
    norm_repeat(&f->n, 0, channel, (float)mean);
    norm_repeat(&f->n, 1, channel, norm_scale(gamma[channel], (float)inv_std));
    norm_repeat(&f->n, 2, channel, beta[channel]);
}

/* Channels [begin, end): joins the chunks in order, writes the small outputs. */
static void finish_span(const void *work, int64_t begin, int64_t end) {
    const forward *f = work;
    const norm *n = &f->n;
    const double eps = kd_attr_float(f->node, "eps", 1e-5);
    const double momentum = kd_attr_float(f->node, "momentum", 0.1);
    const float *running_mean = f->in[3], *running_var = f->in[4];
    for (int64_t channel = begin; channel < end; channel++) {
        double count = 0, mean = 0, deviations = 0;
        for (int64_t chunk = 0; chunk < n->chunks; chunk++) {
            const int64_t left = n->rows - chunk * n->chunk;
            const double *part = n->partial + chunk * 2 * n->channels + channel;
            join((double)(left < n->chunk ? left : n->chunk), part[0], part[n->channels], &count,
                 &mean, &deviations);
        }
        deviations = deviations > 0 || deviations != deviations ? deviations : 0;
        const double inv_std = 1 / sqrt(deviations / (double)n->rows + eps);
        const double unbiased = deviations / (double)(n->rows > 1 ? n->rows - 1 : 1);
        const double small[] = {
            mean, inv_std, (1 - momentum) * (double)running_mean[channel] + momentum * mean,
            (1 - momentum) * (double)running_var[channel] + momentum * unbiased};
        for (uint32_t i = 1; i < f->node->n_outputs; i++) {
            ((float *)f->out[i])[channel] = (float)small[i - 1];
        }
        set_vectors(f, channel, mean, inv_std);
    }
}

/* Elements [at, at + lanes): one wide row. y may lie over x or over the residual. */
ALWAYS_INLINE void write_row(const norm *n, bool half, bool adds, const void *x,
                             const void *residual, void *y, int64_t at, int64_t lanes) {
    const float *mean = n->vector[0], *scale = n->vector[1], *beta = n->vector[2];
    const float floor = n->relu ? 0 : -HUGE_VALF;
#pragma omp simd
    for (int64_t i = 0; i < lanes; i++) {
        float z = norm_apply(load(x, half, at + i), mean[i], scale[i], beta[i]);
        z += adds ? load(residual, half, at + i) : 0;
        store(y, half, at + i, z < floor ? floor : z);
    }
}

ALWAYS_INLINE void write_chunk(const forward *f, bool half, bool adds, int64_t chunk) {
    const norm *n = &f->n;
    const void *residual = adds ? f->in[5] : NULL;
    const int64_t begin = chunk * n->chunk, end = begin + n->chunk;
    const int64_t stop = (end < n->rows ? end : n->rows) * n->channels;
    for (int64_t at = begin * n->channels; at < stop; at += n->lanes) {
        const int64_t left = stop - at;
        write_row(n, half, adds, f->in[0], residual, f->out[0], at,
                  left < n->lanes ? left : n->lanes);
    }
}

/* Chunks [begin, end), last first: what the first pass read last is still in the caches. */
static void write_span(const void *work, int64_t begin, int64_t end) {
    const forward *f = work;
    const bool adds = f->node->n_inputs > 5;
    for (int64_t chunk = end; chunk-- > begin;) {
        if (f->n.half && adds) {
            write_chunk(f, true, true, chunk);
        } else if (f->n.half) {
            write_chunk(f, true, false, chunk);
        } else if (adds) {
            write_chunk(f, false, true, chunk);
        } else {
            write_chunk(f, false, false, chunk);
        }
    }
}

/* Big tensors f32 or bf16, all of one type; small ones f32. */
static bool accept(const kd_node *node, uint32_t residual, kd_error *err) {
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const kd_spec *s =
            i < node->n_inputs ? &node->inputs[i] : &node->outputs[i - node->n_inputs];
        const bool big = i == 0 || i == residual || i == node->n_inputs;
        if (s->dtype != (big ? node->inputs[0].dtype : KD_F32)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "%s: the cpu device has no %s that mixes types",
                           node->path, node->op);
        }
    }
    return true;
}

bool prepare_batch_norm(kd_device *device, const kd_node *node, void **ret_state,
                        size_t *ret_scratch, kd_error *err) {
    const norm n = norm_of(node, &node->inputs[0], NULL);
    *ret_scratch = norm_scratch(&n);
    return accept_types(node, FLOATS, err) && accept(node, 5, err);
}

void run_batch_norm(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const forward f = {norm_of(node, &node->inputs[0], scratch), node, in, out};
    const norm *n = &f.n;
    span_for(device, n->chunks * n->blocks, norm_piece_grain(n), statistics_span, &f);
    span_for(device, n->channels, 4096 / (n->chunks + 1) + 1, finish_span, &f);
    span_for(device, n->chunks, norm_chunk_grain(n), write_span, &f);
}

bool prepare_batch_norm_inference(kd_device *device, const kd_node *node, void **ret_state,
                                  size_t *ret_scratch, kd_error *err) {
    return prepare_batch_norm(device, node, ret_state, ret_scratch, err);
}

void run_batch_norm_inference(kd_device *device, const kd_node *node, void *state, void *const *in,
                              void *const *out, void *scratch) {
    const forward f = {norm_of(node, &node->inputs[0], scratch), node, in, out};
    const float *mean = in[3], *variance = in[4];
    const double eps = kd_attr_float(node, "eps", 1e-5);
    for (int64_t channel = 0; channel < f.n.channels; channel++) {
        set_vectors(&f, channel, (double)mean[channel], 1 / sqrt((double)variance[channel] + eps));
    }
    span_for(device, f.n.chunks, norm_chunk_grain(&f.n), write_span, &f);
}
