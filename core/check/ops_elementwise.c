/* SPDX-License-Identifier: Apache-2.0
 * Cases of the elementwise ops and of the sources. */
#include "check/ops.h"

#include <math.h>

const double op_specials[OP_SPECIALS] = {0,         -0.0, 1,     -2.5, HUGE_VAL,
                                         -HUGE_VAL, NAN,  1e-15, 7,    -1e15};

static void affine(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_affine(in[0], c->number[0], c->number[1]);
}

static void cast(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_cast(in[0], (int32_t)c->arg[0]);
}

static void copy(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_emit1("copy", in[0]);
}

static void where(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_where(in[0], in[1], in[2]);
}

/* arg: dtype, rank, dims */
static void fill(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    kd_spec spec = {.dtype = (int32_t)c->arg[0], .rank = (int32_t)c->arg[1]};
    for (int i = 0; i < spec.rank; i++) {
        spec.dim[i] = c->arg[2 + i];
    }
    out[0] = kd_fill(s, spec, c->number[0]);
}

static void range(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_range(s, c->arg[0], c->arg[1]);
}

static void eye(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_eye(s, c->arg[0]);
}

/* x twice in one op: what lies over what must not matter. */
static kd_tensor *twice(kd_tensor *x) {
    return kd_mul(x, x);
}

static const double halves[] = {0.5, 1.5, -0.5, -1.5, 2.75, -2.75, 100.99};
/* Between two neighbours in bf16, on the even side, on the odd side, beside the middle, too large,
 * and subnormal. */
static const double bf16_ties[] = {1 + 0x1p-8,
                                   1 + 3 * 0x1p-8,
                                   1 + 0x1p-8 + 0x1p-20,
                                   -(1 + 0x1p-8),
                                   3.3e38,
                                   -3.4e38,
                                   0x1p-126 + 0x1p-134,
                                   0x1.8p-133,
                                   HUGE_VAL,
                                   -HUGE_VAL,
                                   NAN,
                                   0,
                                   -0.0};
static const double large_whole[] = {9007199254740993.0, -5, 0, 2147483647.0};
static const double flags[] = {0, 1, 1, 255, 0, 2};
static const double sums_to_same[] = {3, -3, 3, 4, 0, -3};

const op_case ops_elementwise_cases[] = {
    {"neg", .unary = kd_neg, .in = {{IN(ANY)}}},
    {"neg", .unary = kd_neg, .in = {{IN(2, 3)}}, .gradient = true},
    {"neg", "integers", .unary = kd_neg, .in = {{WHOLE(KD_I32, -9, 9, 13)}}},
    {"exp", .unary = kd_exp, .in = {{REAL(ANY), .low = -20, .high = 20}}},
    {"exp", .unary = kd_exp, .in = {{REAL(2, 3)}}, .gradient = true},
    {"exp", "large", .unary = kd_exp, .in = {{REAL(257, 1031), .low = -3, .high = 3}}},
    {"exp", "specials", .unary = kd_exp, .in = {{REAL(OP_SPECIALS), VALUES(op_specials)}}},
    {"log", .unary = kd_log, .in = {{REAL(ANY), .low = 1e-3, .high = 100}}},
    {"log", .unary = kd_log, .in = {{REAL(7), .low = 0.2, .high = 3}}, .gradient = true},
    {"log", "specials", .unary = kd_log, .in = {{REAL(OP_SPECIALS), VALUES(op_specials)}}},
    {"sqrt", .unary = kd_sqrt, .in = {{REAL(ANY), .low = 0, .high = 9}}},
    {"sqrt", .unary = kd_sqrt, .in = {{REAL(7), .low = 0.2, .high = 3}}, .gradient = true},
    {"sqrt", "specials", .unary = kd_sqrt, .in = {{REAL(OP_SPECIALS), VALUES(op_specials)}}},
    {"abs", .unary = kd_abs, .in = {{IN(ANY)}}},
    {"abs", .unary = kd_abs, .in = {{IN(9), .gap = 0.1}}, .gradient = true},
    {"abs", "specials", .unary = kd_abs, .in = {{IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"relu", .unary = kd_relu, .in = {{IN(ANY)}}},
    {"relu", "large", .unary = kd_relu, .in = {{IN(5, 23, 31, 64)}}},
    {"relu", .unary = kd_relu, .in = {{IN(9), .gap = 0.1}}, .gradient = true},
    {"relu", "specials", .unary = kd_relu, .in = {{IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"affine", .build = affine, .in = {{IN(ANY)}}, .number = {2.5, -0.75}},
    {"affine", .build = affine, .in = {{IN(5)}}, .number = {-3, 0.5}, .gradient = true},
    {"affine", "specials", .build = affine, .in = {{IN(OP_SPECIALS), VALUES(op_specials)}},
     .number = {2, 1}},
    {"stop_gradient", .unary = kd_stop_gradient, .in = {{IN(3, 5)}}},
    {"copy", .build = copy, .in = {{IN(ANY)}}},
    {"copy", .build = copy, .in = {{IN(2, 3)}}, .gradient = true},
    {"copy", "bytes", .build = copy, .in = {{WHOLE(KD_U8, 0, 256, 77)}}},

    {"cast", "real to bf16", .build = cast, .in = {{REAL(ANY)}}, .arg = {KD_BF16}},
    {"cast", "real to bf16, ties", .build = cast, .in = {{REAL(13), VALUES(bf16_ties)}},
     .arg = {KD_BF16}},
    {"cast", "from bf16", .build = cast,
     .in = {{.given = true, .type = KD_BF16, .rank = 2, .dim = {7, 9}}}, .arg = {KD_REAL}},
    {"cast", "real to i32 truncates", .build = cast, .in = {{REAL(14), VALUES(halves)}},
     .arg = {KD_I32}},
    {"cast", "u8 to real", .build = cast, .in = {{WHOLE(KD_U8, 0, 256, ANY)}}, .arg = {KD_REAL}},
    {"cast", "i32 to real", .build = cast, .in = {{WHOLE(KD_I32, -1000, 1000, 37)}},
     .arg = {KD_REAL}},
    {"cast", "i64 to i32", .build = cast, .in = {{WHOLE(KD_I64, -1000, 1000, 37)}},
     .arg = {KD_I32}},
    {"cast", "i32 to i64", .build = cast, .in = {{WHOLE(KD_I32, -1000, 1000, 37)}},
     .arg = {KD_I64}},
    {"cast", "real to u8", .build = cast, .in = {{REAL(37), .low = 0, .high = 255}},
     .arg = {KD_U8}},

    {"add", .binary = kd_add, .in = {{IN(ANY)}, {IN(ANY)}}},
    {"add", "large", .binary = kd_add, .in = {{IN(7, 37, 41, 32)}, {IN(7, 37, 41, 32)}}},
    {"add", "rows", .binary = kd_add, .in = {{IN(5, ANY)}, {IN(ANY)}}},
    {"add", "both ways", .binary = kd_add, .in = {{IN(3, 1, 5)}, {IN(4, 1)}}, .gradient = true},
    {"add", "to a scalar", .binary = kd_add, .in = {{SCALAR}, {IN(2, 3)}}, .gradient = true},
    {"add", "scalars", .binary = kd_add, .in = {{SCALAR}, {SCALAR}}, .gradient = true},
    {"add", "integers", .binary = kd_add,
     .in = {{WHOLE(KD_I32, -9, 9, 4, 5)}, {WHOLE(KD_I32, -9, 9, 5)}}},
    {"add", "specials", .binary = kd_add,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"add", "six axes", .binary = kd_add, .in = {{IN(2, 1, 3, 1, 2, 3)}, {IN(1, 3, 1, 2, 2, 1)}}},
    {"sub", .binary = kd_sub, .in = {{IN(ANY)}, {IN(ANY)}}},
    {"sub", "columns", .binary = kd_sub, .in = {{IN(6, 7)}, {IN(6, 1)}}, .gradient = true},
    {"sub", "from a row", .binary = kd_sub, .in = {{IN(7)}, {IN(3, 7)}}, .gradient = true},
    {"mul", .binary = kd_mul, .in = {{IN(ANY)}, {IN(ANY)}}},
    {"mul", "outer", .binary = kd_mul, .in = {{IN(4, 1)}, {IN(1, 7)}}, .gradient = true},
    {"mul", "channels", .binary = kd_mul, .in = {{IN(2, 3, 5, 17)}, {IN(17)}}},
    {"mul", "itself", .unary = twice, .in = {{IN(3, 5)}}, .gradient = true},
    {"mul", "empty and broadcast", .binary = kd_mul, .in = {{IN(0, 3)}, {IN(1, 3)}}},
    {"mul", "specials", .binary = kd_mul,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"div", .binary = kd_div, .in = {{IN(ANY)}, {IN(ANY), .low = 0.5, .high = 2}}},
    {"div", .binary = kd_div, .in = {{IN(3, 4)}, {IN(3, 1), .gap = 0.5}}, .gradient = true},
    {"div", "specials", .binary = kd_div,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"maximum", .binary = kd_maximum, .in = {{IN(ANY)}, {IN(ANY)}}},
    {"maximum", .binary = kd_maximum,
     .in = {{IN(3, 4), .distinct = true}, {IN(4), .distinct = true}}, .gradient = true},
    {"maximum", "specials", .binary = kd_maximum,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"greater", .binary = kd_greater, .in = {{IN(ANY)}, {IN(ANY)}}},
    {"greater", "specials", .binary = kd_greater,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"greater", "integers", .binary = kd_greater,
     .in = {{WHOLE(KD_I32, -3, 3, 17)}, {WHOLE(KD_I32, -3, 3, 17)}}},
    {"equal", "ties", .binary = kd_equal,
     .in = {{IN(6, 1), VALUES(sums_to_same)}, {IN(6), VALUES(sums_to_same)}}},
    {"equal", "specials", .binary = kd_equal,
     .in = {{IN(OP_SPECIALS, 1), VALUES(op_specials)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"equal", "i32", .binary = kd_equal,
     .in = {{WHOLE(KD_I32, 0, 5, 19, 1)}, {WHOLE(KD_I32, 0, 5, 1, 19)}}},
    {"equal", "i64", .binary = kd_equal,
     .in = {{WHOLE(KD_I64, 0, 5, 4, 1), VALUES(large_whole)},
            {WHOLE(KD_I64, 0, 5, 4), VALUES(large_whole)}}},
    {"equal", "u8", .binary = kd_equal,
     .in = {{WHOLE(KD_U8, 0, 3, ANY)}, {WHOLE(KD_U8, 0, 3, ANY)}}},
    {"where", .build = where, .in = {{WHOLE(KD_U8, 0, 2, ANY)}, {IN(ANY)}, {IN(ANY)}}},
    {"where", "any flag but 0", .build = where,
     .in = {{WHOLE(KD_U8, 0, 2, 6), VALUES(flags)}, {IN(6)}, {IN(6)}}, .gradient = true},
    {"where", "broadcast", .build = where, .in = {{WHOLE(KD_U8, 0, 2, 4, 5)}, {SCALAR}, {IN(5)}},
     .gradient = true},
    {"where", "integers", .build = where,
     .in = {{WHOLE(KD_U8, 0, 2, 3, 1)}, {WHOLE(KD_I32, 0, 9, 7)}, {WHOLE(KD_I32, 0, 9, 3, 7)}}},
    {"where", "hides what is not finite", .build = where,
     .in = {{WHOLE(KD_U8, 0, 2, OP_SPECIALS, 1)},
            {IN(OP_SPECIALS), VALUES(op_specials)},
            {IN(OP_SPECIALS)}}},

    {"fill", .build = fill, .arg = {KD_REAL, 2, 3, 37}, .number = {-1.25}},
    {"fill", "scalar", .build = fill, .arg = {KD_REAL, 0}, .number = {3}},
    {"fill", "empty", .build = fill, .arg = {KD_REAL, 2, 0, 5}, .number = {3}},
    {"fill", "infinite", .build = fill, .arg = {KD_REAL, 1, 19}, .number = {-HUGE_VAL}},
    {"fill", "i32", .build = fill, .arg = {KD_I32, 1, 19}, .number = {-7}},
    {"fill", "u8", .build = fill, .arg = {KD_U8, 1, 19}, .number = {1}},
    {"range", .build = range, .arg = {0, 37}},
    {"range", "from below zero", .build = range, .arg = {-5, 12}},
    {"range", "empty", .build = range, .arg = {4, 4}},
    {"equal", "eye", .build = eye, .arg = {7}},
    {NULL},
};
