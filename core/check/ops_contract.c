/* SPDX-License-Identifier: Apache-2.0
 * Cases of matrix products and convolutions. */
#include "check/ops.h"

/* arg: transpose_a, transpose_b; bf16 operands stay, as in a layer. */
static void matmul(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("transpose_a", c->arg[0]), KD_I("transpose_b", c->arg[1]),
                             KD_I("native", 1)};
    out[0] = kd_emit("matmul", in, 2, attrs, 3);
}

static void matmul_bias(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("transpose_a", c->arg[0]), KD_I("transpose_b", c->arg[1])};
    out[0] = kd_emit("matmul_bias", in, 3, attrs, 2);
}

/* The same with an output in real, as a weight's gradient has it. */
static void matmul_to_real(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("transpose_a", c->arg[0]), KD_I("transpose_b", c->arg[1]),
                             KD_I("native", 1), KD_I("dtype", KD_REAL)};
    out[0] = kd_emit("matmul", in, 2, attrs, 4);
}

/* arg: stride, padding */
static void conv2d(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("stride", c->arg[0]), KD_I("padding", c->arg[1])};
    out[0] = kd_emit("conv2d", in, 2, attrs, 2);
}

/* arg: stride, padding, height, width */
static void conv2d_input_grad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("stride", c->arg[0]), KD_I("padding", c->arg[1]),
                             KD_I("height", c->arg[2]), KD_I("width", c->arg[3])};
    out[0] = kd_emit("conv2d_input_grad", in, 2, attrs, 4);
}

/* arg: stride, padding, kernel height, kernel width */
static void conv2d_weight_grad(const op_case *c, kd_scope s, kd_tensor *const *in,
                               kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("stride", c->arg[0]), KD_I("padding", c->arg[1]),
                             KD_I("kernel_height", c->arg[2]), KD_I("kernel_width", c->arg[3])};
    out[0] = kd_emit("conv2d_weight_grad", in, 2, attrs, 4);
}

/* A library that splits the sum may leave out what does not divide into blocks: with ones each
 * element is the depth itself, which f32 holds exactly. */
static const double ones[] = {1};
#define DEEP(depth, rows, columns)                                                                 \
    {                                                                                              \
        "matmul", "ones, deep",                                                                    \
            .build = matmul_to_real,                                                               \
            .in = {{IN(depth, rows), VALUES(ones)}, {IN(depth, columns), VALUES(ones)}},           \
            .arg = {1, 0}, .tolerance = 1e-30, .bf16_tolerance = 1e-30                             \
    }

const op_case ops_contract_cases[] = {
    {"matmul", .build = matmul, .in = {{IN(5, 7)}, {IN(7, 3)}}, .gradient = true},
    {"matmul", "a'", .build = matmul, .in = {{IN(4, 3)}, {IN(4, 2)}}, .arg = {1, 0},
     .gradient = true},
    {"matmul", "b'", .build = matmul, .in = {{IN(3, 4)}, {IN(2, 4)}}, .arg = {0, 1},
     .gradient = true},
    {"matmul", "a' b'", .build = matmul, .in = {{IN(4, 3)}, {IN(2, 4)}}, .arg = {1, 1},
     .gradient = true},
    {"matmul", "batches", .build = matmul, .in = {{IN(3, 2, 4)}, {IN(3, 4, 2)}}, .gradient = true},
    {"matmul", "batches a'", .build = matmul, .in = {{IN(2, 4, 3)}, {IN(2, 4, 2)}}, .arg = {1, 0},
     .gradient = true},
    {"matmul", "batches b'", .build = matmul, .in = {{IN(5, 17, 33)}, {IN(5, 19, 33)}},
     .arg = {0, 1}},
    {"matmul", "one", .build = matmul, .in = {{IN(1, 1)}, {IN(1, 1)}}},
    {"matmul", "any width", .build = matmul, .in = {{IN(13, ANY)}, {IN(ANY, 11)}}},
    {"matmul", "any rows", .build = matmul, .in = {{IN(ANY, 13)}, {IN(13, 11)}}},
    {"matmul", "any columns", .build = matmul, .in = {{IN(3, 13)}, {IN(13, ANY)}}},
    {"matmul", "column", .build = matmul, .in = {{IN(31, 64)}, {IN(64, 1)}}},
    {"matmul", "large", .build = matmul, .in = {{IN(129, 512)}, {IN(251, 512)}}, .arg = {0, 1}},
    {"matmul", "a weight's gradient", .build = matmul_to_real, .in = {{IN(67, 31)}, {IN(67, 17)}},
     .arg = {1, 0}},
    DEEP(4099, 24, 40),
    DEEP(16250, 8, 16),
    DEEP(33001, 2, 3),
    {"matmul", "wrapper", .binary = kd_matmul, .in = {{REAL(5, 7)}, {REAL(7, 3)}}},

    {"matmul_bias", .build = matmul_bias, .in = {{IN(5, 7)}, {IN(7, 3)}, {IN(3)}}},
    {"matmul_bias", "a'", .build = matmul_bias, .in = {{IN(4, 3)}, {IN(4, 2)}, {IN(2)}},
     .arg = {1, 0}},
    {"matmul_bias", "b', any width", .build = matmul_bias,
     .in = {{IN(13, 16)}, {IN(ANY, 16)}, {IN(ANY)}}, .arg = {0, 1}},
    {"matmul_bias", "column", .build = matmul_bias, .in = {{IN(31, 64)}, {IN(64, 1)}, {IN(1)}}},
    {"matmul_bias", "one", .build = matmul_bias, .in = {{IN(1, 1)}, {IN(1, 1)}, {IN(1)}}},
    {"matmul_bias", "large", .build = matmul_bias,
     .in = {{IN(129, 512)}, {IN(251, 512)}, {IN(251)}}, .arg = {0, 1}},

    {"conv2d", "3x3", .build = conv2d, .in = {{IN(2, 4, 5, 3)}, {IN(2, 3, 3, 3)}}, .arg = {1, 1},
     .gradient = true},
    {"conv2d", "3x3, stride 2", .build = conv2d, .in = {{IN(1, 5, 6, 2)}, {IN(3, 3, 3, 2)}},
     .arg = {2, 1}, .gradient = true},
    {"conv2d", "1x1", .build = conv2d, .in = {{IN(2, 3, 3, 4)}, {IN(3, 1, 1, 4)}}, .arg = {1, 0},
     .gradient = true},
    {"conv2d", "1x1, stride 2", .build = conv2d, .in = {{IN(1, 4, 5, 3)}, {IN(2, 1, 1, 3)}},
     .arg = {2, 0}, .gradient = true},
    {"conv2d", "not square", .build = conv2d, .in = {{IN(1, 5, 4, 1)}, {IN(2, 2, 3, 1)}},
     .arg = {1, 0}, .gradient = true},
    {"conv2d", "pixels left over", .build = conv2d, .in = {{IN(1, 6, 8, 1)}, {IN(1, 3, 3, 1)}},
     .arg = {3, 0}, .gradient = true},
    {"conv2d", "stem 7x7", .build = conv2d, .in = {{IN(2, 17, 19, 3)}, {IN(8, 7, 7, 3)}},
     .arg = {2, 3}},
    {"conv2d", "stem of 1 channel", .build = conv2d, .in = {{IN(3, 28, 28, 1)}, {IN(16, 3, 3, 1)}},
     .arg = {1, 1}},
    {"conv2d", "one pixel", .build = conv2d, .in = {{IN(3, 1, 1, 5)}, {IN(7, 3, 3, 5)}},
     .arg = {1, 1}},
    {"conv2d", "odd channels", .build = conv2d, .in = {{IN(2, 8, 8, 13)}, {IN(11, 3, 3, 13)}},
     .arg = {1, 1}},
    {"conv2d", "large", .build = conv2d, .in = {{IN(4, 32, 32, 16)}, {IN(32, 3, 3, 16)}},
     .arg = {1, 1}},
    {"conv2d", "wide", .build = conv2d, .in = {{IN(4, 4, 4, 256)}, {IN(128, 1, 1, 256)}},
     .arg = {1, 0}},

    {"conv2d_input_grad", "3x3", .build = conv2d_input_grad,
     .in = {{IN(2, 6, 7, 5)}, {IN(5, 3, 3, 3)}}, .arg = {1, 1, 6, 7}},
    {"conv2d_input_grad", "3x3, stride 2", .build = conv2d_input_grad,
     .in = {{IN(2, 4, 5, 8)}, {IN(8, 3, 3, 16)}}, .arg = {2, 1, 8, 9}},
    {"conv2d_input_grad", "1x1, stride 2", .build = conv2d_input_grad,
     .in = {{IN(2, 4, 4, 16)}, {IN(16, 1, 1, 8)}}, .arg = {2, 0, 8, 8}},
    {"conv2d_input_grad", "pixels left over", .build = conv2d_input_grad,
     .in = {{IN(1, 2, 2, 3)}, {IN(3, 3, 3, 2)}}, .arg = {3, 0, 6, 8}},
    {"conv2d_input_grad", "stem 7x7", .build = conv2d_input_grad,
     .in = {{IN(2, 9, 10, 8)}, {IN(8, 7, 7, 3)}}, .arg = {2, 3, 17, 19}},
    {"conv2d_input_grad", "large", .build = conv2d_input_grad,
     .in = {{IN(4, 16, 16, 32)}, {IN(32, 3, 3, 16)}}, .arg = {2, 1, 32, 32}},

    {"conv2d_weight_grad", "3x3", .build = conv2d_weight_grad,
     .in = {{IN(2, 6, 7, 3)}, {IN(2, 6, 7, 5)}}, .arg = {1, 1, 3, 3}},
    {"conv2d_weight_grad", "3x3, stride 2", .build = conv2d_weight_grad,
     .in = {{IN(2, 8, 9, 16)}, {IN(2, 4, 5, 8)}}, .arg = {2, 1, 3, 3}},
    {"conv2d_weight_grad", "1x1, stride 2", .build = conv2d_weight_grad,
     .in = {{IN(2, 8, 8, 8)}, {IN(2, 4, 4, 16)}}, .arg = {2, 0, 1, 1}},
    {"conv2d_weight_grad", "pixels left over", .build = conv2d_weight_grad,
     .in = {{IN(1, 6, 8, 2)}, {IN(1, 2, 2, 3)}}, .arg = {3, 0, 3, 3}},
    {"conv2d_weight_grad", "stem 7x7", .build = conv2d_weight_grad,
     .in = {{IN(2, 17, 19, 3)}, {IN(2, 9, 10, 8)}}, .arg = {2, 3, 7, 7}},
    {"conv2d_weight_grad", "large", .build = conv2d_weight_grad,
     .in = {{IN(4, 32, 32, 16)}, {IN(4, 32, 32, 32)}}, .arg = {1, 1, 3, 3}},
    {NULL},
};
