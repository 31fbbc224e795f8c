/* SPDX-License-Identifier: Apache-2.0
 * Cases of the ops that move elements. */
#include "check/ops.h"

/* arg: rank, dims */
static void reshape(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_reshape(in[0], (int)c->arg[0], c->arg + 1);
}

static void broadcast(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_broadcast(in[0], (int)c->arg[0], c->arg + 1);
}

static void permute(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_permute(in[0], c->arg);
}

/* arg: axis, start, stop */
static void slice(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_slice(in[0], (int)c->arg[0], c->arg[1], c->arg[2]);
}

/* arg: axis, before, after */
static void pad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_pad(in[0], (int)c->arg[0], c->arg[1], c->arg[2]);
}

/* arg: axis */
static void concat(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    uint32_t count = 0;
    while (count < OP_MAX_INPUTS && c->in[count].given) {
        count++;
    }
    out[0] = kd_concat_all(in, count, (int)c->arg[0]);
}

/* arg: rows */
static void scatter_rows(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_scatter_rows(in[0], in[1], in[2]);
}

static void scatter_add(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    out[0] = kd_scatter_add(in[0], in[1], c->arg[0]);
}

static const double few[] = {5, 0, 5, 8, 5, 5, 0};

const op_case ops_shape_cases[] = {
    {"reshape", .build = reshape, .in = {{IN(4, 6)}}, .arg = {3, 2, 3, 4}, .gradient = true},
    {"reshape", "to a scalar", .build = reshape, .in = {{IN(1, 1)}}, .arg = {0}, .gradient = true},
    {"transpose", .unary = kd_transpose, .in = {{IN(ANY, 5)}}},
    {"transpose", "gradient", .unary = kd_transpose, .in = {{IN(3, 4)}}, .gradient = true},
    {"transpose", "large", .unary = kd_transpose, .in = {{IN(313, 257)}}},
    {"transpose", "nchw to nhwc", .build = permute, .in = {{IN(2, 3, 5, 7)}}, .arg = {0, 2, 3, 1},
     .gradient = true},
    {"transpose", "six axes", .build = permute, .in = {{IN(2, 3, 1, 4, 2, 3)}},
     .arg = {5, 0, 3, 2, 4, 1}},
    {"transpose", "integers", .build = permute, .in = {{WHOLE(KD_I32, 0, 99, 3, 5)}},
     .arg = {1, 0}},
    {"transpose", "bytes", .build = permute, .in = {{WHOLE(KD_U8, 0, 99, 3, 5, 7)}},
     .arg = {2, 0, 1}},
    {"broadcast", .build = broadcast, .in = {{IN(3, 1)}}, .arg = {3, 2, 3, 4}, .gradient = true},
    {"broadcast", "a scalar", .build = broadcast, .in = {{SCALAR}}, .arg = {2, 3, 37},
     .gradient = true},
    {"broadcast", "a row", .build = broadcast, .in = {{IN(17)}}, .arg = {2, 5, 17}},
    {"broadcast", "to nothing", .build = broadcast, .in = {{IN(1, 3)}}, .arg = {2, 0, 3}},
    {"broadcast", "integers", .build = broadcast, .in = {{WHOLE(KD_I32, 0, 9, 3, 1)}},
     .arg = {2, 3, 5}},
    {"slice", "rows", .build = slice, .in = {{IN(7, 5)}}, .arg = {0, 2, 6}, .gradient = true},
    {"slice", "columns", .build = slice, .in = {{IN(3, 7, 2)}}, .arg = {1, 1, 4}, .gradient = true},
    {"slice", "last axis", .build = slice, .in = {{IN(5, 37)}}, .arg = {-1, 3, 36}},
    {"slice", "nothing", .build = slice, .in = {{IN(5, 3)}}, .arg = {0, 2, 2}},
    {"slice", "all", .build = slice, .in = {{IN(5, 3)}}, .arg = {0, 0, 5}},
    {"slice", "integers", .build = slice, .in = {{WHOLE(KD_I32, 0, 99, 9)}}, .arg = {0, 1, 8}},
    {"slice", "four of nine", .build = slice, .in = {{IN(3, 9)}}, .arg = {1, 0, 4}},
    {"slice", "four of twelve", .build = slice, .in = {{IN(3, 12)}}, .arg = {1, 4, 8}},
    {"pad", "rows", .build = pad, .in = {{IN(3, 5)}}, .arg = {0, 2, 1}, .gradient = true},
    {"pad", "columns", .build = pad, .in = {{IN(2, 3, 4)}}, .arg = {-2, 0, 2}, .gradient = true},
    {"pad", "last axis", .build = pad, .in = {{IN(5, 31)}}, .arg = {1, 3, 4}},
    {"pad", "nothing to zeros", .build = pad, .in = {{IN(0, 3)}}, .arg = {0, 1, 1}},
    {"concat", "rows", .build = concat, .in = {{IN(2, 3)}, {IN(4, 3)}}, .arg = {0},
     .gradient = true},
    {"concat", "columns", .build = concat, .in = {{IN(2, 3)}, {IN(2, 1)}, {IN(2, 4)}}, .arg = {-1},
     .gradient = true},
    {"concat", "middle", .build = concat, .in = {{IN(3, 2, 5)}, {IN(3, 7, 5)}}, .arg = {1}},
    {"concat", "with nothing", .build = concat, .in = {{IN(0, 3)}, {IN(2, 3)}, {IN(0, 3)}},
     .arg = {0}},
    {"concat", "one", .build = concat, .in = {{IN(ANY)}}, .arg = {0}},
    {"concat", "images", .build = concat, .in = {{IN(8, 9, 9, 3)}, {IN(8, 9, 9, 3)}}, .arg = {0}},
    {"concat", "integers", .build = concat,
     .in = {{WHOLE(KD_I32, 0, 99, 9)}, {WHOLE(KD_I32, 0, 99, 4)}}, .arg = {0}},
    {"gather", .binary = kd_gather, .in = {{IN(5, 4)}, {WHOLE(KD_I32, 0, 5, 7)}}, .gradient = true},
    {"gather", "scalars", .binary = kd_gather, .in = {{IN(11)}, {WHOLE(KD_I32, 0, 11, ANY)}}},
    {"gather", "images", .binary = kd_gather, .in = {{IN(6, 5, 7, 3)}, {WHOLE(KD_I32, 0, 6, 13)}}},
    {"gather", "bytes", .binary = kd_gather,
     .in = {{WHOLE(KD_U8, 0, 256, 9, 5)}, {WHOLE(KD_I32, 0, 9, 4)}}},
    {"gather", "integers", .binary = kd_gather,
     .in = {{WHOLE(KD_I32, 0, 256, 9)}, {WHOLE(KD_I32, 0, 9, 4)}}},
    {"scatter_add", "duplicates", .build = scatter_add,
     .in = {{WHOLE(KD_I32, 0, 3, 8)}, {REAL(8, 2)}}, .arg = {4}, .gradient = true},
    {"scatter_add", "large", .build = scatter_add,
     .in = {{WHOLE(KD_I32, 0, 57, 999)}, {REAL(999, 33)}}, .arg = {61}},
    {"scatter_add", "thousands", .build = scatter_add,
     .in = {{WHOLE(KD_I32, 0, 57, 2501)}, {REAL(2501, 8)}}, .arg = {61}},
    {"scatter_add", "thousands, most into few", .build = scatter_add,
     .in = {{WHOLE(KD_I32, 0, 9, 1025), VALUES(few)}, {WHOLE(KD_I32, -99, 99, 1025, 3)}},
     .arg = {9}},
    {"scatter_rows", "duplicates", .build = scatter_rows,
     .in = {{IN(9, 5)}, {WHOLE(KD_I32, 0, 9, 31)}, {IN(31, 5)}}},
    {"scatter_rows", "integers", .build = scatter_rows,
     .in = {{WHOLE(KD_I32, 0, 99, 7)}, {WHOLE(KD_I32, 0, 7, ANY)}, {WHOLE(KD_I32, 0, 99, ANY)}}},
    {"scatter_rows", "thousands", .build = scatter_rows,
     .in = {{IN(37, 5)}, {WHOLE(KD_I32, 0, 36, 1100)}, {IN(1100, 5)}}},
    {"scatter_rows", "nothing", .build = scatter_rows,
     .in = {{IN(3, 2)}, {WHOLE(KD_I32, 0, 3, 0)}, {IN(0, 2)}}},
    {"scatter_add", "nothing", .build = scatter_add, .in = {{WHOLE(KD_I32, 0, 3, 0)}, {REAL(0, 2)}},
     .arg = {3}},
    {NULL},
};
