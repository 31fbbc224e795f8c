/* SPDX-License-Identifier: Apache-2.0
 * Cases of reductions, of the softmax family, and of losses made of them. */
#include "check/ops.h"

#include <math.h>

/* arg: keep, count, axes */
static void sum(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_sum_axes(in[0], c->arg + 2, (int)c->arg[1], c->arg[0] != 0);
}

static void wide_sum(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_IS("axes", c->arg + 2, (uint32_t)c->arg[1]),
                             KD_I("keep", c->arg[0])};
    out[0] = kd_emit("wide_sum", in, 1, attrs, 2);
}

static void max(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_max_axes(in[0], c->arg + 2, (int)c->arg[1], c->arg[0] != 0);
}

/* arg: k */
static void top_k(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    kd_top_k(in[0], c->arg[0], &out[0], &out[1]);
}

static const double ties[] = {1, 3, 3, -1, 3, 2, 3};
static const double with_infinite[] = {1, -HUGE_VAL, 2, 3, -HUGE_VAL};
static const double far[] = {1000, 1001, -1000, 999};
static const double with_nan[] = {1, NAN, 2, HUGE_VAL, -1, 0, -HUGE_VAL};

static void cross_entropy(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    s->api->emit(s, "cross_entropy", in, 2, NULL, 0, out, 2);
}

static kd_tensor *losses(kd_tensor *logits, kd_tensor *target) {
    return kd_emit("cross_entropy", (kd_tensor *[]){logits, target}, 2, NULL, 0);
}

static void cross_entropy_grad(const op_case *c, kd_scope s, kd_tensor *const *in,
                               kd_tensor **out) {
    s->api->emit(s, "cross_entropy_grad", in, 4, NULL, 0, out, 1);
}

/* No gradient flows into the target, so it is no input of a gradient's check. */
static const double shares[] = {0.1, 0.5, 0, 0.4, 1, 0, 0.25, 0, 0.3, 0.3, 0.3, 0.4};

static kd_tensor *shares_of_constants(kd_tensor *logits) {
    kd_scope s = logits->api->scope_of(logits);
    return kd_soft_cross_entropy(logits, kd_constant(s, kd_spec_of(logits), shares));
}

static void soft_cross_entropy(const op_case *c, kd_scope s, kd_tensor *const *in,
                               kd_tensor **out) {
    out[0] = kd_soft_cross_entropy(in[0], in[1]);
}

const op_case ops_reduce_cases[] = {
    {"sum", "all", .unary = kd_sum, .in = {{REAL(ANY)}}},
    {"sum", "a scalar", .unary = kd_sum, .in = {{.given = true}}, .gradient = true},
    {"sum", "rows", .build = sum, .in = {{REAL(5, ANY)}}, .arg = {0, 1, 1}},
    {"sum", "columns", .build = sum, .in = {{REAL(ANY, 5)}}, .arg = {0, 1, 0}},
    {"sum", "columns, kept", .build = sum, .in = {{REAL(4, 3)}}, .arg = {1, 1, 0},
     .gradient = true},
    {"sum", "middle", .build = sum, .in = {{REAL(2, 3, 4)}}, .arg = {0, 1, 1}, .gradient = true},
    {"sum", "two axes", .build = sum, .in = {{REAL(2, 3, 4, 5)}}, .arg = {0, 2, 1, 2},
     .gradient = true},
    {"sum", "outer axes, from the end", .build = sum, .in = {{REAL(3, 4, 5)}},
     .arg = {1, 2, -1, 0}},
    {"sum", "six axes", .build = sum, .in = {{REAL(2, 3, 2, 3, 2, 3)}}, .arg = {0, 3, 0, 2, 5}},
    {"sum", "large", .unary = kd_sum, .in = {{REAL(401, 1013), .low = 0, .high = 1}}},
    {"sum", "over nothing", .build = sum, .in = {{REAL(0, 3)}}, .arg = {0, 1, 0}},
    {"sum", "specials", .build = sum, .in = {{REAL(OP_SPECIALS, 1), VALUES(op_specials)}},
     .arg = {0, 1, 1}},
    {"wide_sum", "all", .build = wide_sum, .in = {{IN(ANY)}}},
    {"wide_sum", "rows", .build = wide_sum, .in = {{IN(5, ANY)}}, .arg = {0, 1, 1}},
    {"wide_sum", "columns", .build = wide_sum, .in = {{IN(ANY, 5)}}, .arg = {0, 1, 0}},
    {"wide_sum", "columns, kept", .build = wide_sum, .in = {{IN(70, 16)}}, .arg = {1, 1, 0}},
    {"wide_sum", "two axes", .build = wide_sum, .in = {{IN(2, 3, 4, 5)}}, .arg = {0, 2, 1, 2}},
    {"wide_sum", "all but the last", .build = wide_sum, .in = {{IN(9, 4, 5, 24)}},
     .arg = {0, 3, 0, 1, 2}},
    {"wide_sum", "large", .build = wide_sum, .in = {{IN(4013, 136), .low = 0, .high = 1}},
     .arg = {0, 1, 0}},
    {"wide_sum", "over nothing", .build = wide_sum, .in = {{IN(0, 3)}}, .arg = {0, 1, 0}},

    {"sum", "mean", .unary = kd_mean, .in = {{REAL(7, 11)}}, .gradient = true},
    {"max", "rows", .build = max, .in = {{IN(5, 37)}}, .arg = {0, 1, 1}},
    {"max", "columns, kept", .build = max, .in = {{IN(37, 5)}}, .arg = {1, 1, 0}},
    {"max", "all", .build = max, .in = {{IN(ANY), .low = -9, .high = -1}}, .arg = {0, 0}},
    {"max", "keeps NaN", .build = max, .in = {{IN(7, 7), VALUES(with_nan)}}, .arg = {0, 1, 1}},
    {"max", "infinite", .build = max, .in = {{IN(5), VALUES(with_infinite)}}, .arg = {0, 0}},
    {"argmax", .unary = kd_argmax, .in = {{IN(ANY, 13)}}},
    {"argmax", "long rows", .unary = kd_argmax, .in = {{IN(3, 1009)}}},
    {"argmax", "first of equals", .unary = kd_argmax, .in = {{IN(4, 7), VALUES(ties)}}},
    {"argmax", "longer rows", .unary = kd_argmax, .in = {{IN(3, 2501)}}},
    {"argmax", "one", .unary = kd_argmax, .in = {{IN(5, 1)}}},
    {"argmax", "vector", .unary = kd_argmax, .in = {{IN(17)}}},
    {"argmax", "infinite", .unary = kd_argmax, .in = {{IN(5), VALUES(with_infinite)}}},
    {"top_k", .build = top_k, .in = {{REAL(ANY, 13)}}, .arg = {5}},
    {"top_k", "lower index first", .build = top_k, .in = {{REAL(4, 7), VALUES(ties)}}, .arg = {6}},
    {"top_k", "all", .build = top_k, .in = {{REAL(3, 9)}}, .arg = {9}},
    {"top_k", "largest", .build = top_k, .in = {{REAL(3, 1009)}}, .arg = {1}},
    {"top_k", "many", .build = top_k, .in = {{REAL(3, 1009)}}, .arg = {200}},
    {"top_k", "infinite", .build = top_k, .in = {{REAL(5), VALUES(with_infinite)}}, .arg = {4}},
    {"top_k", "many ties", .build = top_k, .in = {{REAL(2, 700), VALUES(ties)}}, .arg = {333}},
    {"top_k", "a thousand and more", .build = top_k, .in = {{REAL(2, 1601), VALUES(ties)}},
     .arg = {1300}},
    {"top_k", "all of thousands", .build = top_k, .in = {{REAL(2501)}}, .arg = {2501}},
    {"softmax", .unary = kd_softmax, .in = {{REAL(ANY, 13), .low = -5, .high = 5}}},
    {"softmax", .unary = kd_softmax, .in = {{REAL(3, 4)}}, .gradient = true},
    {"softmax", "vector", .unary = kd_softmax, .in = {{REAL(1009)}}},
    {"softmax", "long rows", .unary = kd_softmax, .in = {{REAL(3, 2053), .low = -9, .high = 9}}},
    {"softmax", "far from zero", .unary = kd_softmax, .in = {{REAL(2, 4), VALUES(far)}}},
    {"softmax", "masked", .unary = kd_softmax, .in = {{REAL(2, 5), VALUES(with_infinite)}}},
    {"softmax", "one column", .unary = kd_softmax, .in = {{REAL(5, 1)}}},
    {"softmax", "four axes", .unary = kd_softmax, .in = {{REAL(2, 3, 5, 7)}}},
    {"log_softmax", .unary = kd_log_softmax, .in = {{REAL(ANY, 13), .low = -5, .high = 5}}},
    {"log_softmax", .unary = kd_log_softmax, .in = {{REAL(3, 4)}}, .gradient = true},
    {"log_softmax", "far from zero", .unary = kd_log_softmax, .in = {{REAL(2, 4), VALUES(far)}}},
    {"log_softmax", "masked", .unary = kd_log_softmax, .in = {{REAL(2, 5), VALUES(with_infinite)}}},
    {"log_softmax", "long rows", .unary = kd_log_softmax,
     .in = {{REAL(64, 511), .low = -9, .high = 9}}},
    {"log_softmax", "NaN", .unary = kd_log_softmax, .in = {{REAL(2, 7), VALUES(with_nan)}}},
    {"cross_entropy", "mean", .binary = kd_cross_entropy,
     .in = {{REAL(6, 5), .low = -3, .high = 3}, {WHOLE(KD_I32, 0, 5, 6)}}, .gradient = true},
    {"cross_entropy", .build = cross_entropy,
     .in = {{REAL(ANY, 13), .low = -5, .high = 5}, {WHOLE(KD_I32, 0, 13, ANY)}}},
    {"cross_entropy", "long rows", .build = cross_entropy,
     .in = {{REAL(3, 2053), .low = -9, .high = 9}, {WHOLE(KD_I32, 0, 2053, 3)}}},
    {"cross_entropy", "one class", .build = cross_entropy,
     .in = {{REAL(5, 1)}, {WHOLE(KD_I32, 0, 1, 5)}}},
    {"cross_entropy", "far from zero", .build = cross_entropy,
     .in = {{REAL(2, 4), VALUES(far)}, {WHOLE(KD_I32, 0, 4, 2)}}},
    {"cross_entropy", "masked", .build = cross_entropy,
     .in = {{REAL(2, 5), VALUES(with_infinite)}, {WHOLE(KD_I32, 0, 5, 2)}}},
    {"cross_entropy", "NaN, without sums", .binary = losses,
     .in = {{REAL(2, 7), VALUES(with_nan)}, {WHOLE(KD_I32, 0, 7, 2)}}},
    {"cross_entropy", "soft mean", .build = soft_cross_entropy,
     .in = {{REAL(6, 5), .low = -3, .high = 3}, {REAL(6, 5), .low = 0.1, .high = 1}}},
    {"cross_entropy", "shares", .build = cross_entropy,
     .in = {{REAL(ANY, 13), .low = -5, .high = 5}, {REAL(ANY, 13), .low = 0, .high = 0.2}}},
    {"cross_entropy", "shares, long rows", .build = cross_entropy,
     .in = {{REAL(3, 2053), .low = -9, .high = 9}, {REAL(3, 2053), .low = 0, .high = 1e-3}}},
    {"cross_entropy", "shares, by logits", .unary = shares_of_constants,
     .in = {{REAL(3, 4), .low = -3, .high = 3}}, .gradient = true},
    {"cross_entropy_grad", .build = cross_entropy_grad,
     .in = {{REAL(ANY)},
            {REAL(ANY, 13), .low = -5, .high = 5},
            {WHOLE(KD_I32, 0, 13, ANY)},
            {REAL(ANY, 2), .low = 1, .high = 5}}},
    {"cross_entropy_grad", "long rows", .build = cross_entropy_grad,
     .in = {{REAL(3)},
            {REAL(3, 2053), .low = -9, .high = 9},
            {WHOLE(KD_I32, 0, 2053, 3)},
            {REAL(3, 2), .low = 7, .high = 9}}},
    {"cross_entropy_grad", "shares", .build = cross_entropy_grad,
     .in = {{REAL(ANY)},
            {REAL(ANY, 13), .low = -5, .high = 5},
            {REAL(ANY, 13), .low = 0, .high = 0.2},
            {REAL(ANY, 2), .low = 1, .high = 5}}},
    {"cross_entropy_grad", "shares, long rows", .build = cross_entropy_grad,
     .in = {{REAL(3)},
            {REAL(3, 2053), .low = -9, .high = 9},
            {REAL(3, 2053), .low = 0, .high = 1e-3},
            {REAL(3, 2), .low = 7, .high = 9}}},
    {"argmax", "accuracy", .binary = kd_accuracy, .in = {{REAL(31, 5)}, {WHOLE(KD_I32, 0, 5, 31)}}},
    {"sum", "l2_normalize", .unary = kd_l2_normalize, .in = {{REAL(4, 9)}}, .gradient = true},
    {"sum", "mean_pool2d", .unary = kd_mean_pool2d, .in = {{REAL(2, 3, 5, 7)}}, .gradient = true},
    {NULL},
};
