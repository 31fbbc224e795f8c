/* SPDX-License-Identifier: Apache-2.0
 * Cases of attention, layer normalisation and GELU, and of constants and random numbers. */
#include "check/ops.h"

/* number: eps */
static void layer_norm(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    s->api->emit(s, "layer_norm", in, 3, (kd_attr[]){KD_F("eps", c->number[0])}, 1, out, 3);
}

static void layer_norm_grad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    s->api->emit(s, "layer_norm_grad", in, 5, NULL, 0, out, 3);
}

/* arg: heads; number: scale */
static void attention(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("heads", c->arg[0]), KD_F("scale", c->number[0])};
    s->api->emit(s, "attention", in, 1, attrs, 2, out, 2);
}

static void attention_alone(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_attention_with(in[0], c->arg[0], c->number[0]);
    kd_tensor *only = NULL;
    const kd_attr attrs[] = {KD_I("heads", c->arg[0]), KD_F("scale", c->number[0])};
    s->api->emit(s, "attention", in, 1, attrs, 2, &only, 1);
    out[1] = only;
}

static void attention_grad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("heads", c->arg[0]), KD_F("scale", c->number[0])};
    s->api->emit(s, "attention_grad", in, 4, attrs, 2, out, 1);
}

static kd_tensor *gelu_grad(kd_tensor *dy, kd_tensor *x) {
    return kd_emit2("gelu_grad", dy, x);
}

static const double listed[] = {0.1, -2.5, 3e10, 1e-30, 7, -0.0};

/* arg: dtype, rank, dims */
static void constant(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    kd_spec spec = {.dtype = (int32_t)c->arg[0], .rank = (int32_t)c->arg[1]};
    for (int i = 0; i < spec.rank; i++) {
        spec.dim[i] = c->arg[2 + i];
    }
    out[0] = kd_constant(s, spec, listed);
}

/* arg: stream, rank, dims */
static void random(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_random(in[0], (uint32_t)c->arg[0], (int)c->arg[1], &c->arg[2]);
}

static const double keys[] = {9007199254740992.0, 4294967296.0 * 3 + 5};
static const double whole[] = {3, -7};

#define KEY WHOLE(KD_I64, 0, 9, 2), VALUES(keys)

const op_case ops_attention_cases[] = {
    {"gelu", .unary = kd_gelu, .in = {{IN(ANY), .low = -6, .high = 6}}},
    {"gelu", .unary = kd_gelu, .in = {{IN(2, 5), .low = -3, .high = 3}}, .gradient = true},
    {"gelu", "large", .unary = kd_gelu, .in = {{IN(257, 1031), .low = -6, .high = 6}}},
    {"gelu", "small", .unary = kd_gelu, .in = {{IN(777), .low = -1e-3, .high = 1e-3}}},
    {"gelu", "far below", .unary = kd_gelu, .in = {{IN(777), .low = -6, .high = -4}}},
    {"gelu", "farther below", .unary = kd_gelu, .in = {{IN(777), .low = -12, .high = -9}}},
    {"gelu", "specials", .unary = kd_gelu, .in = {{IN(OP_SPECIALS), VALUES(op_specials)}}},
    {"gelu_grad", .binary = gelu_grad, .in = {{IN(ANY)}, {IN(ANY), .low = -6, .high = 6}}},
    {"gelu_grad", "large", .binary = gelu_grad,
     .in = {{IN(129, 1031)}, {IN(129, 1031), .low = -6, .high = 6}}},
    {"gelu_grad", "far below", .binary = gelu_grad,
     .in = {{IN(777)}, {IN(777), .low = -6, .high = -4}}},
    {"gelu_grad", "farther below", .binary = gelu_grad,
     .in = {{IN(777)}, {IN(777), .low = -12, .high = -9}}},
    {"gelu_grad", "specials", .binary = gelu_grad,
     .in = {{IN(OP_SPECIALS)}, {IN(OP_SPECIALS), VALUES(op_specials)}}},

    {"layer_norm", .build = layer_norm, .in = {{IN(3, 5)}, {REAL(5)}, {REAL(5)}}, .number = {1e-6},
     .gradient = true},
    {"layer_norm", "three axes", .build = layer_norm, .in = {{IN(2, 2, 4)}, {REAL(4)}, {REAL(4)}},
     .number = {1e-2}, .gradient = true},
    {"layer_norm", "one row", .build = layer_norm, .in = {{IN(6)}, {REAL(6)}, {REAL(6)}},
     .number = {1e-6}, .gradient = true},
    {"layer_norm", "any rows", .build = layer_norm, .in = {{IN(ANY, 33)}, {REAL(33)}, {REAL(33)}},
     .number = {1e-6}},
    {"layer_norm", "one channel", .build = layer_norm, .in = {{IN(7, 1)}, {REAL(1)}, {REAL(1)}},
     .number = {1e-2}},
    {"layer_norm", "wide", .build = layer_norm,
     .in = {{IN(3, 67, 384), .low = 2, .high = 5}, {REAL(384)}, {REAL(384)}}, .number = {1e-6}},
    {"layer_norm", "long rows", .build = layer_norm,
     .in = {{IN(3, 4104), .low = 2, .high = 5}, {REAL(4104)}, {REAL(4104)}}, .number = {1e-6}},
    {"layer_norm", "specials", .build = layer_norm,
     .in = {{IN(4, OP_SPECIALS), VALUES(op_specials)}, {REAL(OP_SPECIALS)}, {REAL(OP_SPECIALS)}},
     .number = {1e-6}},
    {"layer_norm_grad", .build = layer_norm_grad,
     .in = {{IN(ANY, 17)},
            {IN(ANY, 17)},
            {REAL(17)},
            {REAL(ANY)},
            {REAL(ANY), .low = 0.5, .high = 2}}},
    {"layer_norm_grad", "long rows", .build = layer_norm_grad,
     .in =
         {{IN(3, 4104)}, {IN(3, 4104)}, {REAL(4104)}, {REAL(3)}, {REAL(3), .low = 0.5, .high = 2}}},
    {"layer_norm_grad", "wide", .build = layer_norm_grad,
     .in = {{IN(3, 67, 384)},
            {IN(3, 67, 384)},
            {REAL(384)},
            {REAL(3, 67)},
            {REAL(3, 67), .low = 0.5, .high = 2}}},

    {"attention", .build = attention, .in = {{IN(2, 3, 12)}}, .arg = {2}, .number = {0.7},
     .gradient = true},
    {"attention", "one head", .build = attention, .in = {{IN(1, 4, 9), .low = -2, .high = 2}},
     .arg = {1}, .number = {0.577}, .gradient = true},
    {"attention", "one token", .build = attention, .in = {{IN(2, 1, 12)}}, .arg = {2},
     .number = {0.7}, .gradient = true},
    {"attention", "any batch", .build = attention, .in = {{IN(ANY, 5, 24)}}, .arg = {2},
     .number = {0.5}},
    {"attention", "257 tokens", .build = attention, .in = {{IN(1, 257, 48)}}, .arg = {2},
     .number = {0.35}},
    {"attention", "ViT", .build = attention, .in = {{IN(2, 65, 1152), .low = -2, .high = 2}},
     .arg = {6}, .number = {0.125}},
    {"attention", "sharp", .build = attention, .in = {{IN(2, 17, 96), .low = -8, .high = 8}},
     .arg = {2}, .number = {1}},
    {"attention", "without lse", .build = attention_alone, .in = {{IN(2, 17, 96)}}, .arg = {2},
     .number = {1}},
    {"attention", "not a number", .build = attention,
     .in = {{IN(2, 3, OP_SPECIALS * 3), VALUES(op_specials)}}, .arg = {2}, .number = {1}},
    {"attention_grad", .build = attention_grad,
     .in = {{IN(ANY, 5, 8)},
            {IN(ANY, 5, 24)},
            {IN(ANY, 5, 8)},
            {REAL(ANY, 2, 5), .low = 1, .high = 3}},
     .arg = {2}, .number = {0.5}},
    {"attention_grad", "odd", .build = attention_grad,
     .in =
         {{IN(2, 37, 33)}, {IN(2, 37, 99)}, {IN(2, 37, 33)}, {REAL(2, 3, 37), .low = 3, .high = 5}},
     .arg = {3}, .number = {0.3}},
    {"attention_grad", "ViT", .build = attention_grad,
     .in = {{IN(2, 65, 384)},
            {IN(2, 65, 1152)},
            {IN(2, 65, 384)},
            {REAL(2, 6, 65), .low = 3, .high = 5}},
     .arg = {6}, .number = {0.125}},

    {"attention", "heads of 80", .build = attention, .in = {{IN(2, 19, 480)}}, .arg = {2},
     .number = {0.11}},
    {"attention", "heads of 99", .build = attention, .in = {{IN(1, 33, 594)}}, .arg = {2},
     .number = {0.1}},
    {"attention_grad", "heads of 80", .build = attention_grad,
     .in = {{IN(2, 19, 160)},
            {IN(2, 19, 480)},
            {IN(2, 19, 160)},
            {REAL(2, 2, 19), .low = 3, .high = 5}},
     .arg = {2}, .number = {0.11}},
    {"attention_grad", "heads of 99", .build = attention_grad,
     .in = {{IN(1, 33, 198)},
            {IN(1, 33, 594)},
            {IN(1, 33, 198)},
            {REAL(1, 2, 33), .low = 3, .high = 5}},
     .arg = {2}, .number = {0.1}},

    /* More strips of rows than a block of the cuda device has warps. */
    {"attention", "150 tokens", .build = attention, .in = {{IN(1, 150, 192), .low = -2, .high = 2}},
     .arg = {1}, .number = {0.125}},
    {"attention", "heads of 128", .build = attention, .in = {{IN(1, 50, 384)}}, .arg = {1},
     .number = {0.09}},
    {"attention_grad", "150 tokens", .build = attention_grad,
     .in = {{IN(1, 150, 64)},
            {IN(1, 150, 192)},
            {IN(1, 150, 64)},
            {REAL(1, 1, 150), .low = 4, .high = 6}},
     .arg = {1}, .number = {0.125}},
    {"attention_grad", "heads of 128", .build = attention_grad,
     .in = {{IN(1, 50, 128)},
            {IN(1, 50, 384)},
            {IN(1, 50, 128)},
            {REAL(1, 1, 50), .low = 3, .high = 5}},
     .arg = {1}, .number = {0.09}},

    {"constant", .build = constant, .arg = {KD_REAL, 2, 2, 3}},
    {"constant", "scalar", .build = constant, .arg = {KD_REAL, 0}},
    {"constant", "empty", .build = constant, .arg = {KD_REAL, 2, 4, 0}},
    {"constant", "i32", .build = constant, .arg = {KD_I32, 1, 2}},
    {"random", .build = random, .in = {{KEY}}, .arg = {0, 1, 1009}},
    {"random", "stream", .build = random, .in = {{KEY}}, .arg = {4294967295, 2, 3, 7}},
    {"random", "scalar", .build = random, .in = {{KEY}}, .arg = {5, 0}},
    {"random", "empty", .build = random, .in = {{KEY}}, .arg = {5, 2, 0, 3}},
    {"random", "below zero", .build = random, .in = {{WHOLE(KD_I64, 0, 9, 2), VALUES(whole)}},
     .arg = {9, 1, 64}},
    {NULL},
};
