/* SPDX-License-Identifier: Apache-2.0
 * Pure functions of tensors: one inline wrapper an op. A comment here is an op's definition; the
 * reference device (plugins/devices/reference) is the same definition as plain loops.
 *
 * Elementwise ops of several inputs broadcast as numpy does. "real" is the run's floating type. */
#ifndef KINDRED_OPS_H
#define KINDRED_OPS_H

#include <kindred/graph.h>

static inline kd_tensor *kd_emit(const char *op, kd_tensor *const *in, uint32_t n_in,
                                 const kd_attr *attrs, uint32_t n_attrs) {
    kd_tensor *out = NULL;
    in[0]->api->emit(NULL, op, in, n_in, attrs, n_attrs, &out, 1);
    return out;
}

static inline kd_tensor *kd_emit1(const char *op, kd_tensor *x) {
    return kd_emit(op, &x, 1, NULL, 0);
}

static inline kd_tensor *kd_emit2(const char *op, kd_tensor *a, kd_tensor *b) {
    return kd_emit(op, (kd_tensor *[]){a, b}, 2, NULL, 0);
}

static inline kd_tensor *kd_neg(kd_tensor *x) {
    return kd_emit1("neg", x);
}
static inline kd_tensor *kd_exp(kd_tensor *x) {
    return kd_emit1("exp", x);
}
static inline kd_tensor *kd_log(kd_tensor *x) {
    return kd_emit1("log", x);
}
static inline kd_tensor *kd_sqrt(kd_tensor *x) {
    return kd_emit1("sqrt", x);
}
static inline kd_tensor *kd_abs(kd_tensor *x) {
    return kd_emit1("abs", x);
}
static inline kd_tensor *kd_relu(kd_tensor *x) {
    return kd_emit1("relu", x);
}
/* x Phi(x), Phi the normal distribution function: exact, by erf. In f32 whatever the type of x.
 * Its gradient is the op gelu_grad(dy, x) = dy (Phi(x) + x phi(x)). */
static inline kd_tensor *kd_gelu(kd_tensor *x) {
    return kd_emit1("gelu", x);
}
static inline kd_tensor *kd_add(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("add", a, b);
}
static inline kd_tensor *kd_sub(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("sub", a, b);
}
static inline kd_tensor *kd_mul(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("mul", a, b);
}
static inline kd_tensor *kd_div(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("div", a, b);
}
/* The larger; where equal, the gradient goes to a. */
static inline kd_tensor *kd_maximum(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("maximum", a, b);
}
/* u8: 1 where it holds. No gradient. */
static inline kd_tensor *kd_greater(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("greater", a, b);
}
static inline kd_tensor *kd_equal(kd_tensor *a, kd_tensor *b) {
    return kd_emit2("equal", a, b);
}
/* a where condition (u8) is not 0, else b. */
static inline kd_tensor *kd_where(kd_tensor *condition, kd_tensor *a, kd_tensor *b) {
    return kd_emit("where", (kd_tensor *[]){condition, a, b}, 3, NULL, 0);
}
/* scale * x + shift. */
static inline kd_tensor *kd_affine(kd_tensor *x, double scale, double shift) {
    return kd_emit("affine", &x, 1, (kd_attr[]){KD_F("scale", scale), KD_F("shift", shift)}, 2);
}
static inline kd_tensor *kd_scale(kd_tensor *x, double scale) {
    return kd_affine(x, scale, 0);
}
/* Rounds to nearest even when narrowing floats; truncates floats to integers. */
static inline kd_tensor *kd_cast(kd_tensor *x, int32_t dtype) {
    return kd_emit("cast", &x, 1, (kd_attr[]){KD_I("dtype", dtype)}, 1);
}
/* x itself; no gradient flows through it. */
static inline kd_tensor *kd_stop_gradient(kd_tensor *x) {
    return kd_emit1("stop_gradient", x);
}

/* Every element `value`; spec.dtype KD_REAL for real. */
static inline kd_tensor *kd_fill(kd_scope s, kd_spec spec, double value) {
    kd_tensor *out = NULL;
    const kd_attr attrs[] = {KD_IS("dims", spec.dim, spec.rank), KD_I("dtype", spec.dtype),
                             KD_F("value", value)};
    s->api->emit(s, "fill", NULL, 0, attrs, 3, &out, 1);
    return out;
}
static inline kd_tensor *kd_scalar(kd_scope s, double value) {
    return kd_fill(s, (kd_spec){.dtype = KD_REAL}, value);
}
static inline kd_tensor *kd_fill_like(kd_tensor *x, double value) {
    return kd_fill(x->api->scope_of(x), kd_spec_of(x), value);
}
/* i32 [stop - start]: start, start + 1, ... */
static inline kd_tensor *kd_range(kd_scope s, int64_t start, int64_t stop) {
    kd_tensor *out = NULL;
    s->api->emit(s, "range", NULL, 0, (kd_attr[]){KD_I("start", start), KD_I("stop", stop)}, 2,
                 &out, 1);
    return out;
}
/* The listed values, in order; spec.dtype KD_REAL or KD_I32. No gradient. */
static inline kd_tensor *kd_constant(kd_scope s, kd_spec spec, const double *values) {
    kd_tensor *out = NULL;
    int64_t count = 1;
    for (int i = 0; i < spec.rank; i++) {
        count *= spec.dim[i];
    }
    const kd_attr attrs[] = {KD_IS("dims", spec.dim, spec.rank), KD_I("dtype", spec.dtype),
                             KD_FS("values", values, count)};
    s->api->emit(s, "constant", NULL, 0, attrs, 3, &out, 1);
    return out;
}
/* Real, even in [0, 1), at most 2^34: element i is kd_uniform (kindred/philox.h) of word i % 4 of
 * Philox with key[0] as the key and (i / 4, stream, low half of key[1], high half of key[1]) as the
 * counter. So it is a function of key (i64 [2]: seed, step), stream and i alone; two draws that
 * should differ need two streams. No gradient. */
static inline kd_tensor *kd_random(kd_tensor *key, uint32_t stream, int rank, const int64_t *dims) {
    return kd_emit("random", &key, 1,
                   (kd_attr[]){KD_I("stream", stream), KD_IS("dims", dims, rank)}, 2);
}
/* A stream's number from its name (FNV-1a). */
static inline uint32_t kd_stream(const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}
/* u8 [n, n]: 1 on the diagonal. */
static inline kd_tensor *kd_eye(kd_scope s, int64_t n);

static inline kd_tensor *kd_reshape(kd_tensor *x, int rank, const int64_t *dims) {
    return kd_emit("reshape", &x, 1, (kd_attr[]){KD_IS("dims", dims, rank)}, 1);
}
#define KD_RESHAPE(x, ...)                                                                         \
    kd_reshape((x), (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                     \
               (int64_t[]){__VA_ARGS__})
/* out.dim[i] = x.dim[order[i]] */
static inline kd_tensor *kd_permute(kd_tensor *x, const int64_t *order) {
    return kd_emit("transpose", &x, 1, (kd_attr[]){KD_IS("order", order, kd_rank(x))}, 1);
}
/* Of a matrix. */
static inline kd_tensor *kd_transpose(kd_tensor *x) {
    return kd_permute(x, (int64_t[]){1, 0});
}
static inline kd_tensor *kd_broadcast(kd_tensor *x, int rank, const int64_t *dims) {
    return kd_emit("broadcast", &x, 1, (kd_attr[]){KD_IS("dims", dims, rank)}, 1);
}
/* Elements [start, stop) along one axis. */
static inline kd_tensor *kd_slice(kd_tensor *x, int axis, int64_t start, int64_t stop) {
    return kd_emit("slice", &x, 1,
                   (kd_attr[]){KD_I("axis", axis), KD_I("start", start), KD_I("stop", stop)}, 3);
}
/* Zeros before and after along one axis. */
static inline kd_tensor *kd_pad(kd_tensor *x, int axis, int64_t before, int64_t after) {
    return kd_emit("pad", &x, 1,
                   (kd_attr[]){KD_I("axis", axis), KD_I("before", before), KD_I("after", after)},
                   3);
}
static inline kd_tensor *kd_concat(kd_tensor *a, kd_tensor *b, int axis) {
    return kd_emit("concat", (kd_tensor *[]){a, b}, 2, (kd_attr[]){KD_I("axis", axis)}, 1);
}
static inline kd_tensor *kd_concat_all(kd_tensor *const *in, uint32_t count, int axis) {
    return kd_emit("concat", in, count, (kd_attr[]){KD_I("axis", axis)}, 1);
}
/* x [rows, ...], indices i32 [k] -> [k, ...]. An index outside the rows is a caller's mistake. */
static inline kd_tensor *kd_gather(kd_tensor *x, kd_tensor *indices) {
    return kd_emit2("gather", x, indices);
}
/* indices i32 [k], source [k, ...] -> [rows, ...]: zeros, plus each source row at its index. */
static inline kd_tensor *kd_scatter_add(kd_tensor *indices, kd_tensor *source, int64_t rows) {
    return kd_emit("scatter_add", (kd_tensor *[]){indices, source}, 2,
                   (kd_attr[]){KD_I("rows", rows)}, 1);
}

/* base [rows, ...] with row indices[i] (i32 [k]) replaced by source [k, ...] row i; of equal
 * indices the last one wins. Assigned to the state that is its base, it writes those rows in place.
 * No gradient. */
static inline kd_tensor *kd_scatter_rows(kd_tensor *base, kd_tensor *indices, kd_tensor *source) {
    return kd_emit("scatter_rows", (kd_tensor *[]){base, indices, source}, 3, NULL, 0);
}

/* Over the listed axes, which disappear (keep: become 1). count 0: over all, giving []. */
static inline kd_tensor *kd_sum_axes(kd_tensor *x, const int64_t *axes, int count, bool keep) {
    return kd_emit("sum", &x, 1, (kd_attr[]){KD_IS("axes", axes, count), KD_I("keep", keep)}, 2);
}
static inline kd_tensor *kd_sum(kd_tensor *x) {
    return kd_sum_axes(x, NULL, 0, false);
}
static inline kd_tensor *kd_mean(kd_tensor *x) {
    const kd_spec spec = kd_spec_of(x);
    int64_t count = 1;
    for (int i = 0; i < spec.rank; i++) {
        count *= spec.dim[i];
    }
    return kd_scale(kd_sum(x), 1.0 / (double)count);
}
/* Over the listed axes, as sum. No gradient. */
static inline kd_tensor *kd_max_axes(kd_tensor *x, const int64_t *axes, int count, bool keep) {
    return kd_emit("max", &x, 1, (kd_attr[]){KD_IS("axes", axes, count), KD_I("keep", keep)}, 2);
}
/* Along the last axis: x [..., k] -> i32 [...]; the first of equals. */
static inline kd_tensor *kd_argmax(kd_tensor *x) {
    return kd_emit1("argmax", x);
}
/* Along the last axis: values [..., k] and indices i32 [..., k], largest first, the lower index
 * first among equals. No gradient. */
static inline void kd_top_k(kd_tensor *x, int64_t k, kd_tensor **ret_values,
                            kd_tensor **ret_indices) {
    kd_tensor *out[2] = {NULL, NULL};
    x->api->emit(NULL, "top_k", &x, 1, (kd_attr[]){KD_I("k", k)}, 1, out, 2);
    *ret_values = out[0];
    *ret_indices = out[1];
}
/* Along the last axis, with the row's maximum subtracted first. */
static inline kd_tensor *kd_softmax(kd_tensor *x) {
    return kd_emit1("softmax", x);
}
static inline kd_tensor *kd_log_softmax(kd_tensor *x) {
    return kd_emit1("log_softmax", x);
}

/* [m, k] @ [k, n], or [b, m, k] @ [b, k, n]; a flag transposes its last two axes first. Runs in the
 * real type; the attribute `native` (1) keeps bf16 operands, accumulating in f32, as a layer does;
 * the attribute `dtype` names the type of the output (default: the operands'). */
static inline kd_tensor *kd_matmul_with(kd_tensor *a, kd_tensor *b, bool transpose_a,
                                        bool transpose_b) {
    return kd_emit("matmul", (kd_tensor *[]){a, b}, 2,
                   (kd_attr[]){KD_I("transpose_a", transpose_a), KD_I("transpose_b", transpose_b)},
                   2);
}
static inline kd_tensor *kd_matmul(kd_tensor *a, kd_tensor *b) {
    return kd_matmul_with(a, b, false, false);
}

/* Attention of `heads` heads over tokens. qkv [b, t, 3 c] holds queries, keys and values one after
 * the other, each [heads, c / heads], as timm's and torch's fused projections do (element
 * (k heads + head) c / heads + i of a token). Of each head: P = softmax(scale Q K'), out = P V,
 * [b, t, c], in the type of qkv. lse [b, heads, t], real, is log(sum(exp(scale q . k))) of each
 * row: all that the gradient needs beside qkv and out. Products take operands of qkv's type and
 * accumulate in real, where softmax is too; P may be rounded to qkv's type before it is multiplied.
 * Its gradient is the op attention_grad(dout, qkv, out, lse) {heads, scale} -> dqkv. */
static inline kd_tensor *kd_attention_with(kd_tensor *qkv, int64_t heads, double scale) {
    kd_tensor *out[2] = {NULL, NULL};
    qkv->api->emit(NULL, "attention", &qkv, 1,
                   (kd_attr[]){KD_I("heads", heads), KD_F("scale", scale)}, 2, out, 2);
    return out[0];
}

/* Ops that layers and gradients emit by name:
 *
 * layer_norm(x [..., c], gamma [c], beta [c]) {eps} -> y, mean [...], inv_std [...]: over the last
 *   axis, y = gamma (x - mean) inv_std + beta, biased variance, inv_std = 1 / sqrt(variance + eps).
 *   y has the type of x; the rest is real.
 * layer_norm_grad(dy, x, gamma, mean, inv_std) -> dx, dgamma, dbeta
 * cross_entropy(logits [rows, classes], target) -> loss [rows], sums [rows, 2]: of each row -log p
 *   [label], or -sum target log p, p = softmax(logits); all real. target: labels i32 [rows], of
 *   which one outside of the classes is a caller's mistake, or shares real [rows, classes]. sums:
 *   max(logits) and log(sum(exp(logits - max))), all that the gradient needs: p is never stored. No
 *   gradient flows into target.
 * cross_entropy_grad(dloss, logits, target, sums) -> dlogits
 * conv2d(x [n, h, w, c], weight [o, kh, kw, c]) {stride, padding} -> [n, h', w', o], cross-
 *   correlation, h' = (h + 2 padding - kh) / stride + 1. Both of one type; the output too.
 * conv2d_input_grad(dy, weight) {stride, padding, height, width} -> [n, height, width, c]
 * conv2d_weight_grad(x, dy) {stride, padding, kernel_height, kernel_width} -> real
 *   [o, kh, kw, c], accumulated in real
 * max_pool2d(x) {kernel, stride, padding} -> y [n, h', w', c], where u8 [n, h', w', c]: position
 *   ky * kernel + kx of the first maximum in its window; padding never wins
 * max_pool2d_grad(dy, where) {kernel, stride, padding, height, width} -> [n, height, width, c]
 * batch_norm(x [..., c], gamma [c], beta [c], running_mean [c], running_var [c], residual?)
 *   {eps, momentum, relu} -> y, mean [c], inv_std [c], new_running_mean [c], new_running_var [c]:
 *   z = gamma (x - mean) inv_std + beta (+ residual), y = relu ? max(z, 0) : z, mean and biased
 *   variance over all but the last axis, inv_std = 1 / sqrt(variance + eps); running' =
 *   (1 - momentum) running + momentum batch, with the unbiased variance. Statistics and the small
 *   vectors are real whatever the type of x and y.
 * batch_norm_grad(dy, x, y, gamma, mean, inv_std) {relu} -> dx, dgamma, dbeta (, dresidual when
 *   four outputs are asked for). With relu, dy counts where y > 0.
 * batch_norm_grad_from_x(dy, x, beta, gamma, mean, inv_std) {relu} -> dx, dgamma, dbeta, of a norm
 *   without residual. With relu, dy counts where z > 0, z made again from x.
 * batch_norm_grad_of_sum(dy, x, y, gamma, mean, inv_std, dy') {relu} -> dx, dgamma, dbeta,
 *   dresidual: batch_norm_grad of dy + dy'.
 *   No graph says these two: the host puts them for batch_norm_grad, and for the add before it,
 *   where the device has kernels for them.
 * wide_sum(x) {axes, keep} -> real: sum(cast(x)), of which no cast is made
 * matmul_bias(a, b, bias [n]) {transpose_a, transpose_b} -> [m, n]: matmul(a, b) + bias, k not 0
 * batch_norm_in_place: batch_norm, whose last two outputs lie where running_mean and running_var do
 * cast_all(x, x', ...) -> cast(x), cast(x'), ...: any number of f32 (f64) tensors to bf16
 *   No graph says these either; the host puts them for sum, add, batch_norm and casts of variables.
 * batch_norm_inference(x, gamma, beta, running_mean, running_var, residual?) {eps, relu} -> y
 * copy(x) -> x in memory of its own
 * augment, narrow_augment: see kindred/augment.h     sgd, lars, adamw: see kindred/update.h */

static inline kd_tensor *kd_eye(kd_scope s, int64_t n) {
    kd_tensor *row = kd_range(s, 0, n);
    return kd_equal(KD_RESHAPE(row, n, 1), KD_RESHAPE(row, 1, n));
}

#endif
