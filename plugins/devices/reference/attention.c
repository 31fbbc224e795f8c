/* SPDX-License-Identifier: Apache-2.0
 * What transformers are made of beside matrix products: layer normalisation over the last axis and
 * attention of several heads, with their gradients.
 *
 * source  Ba et al. 2016, https://arxiv.org/abs/1607.06450; Vaswani et al. 2017,
 *         https://arxiv.org/abs/1706.03762, equation 1; the gradient from the saved log-sum-exp as
 *         Dao et al. 2022, https://arxiv.org/abs/2205.14135, appendix B */
#include "element.h"
#include "kernels.h"

static int64_t last_of(const kd_spec *x) {
    return x->dim[x->rank - 1];
}

static int64_t rows_of(const kd_spec *x) {
    return last_of(x) ? kd_elements(x) / last_of(x) : 0;
}

void run_layer_norm(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0];
    const int32_t type = x->dtype, real = node->inputs[1].dtype;
    const double eps = kd_attr_float(node, "eps", 1e-6);
    const int64_t rows = rows_of(x), width = last_of(x);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t first = row * width;
        double sum = 0, deviations = 0;
        for (int64_t i = 0; i < width; i++) {
            sum += get(in[0], type, first + i);
        }
        const double mean = sum / (double)width;
        for (int64_t i = 0; i < width; i++) {
            const double d = get(in[0], type, first + i) - mean;
            deviations += d * d;
        }
        const double inv_std = 1 / sqrt(deviations / (double)width + eps);
        for (int64_t i = 0; i < width; i++) {
            const double normal = (get(in[0], type, first + i) - mean) * inv_std;
            put(out[0], type, first + i, get(in[1], real, i) * normal + get(in[2], real, i));
        }
        const double statistics[] = {mean, inv_std};
        for (uint32_t i = 1; i < node->n_outputs; i++) {
            put(out[i], real, row, statistics[i - 1]);
        }
    }
}

bool prepare_layer_norm_grad(kd_device *device, const kd_node *node, void **ret_state,
                             size_t *ret_scratch, kd_error *err) {
    *ret_scratch = (size_t)(2 * last_of(&node->inputs[1])) * sizeof(double);
    return accept_types(node, FLOATS, err);
}

/* dx = inv_std (g - mean(g) - normal mean(g normal)) with g = gamma dy, of one row. */
static void layer_norm_row(const kd_node *node, void *const *in, void *dx, int64_t row,
                           double *dgamma, double *dbeta) {
    const int32_t type = node->inputs[1].dtype, real = node->inputs[2].dtype;
    const int64_t width = last_of(&node->inputs[1]), first = row * width;
    const double mean = get(in[3], real, row), inv_std = get(in[4], real, row);
    double sum = 0, product = 0;
    for (int64_t i = 0; i < width; i++) {
        const double dy = get(in[0], type, first + i), g = get(in[2], real, i) * dy;
        const double normal = (get(in[1], type, first + i) - mean) * inv_std;
        sum += g;
        product += g * normal;
        dgamma[i] += dy * normal;
        dbeta[i] += dy;
    }
    for (int64_t i = 0; i < width; i++) {
        const double g = get(in[2], real, i) * get(in[0], type, first + i);
        const double normal = (get(in[1], type, first + i) - mean) * inv_std;
        put(dx, type, first + i, inv_std * (g - (sum + normal * product) / (double)width));
    }
}

void run_layer_norm_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                         void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[1];
    const int64_t rows = rows_of(x), width = last_of(x);
    double *dgamma = scratch, *dbeta = dgamma + width;
    memset(scratch, 0, (size_t)(2 * width) * sizeof(double));
    for (int64_t row = 0; row < rows; row++) {
        layer_norm_row(node, in, out[0], row, dgamma, dbeta);
    }
    for (uint32_t k = 1; k < node->n_outputs; k++) {
        for (int64_t i = 0; i < width; i++) {
            put(out[k], node->outputs[k].dtype, i, k == 1 ? dgamma[i] : dbeta[i]);
        }
    }
}

/* One head of one image, in qkv [b, t, 3, heads, d]. */
typedef struct head {
    const kd_spec *qkv;
    const void *data;
    int64_t heads, tokens, width;
    int64_t image, index;
    double scale;
} head;

static head head_of(const kd_node *node, const kd_spec *qkv, const void *data) {
    const int64_t heads = kd_attr_int(node, "heads", 1);
    return (head){.qkv = qkv,
                  .data = data,
                  .heads = heads,
                  .tokens = qkv->dim[1],
                  .width = qkv->dim[2] / 3 / heads,
                  .scale = kd_attr_float(node, "scale", 1)};
}

enum { QUERY, KEY, VALUE };

/* Where element 0 of a query, key or value of one token lies in qkv. */
static int64_t place(const head *h, int which, int64_t token) {
    return (((h->image * h->tokens + token) * 3 + which) * h->heads + h->index) * h->width;
}

/* Where element 0 of this head lies in out [b, t, heads, d]. */
static int64_t out_place(const head *h, int64_t token) {
    return ((h->image * h->tokens + token) * h->heads + h->index) * h->width;
}

static double dot(const head *h, const void *a, int64_t at, const void *b, int64_t bt) {
    double sum = 0;
    for (int64_t i = 0; i < h->width; i++) {
        sum += get(a, h->qkv->dtype, at + i) * get(b, h->qkv->dtype, bt + i);
    }
    return sum;
}

/* scale q . k for the query of one token and all keys. */
static void scores_of(const head *h, int64_t token, double *score) {
    for (int64_t k = 0; k < h->tokens; k++) {
        score[k] = h->scale * dot(h, h->data, place(h, QUERY, token), h->data, place(h, KEY, k));
    }
}

static double log_sum_exp(const double *score, int64_t count) {
    double max = score[0], sum = 0;
    for (int64_t i = 1; i < count; i++) {
        max = score[i] > max || isnan(score[i]) ? score[i] : max;
    }
    for (int64_t i = 0; i < count; i++) {
        sum += exp(score[i] - max);
    }
    return max + log(sum);
}

bool prepare_attention(kd_device *device, const kd_node *node, void **ret_state,
                       size_t *ret_scratch, kd_error *err) {
    const kd_spec *qkv = &node->inputs[0];
    *ret_scratch = (size_t)(qkv->dim[1] + qkv->dim[2]) * sizeof(double);
    return accept_types(node, FLOATS, err);
}

/* out[token] and its log-sum-exp, of one head. */
static double attend(const head *h, int64_t token, void *out, double *score, double *sum) {
    scores_of(h, token, score);
    const double lse = log_sum_exp(score, h->tokens);
    memset(sum, 0, (size_t)h->width * sizeof *sum);
    for (int64_t k = 0; k < h->tokens; k++) {
        const double p = exp(score[k] - lse);
        for (int64_t i = 0; i < h->width; i++) {
            sum[i] += p * get(h->data, h->qkv->dtype, place(h, VALUE, k) + i);
        }
    }
    for (int64_t i = 0; i < h->width; i++) {
        put(out, h->qkv->dtype, out_place(h, token) + i, sum[i]);
    }
    return lse;
}

void run_attention(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    head h = head_of(node, &node->inputs[0], in[0]);
    double *score = scratch, *sum = score + h.tokens;
    for (h.image = 0; h.image < h.qkv->dim[0]; h.image++) {
        for (h.index = 0; h.index < h.heads; h.index++) {
            for (int64_t token = 0; token < h.tokens; token++) {
                const double lse = attend(&h, token, out[0], score, sum);
                if (node->n_outputs > 1) {
                    put(out[1], node->outputs[1].dtype,
                        (h.image * h.heads + h.index) * h.tokens + token, lse);
                }
            }
        }
    }
}

bool prepare_attention_grad(kd_device *device, const kd_node *node, void **ret_state,
                            size_t *ret_scratch, kd_error *err) {
    const kd_spec *qkv = &node->inputs[1];
    *ret_scratch = (size_t)(qkv->dim[1] * (1 + qkv->dim[2])) * sizeof(double);
    return accept_types(node, FLOATS, err);
}

/* Adds what the query of one token passes on. d [t, 3 width] holds dq, dk and dv of the head:
 * dv_k += p dout, ds = p (dout . v_k - dout . out) scale, dq += ds k_k, dk_k += ds q. */
static void attend_back(const head *h, int64_t token, const void *dout, const void *out, double lse,
                        double *score, double *d) {
    const int32_t type = h->qkv->dtype;
    const int64_t at = out_place(h, token), q = place(h, QUERY, token), width = h->width;
    const double mean = dot(h, dout, at, out, at);
    scores_of(h, token, score);
    for (int64_t k = 0; k < h->tokens; k++) {
        const int64_t key = place(h, KEY, k), value = place(h, VALUE, k);
        const double p = exp(score[k] - lse);
        const double ds = p * (dot(h, dout, at, h->data, value) - mean) * h->scale;
        for (int64_t i = 0; i < width; i++) {
            d[(token * 3 + QUERY) * width + i] += ds * get(h->data, type, key + i);
            d[(k * 3 + KEY) * width + i] += ds * get(h->data, type, q + i);
            d[(k * 3 + VALUE) * width + i] += p * get(dout, type, at + i);
        }
    }
}

static void put_head(const head *h, const double *d, void *to) {
    for (int64_t token = 0; token < h->tokens; token++) {
        for (int which = QUERY; which <= VALUE; which++) {
            for (int64_t i = 0; i < h->width; i++) {
                put(to, h->qkv->dtype, place(h, which, token) + i,
                    d[(token * 3 + which) * h->width + i]);
            }
        }
    }
}

void run_attention_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                        void *const *out, void *scratch) {
    head h = head_of(node, &node->inputs[1], in[1]);
    double *score = scratch, *d = score + h.tokens;
    for (h.image = 0; h.image < h.qkv->dim[0]; h.image++) {
        for (h.index = 0; h.index < h.heads; h.index++) {
            memset(d, 0, (size_t)(h.tokens * 3 * h.width) * sizeof *d);
            for (int64_t token = 0; token < h.tokens; token++) {
                const int64_t row = (h.image * h.heads + h.index) * h.tokens + token;
                attend_back(&h, token, in[0], in[2], get(in[3], node->inputs[3].dtype, row), score,
                            d);
            }
            put_head(&h, d, out[0]);
        }
    }
}
