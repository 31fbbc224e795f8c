/* SPDX-License-Identifier: Apache-2.0
 * The table of op cases: what every device must agree on with the reference device, and what every
 * gradient must agree on with differences. One row a case, one file a family of ops. */
#ifndef CORE_CHECK_OPS_H
#define CORE_CHECK_OPS_H

#include <kindred/layers.h>
#include <kindred/op.h>

#define OP_MAX_INPUTS 8
#define OP_MAX_OUTPUTS 5

/* An input of a case and how its values are drawn: evenly from [low, high), default [-1, 1);
 * integers among low, low + 1, ... high - 1. Always rounded to what the device under test holds. */
typedef struct op_input {
    bool given;
    int32_t type; /* KD_COMPUTE: bf16 where a case runs in bf16; KD_REAL never is */
    int32_t rank;
    int64_t dim[KD_MAX_RANK];
    double low, high;
    double gap;           /* not nearer to 0 than this: away from the kinks of relu and abs */
    bool distinct;        /* a shuffled, evenly spaced grid: no two elements nearly equal */
    const double *values; /* these, over and over */
    int n_values;
} op_input;

#define IN(...)                                                                                    \
    .given = true, .type = KD_COMPUTE, .dim = {__VA_ARGS__},                                       \
    .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define REAL(...)                                                                                  \
    .given = true, .dim = {__VA_ARGS__}, .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define WHOLE(type_, low_, high_, ...)                                                             \
    .given = true, .type = (type_), .low = (low_), .high = (high_), .dim = {__VA_ARGS__},          \
    .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define SCALAR .given = true, .type = KD_COMPUTE, .rank = 0
#define VALUES(list) .values = (list), .n_values = (int)(sizeof(list) / sizeof *(list))

/* A dimension that takes each of these in turn; in gradient checks, 3. */
#define ANY (-1)
#define OP_SIZES                                                                                   \
    { 0, 1, 3, 7, 16, 31, 64, 1009 }

typedef struct op_case op_case;
struct op_case {
    const char *op;
    const char *note; /* what is special about the row */
    /* One of these makes the outputs; what `build` leaves NULL ends them. */
    kd_tensor *(*unary)(kd_tensor *x);
    kd_tensor *(*binary)(kd_tensor *a, kd_tensor *b);
    void (*build)(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out);
    op_input in[OP_MAX_INPUTS];
    int64_t arg[8]; /* for build */
    double number[4];
    bool gradient; /* output 0 by every floating input, checked against differences */
    /* Normalised mean square error; default 1e-10 for f32, 1e-5 for bf16, 0 for ops that round
     * nothing. A row that is looser says why. */
    double tolerance, bf16_tolerance;
    const char *why;
};

/* Ended by a row without an op. */
extern const op_case ops_elementwise_cases[], ops_shape_cases[], ops_reduce_cases[],
    ops_contract_cases[], ops_image_cases[], ops_attention_cases[], ops_update_cases[],
    ops_narrow_cases[];

/* Values that arithmetic treats specially, and neighbours of the usual sort. */
#define OP_SPECIALS 10
extern const double op_specials[OP_SPECIALS];

#endif
