/* SPDX-License-Identifier: Apache-2.0
 * Attention of several heads and its gradient: a thread takes one head of one image at a time,
 * widened to f32 panels that lie in its own caches, so that scores never reach memory.
 *
 * source  Dao et al. 2022, https://arxiv.org/abs/2205.14135, appendix B: the gradient from the
 *         saved log-sum-exp */
#include "kernels.h"
#include "panel.h"

#include <math.h>
#include <omp.h>

enum { QUERY, KEY, VALUE };

typedef struct attention {
    const void *qkv, *dout, *out, *lse;
    void *y, *y_lse; /* out and lse, or dqkv */
    float *scratch;  /* [threads, floats] */
    int64_t floats;
    bool half;
    int64_t images, heads, tokens, width;
    int64_t wide, long_; /* width and tokens, padded */
    float scale;
} attention;

static attention attention_of(const kd_node *node, const kd_spec *qkv) {
    const int64_t heads = kd_attr_int(node, "heads", 1), width = qkv->dim[2] / 3 / heads;
    return (attention){.half = qkv->dtype == KD_BF16,
                       .images = qkv->dim[0],
                       .heads = heads,
                       .tokens = qkv->dim[1],
                       .width = width,
                       .wide = panel_width(width),
                       .long_ = panel_width(qkv->dim[1]),
                       .scale = (float)kd_attr_float(node, "scale", 1)};
}

/* Floats of a thread: panels [tokens, wide], [width, long] and [tokens, long]. */
static int64_t floats_of(const attention *a, int upright, int turned, int scores) {
    return a->tokens * a->wide * upright + a->width * a->long_ * turned +
           a->tokens * a->long_ * scores;
}

static size_t scratch_of(const kd_device *device, int64_t floats) {
    return (size_t)(floats * device->threads) * sizeof(float);
}

/* Where element 0 of a query, key or value of one token lies in qkv [b, t, 3, heads, d]. */
static int64_t place(const attention *a, int64_t item, int which, int64_t token) {
    const int64_t image = item / a->heads, head = item % a->heads;
    return (((image * a->tokens + token) * 3 + which) * a->heads + head) * a->width;
}

/* The same in out [b, t, heads, d]. */
static int64_t out_place(const attention *a, int64_t item, int64_t token) {
    const int64_t image = item / a->heads, head = item % a->heads;
    return ((image * a->tokens + token) * a->heads + head) * a->width;
}

/* to [tokens, wide] from rows `step` apart, padded with zeros. */
static void widen(const attention *a, const void *from, int64_t first, int64_t step, float *to) {
    for (int64_t token = 0; token < a->tokens; token++, first += step, to += a->wide) {
        for (int64_t i = 0; i < a->width; i++) {
            to[i] = load(from, a->half, first + i);
        }
        for (int64_t i = a->width; i < a->wide; i++) {
            to[i] = 0;
        }
    }
}

/* to [width, long] from rows `step` apart, padded with zeros. */
static void turn(const attention *a, const void *from, int64_t first, int64_t step, float *to) {
    for (int64_t token = 0; token < a->tokens; token++, first += step) {
        for (int64_t i = 0; i < a->width; i++) {
            to[i * a->long_ + token] = load(from, a->half, first + i);
        }
    }
    for (int64_t i = 0; i < a->width; i++) {
        memset(to + i * a->long_ + a->tokens, 0, (size_t)(a->long_ - a->tokens) * sizeof *to);
    }
}

/* Rows of a panel [tokens, wide], each times its factor (NULL: 1), to rows `step` apart. */
static void narrow(const attention *a, const float *from, const float *factor, void *to,
                   int64_t first, int64_t step) {
    for (int64_t token = 0; token < a->tokens; token++, first += step, from += a->wide) {
        const float times = factor ? factor[token] : 1;
        for (int64_t i = 0; i < a->width; i++) {
            store(to, a->half, first + i, from[i] * times);
        }
    }
}

static panel_left rows_of(const float *panel, int64_t step) {
    return (panel_left){panel, step, 1};
}
static panel_left columns_of(const float *panel, int64_t step) {
    return (panel_left){panel, 1, step};
}

/* score[i] becomes exp(scale score[i] - max) of a row. Returns log(sum(exp(scale score))). */
static float soften(float *score, int64_t count, float scale, float *ret_inverse) {
    float max = -HUGE_VALF, sum = 0;
#pragma omp simd reduction(max : max)
    for (int64_t i = 0; i < count; i++) {
        score[i] *= scale;
        max = score[i] > max ? score[i] : max;
    }
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) {
        score[i] = exp_of(score[i] - max);
        sum += score[i];
    }
    *ret_inverse = 1 / sum;
    return max + logf(sum);
}

static void forward_item(const attention *a, int64_t item, float *scratch) {
    float *left = scratch, *value = left + a->tokens * a->wide;
    float *key = value + a->tokens * a->wide, *score = key + a->width * a->long_;
    float *inverse = key; /* once the scores are there */
    const int64_t step = 3 * a->heads * a->width;
    widen(a, a->qkv, place(a, item, QUERY, 0), step, left);
    turn(a, a->qkv, place(a, item, KEY, 0), step, key);
    widen(a, a->qkv, place(a, item, VALUE, 0), step, value);
    panel_product(score, rows_of(left, a->wide), key, a->tokens, a->width, a->long_);
    for (int64_t token = 0; token < a->tokens; token++) {
        const float lse = soften(score + token * a->long_, a->tokens, a->scale, &inverse[token]);
        if (a->y_lse) {
            ((float *)a->y_lse)[item * a->tokens + token] = lse;
        }
    }
    panel_product(left, rows_of(score, a->long_), value, a->tokens, a->tokens, a->wide);
    narrow(a, left, inverse, a->y, out_place(a, item, 0), a->heads * a->width);
}

static void forward_span(const void *work, int64_t begin, int64_t end) {
    const attention *a = work;
    for (int64_t item = begin; item < end; item++) {
        forward_item(a, item, a->scratch + omp_get_thread_num() * a->floats);
    }
}

/* Heads that are worth another thread. */
static int64_t grain_of(const attention *a) {
    return 65536 / (a->tokens * a->tokens * a->width + 1) + 1;
}

static bool accept(const kd_node *node, uint32_t qkv, kd_error *err) {
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const bool input = i < node->n_inputs;
        const kd_spec *s = input ? &node->inputs[i] : &node->outputs[i - node->n_inputs];
        const bool is_lse = i == (qkv ? 3 : 2);
        if (s->dtype != (is_lse ? KD_F32 : node->inputs[qkv].dtype)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "%s: the cpu device has no %s that mixes types",
                           node->path, node->op);
        }
    }
    return accept_types(node, FLOATS, err);
}

/* The product of the scores takes at least tokens floats of `key`, which `inverse` needs. */
static int64_t forward_floats(const attention *a) {
    return floats_of(a, 2, 1, 1);
}

bool prepare_attention(kd_device *device, const kd_node *node, void **ret_state,
                       size_t *ret_scratch, kd_error *err) {
    const attention a = attention_of(node, &node->inputs[0]);
    *ret_scratch = scratch_of(device, forward_floats(&a));
    return accept(node, 0, err);
}

void run_attention(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    attention a = attention_of(node, &node->inputs[0]);
    a.qkv = in[0];
    a.y = out[0];
    a.y_lse = node->n_outputs > 1 ? out[1] : NULL;
    a.scratch = scratch;
    a.floats = forward_floats(&a);
    span_for(device, a.images * a.heads, grain_of(&a), forward_span, &a);
}

/* p and dp [tokens, long], both in: p = scale q . k, dp = dout . v; out: the probabilities, and
 * what the scores' gradient is before keys and queries: p (dp - dout . out) scale. */
static void soften_back(const attention *a, int64_t item, const float *dout, float *p, float *dp) {
    const float *lse = (const float *)a->lse + item * a->tokens;
    int64_t at = out_place(a, item, 0);
    for (int64_t token = 0; token < a->tokens; token++) {
        float mean = 0;
#pragma omp simd reduction(+ : mean)
        for (int64_t i = 0; i < a->width; i++) {
            mean += dout[i] * load(a->out, a->half, at + i);
        }
        const float total = lse[token];
#pragma omp simd
        for (int64_t i = 0; i < a->tokens; i++) {
            p[i] = exp_of(a->scale * p[i] - total);
            dp[i] = p[i] * (dp[i] - mean) * a->scale;
        }
        at += a->heads * a->width;
        dout += a->wide;
        p += a->long_;
        dp += a->long_;
    }
}

static void backward_item(const attention *a, int64_t item, float *scratch) {
    const int64_t upright = a->tokens * a->wide, step = 3 * a->heads * a->width;
    float *query = scratch, *key = query + upright, *dout = key + upright, *d = dout + upright;
    float *turned = d + upright, *p = turned + a->width * a->long_;
    float *dp = p + a->tokens * a->long_;
    widen(a, a->qkv, place(a, item, QUERY, 0), step, query);
    widen(a, a->qkv, place(a, item, KEY, 0), step, key);
    widen(a, a->dout, out_place(a, item, 0), a->heads * a->width, dout);
    turn(a, a->qkv, place(a, item, KEY, 0), step, turned);
    panel_product(p, rows_of(query, a->wide), turned, a->tokens, a->width, a->long_);
    turn(a, a->qkv, place(a, item, VALUE, 0), step, turned);
    panel_product(dp, rows_of(dout, a->wide), turned, a->tokens, a->width, a->long_);
    soften_back(a, item, dout, p, dp);
    panel_product(d, columns_of(p, a->long_), dout, a->tokens, a->tokens, a->wide);
    narrow(a, d, NULL, a->y, place(a, item, VALUE, 0), step);
    panel_product(d, columns_of(dp, a->long_), query, a->tokens, a->tokens, a->wide);
    narrow(a, d, NULL, a->y, place(a, item, KEY, 0), step);
    panel_product(d, rows_of(dp, a->long_), key, a->tokens, a->tokens, a->wide);
    narrow(a, d, NULL, a->y, place(a, item, QUERY, 0), step);
}

static void backward_span(const void *work, int64_t begin, int64_t end) {
    const attention *a = work;
    for (int64_t item = begin; item < end; item++) {
        backward_item(a, item, a->scratch + omp_get_thread_num() * a->floats);
    }
}

bool prepare_attention_grad(kd_device *device, const kd_node *node, void **ret_state,
                            size_t *ret_scratch, kd_error *err) {
    const attention a = attention_of(node, &node->inputs[1]);
    *ret_scratch = scratch_of(device, floats_of(&a, 4, 1, 2));
    return accept(node, 1, err);
}

void run_attention_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                        void *const *out, void *scratch) {
    attention a = attention_of(node, &node->inputs[1]);
    a.dout = in[0];
    a.qkv = in[1];
    a.out = in[2];
    a.lse = in[3];
    a.y = out[0];
    a.scratch = scratch;
    a.floats = floats_of(&a, 4, 1, 2);
    span_for(device, a.images * a.heads, grain_of(&a), backward_span, &a);
}
