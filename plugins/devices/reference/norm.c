/* SPDX-License-Identifier: Apache-2.0
 * Batch normalisation over all axes but the last, one channel at a time: with the batch's own
 * statistics, its gradient, and with running statistics.
 *
 * source  Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1; the running
 *         statistics as torch.nn.BatchNorm2d */
#include "element.h"
#include "kernels.h"

/* Rows and channels of x [..., c]. */
typedef struct extent {
    int64_t rows, channels;
} extent;

static extent extent_of(const kd_spec *x) {
    const int64_t channels = x->dim[x->rank - 1];
    return (extent){channels ? kd_elements(x) / channels : 0, channels};
}

/* y = gamma (x - mean) inv_std + beta (+ residual), then ReLU if asked for, of one channel. */
static void normalise(const kd_node *node, void *const *in, void *y, int64_t channel, double mean,
                      double inv_std) {
    const int32_t type = node->inputs[0].dtype, real = node->inputs[1].dtype;
    const bool relu = kd_attr_int(node, "relu", 0) != 0, residual = node->n_inputs > 5;
    const double gamma = get(in[1], real, channel), beta = get(in[2], real, channel);
    const extent e = extent_of(&node->inputs[0]);
    for (int64_t i = channel; i < e.rows * e.channels; i += e.channels) {
        double z = gamma * (get(in[0], type, i) - mean) * inv_std + beta;
        z += residual ? get(in[5], type, i) : 0;
        put(y, type, i, relu && z < 0 ? 0 : z);
    }
}

/* Mean and sum of squared deviations of one channel. */
static double channel_mean(const kd_spec *x, const void *data, int64_t channel,
                           double *ret_deviations) {
    const extent e = extent_of(x);
    double sum = 0, deviations = 0;
    for (int64_t i = channel; i < e.rows * e.channels; i += e.channels) {
        sum += get(data, x->dtype, i);
    }
    const double mean = sum / (double)e.rows;
    for (int64_t i = channel; i < e.rows * e.channels; i += e.channels) {
        const double d = get(data, x->dtype, i) - mean;
        deviations += d * d;
    }
    *ret_deviations = deviations;
    return mean;
}

void run_batch_norm(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0];
    const int32_t real = node->inputs[1].dtype;
    const extent e = extent_of(x);
    const double eps = kd_attr_float(node, "eps", 1e-5);
    const double momentum = kd_attr_float(node, "momentum", 0.1);
    for (int64_t channel = 0; channel < e.channels; channel++) {
        double deviations;
        const double mean = channel_mean(x, in[0], channel, &deviations);
        const double inv_std = 1 / sqrt(deviations / (double)e.rows + eps);
        const double unbiased = deviations / (double)(e.rows > 1 ? e.rows - 1 : 1);
        const double old_mean = get(in[3], real, channel), old_var = get(in[4], real, channel);
        normalise(node, in, out[0], channel, mean, inv_std);
        const double statistics[] = {mean, inv_std, (1 - momentum) * old_mean + momentum * mean,
                                     (1 - momentum) * old_var + momentum * unbiased};
        for (uint32_t i = 1; i < node->n_outputs; i++) {
            put(out[i], real, channel, statistics[i - 1]);
        }
    }
}

void run_batch_norm_inference(kd_device *device, const kd_node *node, void *state, void *const *in,
                              void *const *out, void *scratch) {
    const int32_t real = node->inputs[1].dtype;
    const double eps = kd_attr_float(node, "eps", 1e-5);
    const int64_t channels = extent_of(&node->inputs[0]).channels;
    for (int64_t channel = 0; channel < channels; channel++) {
        const double mean = get(in[3], real, channel), variance = get(in[4], real, channel);
        normalise(node, in, out[0], channel, mean, 1 / sqrt(variance + eps));
    }
}

/* One channel of (dy, x): dz, the gradient before ReLU, and x normalised. */
typedef struct backward {
    const kd_spec *x;
    void *const *in;
    bool relu, from_x, adds; /* from_x: there is beta in y's place; adds: dy has two parts */
    double gamma, beta, mean, inv_std;
} backward;

static double normal_at(const backward *b, int64_t i) {
    return (get(b->in[1], b->x->dtype, i) - b->mean) * b->inv_std;
}

static double dz_at(const backward *b, int64_t i) {
    const double y = !b->relu    ? 1
                     : b->from_x ? b->gamma * normal_at(b, i) + b->beta
                                 : get(b->in[2], b->x->dtype, i);
    const double dy = get(b->in[0], b->x->dtype, i);
    return y > 0 ? dy + (b->adds ? get(b->in[6], b->x->dtype, i) : 0) : 0;
}

static void backward_channel(const kd_node *node, const backward *b, int64_t channel,
                             void *const *out) {
    const int32_t real = node->inputs[3].dtype;
    const extent e = extent_of(b->x);
    double dgamma = 0, dbeta = 0;
    for (int64_t i = channel; i < e.rows * e.channels; i += e.channels) {
        dgamma += dz_at(b, i) * normal_at(b, i);
        dbeta += dz_at(b, i);
    }
    const double scale = b->gamma * b->inv_std, rows = (double)e.rows;
    for (int64_t i = channel; i < e.rows * e.channels; i += e.channels) {
        const double dz = dz_at(b, i);
        const double dx = scale * (dz - dbeta / rows - normal_at(b, i) * dgamma / rows);
        put(out[0], b->x->dtype, i, dx);
        if (node->n_outputs > 3) {
            put(out[3], b->x->dtype, i, dz);
        }
    }
    const double small[] = {dgamma, dbeta};
    for (uint32_t i = 1; i < node->n_outputs && i < 3; i++) {
        put(out[i], real, channel, small[i - 1]);
    }
}

static void run_backward(const kd_node *node, bool from_x, void *const *in, void *const *out) {
    const int32_t real = node->inputs[3].dtype;
    const kd_spec *x = &node->inputs[1];
    for (int64_t channel = 0; channel < extent_of(x).channels; channel++) {
        const backward b = {.x = x,
                            .in = in,
                            .relu = kd_attr_int(node, "relu", 0) != 0,
                            .from_x = from_x,
                            .adds = node->n_inputs > 6,
                            .gamma = get(in[3], real, channel),
                            .beta = from_x ? get(in[2], real, channel) : 0,
                            .mean = get(in[4], real, channel),
                            .inv_std = get(in[5], real, channel)};
        backward_channel(node, &b, channel, out);
    }
}

void run_batch_norm_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    run_backward(node, false, in, out);
}

void run_batch_norm_grad_from_x(kd_device *device, const kd_node *node, void *state,
                                void *const *in, void *const *out, void *scratch) {
    run_backward(node, true, in, out);
}
