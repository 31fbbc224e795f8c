/* SPDX-License-Identifier: Apache-2.0
 * Runs rows of the op table: draws the inputs of a case, builds it, compares devices. */
#ifndef CORE_CHECK_OP_RUN_H
#define CORE_CHECK_OP_RUN_H

#include "check/eager.h"
#include "check/ops.h"

#define OP_SEED 20260u     /* of all drawn inputs */
#define OP_TOLERANCE 1e-10 /* normalised mean square error in f32, where a row has no own */

/* A row at one size: the inputs it runs with. */
typedef struct op_run {
    const op_case *row;
    uint64_t key; /* of the draws */
    uint32_t n_inputs;
    kd_spec spec[OP_MAX_INPUTS];   /* types as in the row: KD_REAL and KD_COMPUTE unresolved */
    double *values[OP_MAX_INPUTS]; /* rounded to what the device under test holds */
    double error; /* normalised mean square error: the largest of those compared so far */
    arena memory;
} op_run;

/* The i-th row of the whole table, NULL after the last. */
const op_case *op_case_at(int i);

/* How many sizes a row has: more than one when a dimension is ANY. */
int op_sizes(const op_case *row);

/* Draws a row's inputs at its size number `size`, or with ANY as `any` when size is negative. real
 * and compute are the types of the device under test. The key comes from the row's op and note, so
 * that a row draws the same whatever other rows there are. */
op_run op_draw(const op_case *row, int size, int64_t any, int32_t real, int32_t compute);
/* The same of any row, with a key of its own for the draws. */
op_run op_draw_row(const op_case *row, uint64_t key, int size, int64_t any, int32_t real,
                   int32_t compute);
void op_finish(op_run *run);

/* "conv2d (stem 7x7) [2, 17, 19, 3] [8, 7, 7, 3]"; lives as long as the run. */
const char *op_name(op_run *run);

/* Emits the row's ops; out[] ends with NULL when it is not full. */
void op_build(const op_case *row, kd_scope s, kd_tensor *const *in, kd_tensor **out);

/* A case as one device has it. why: of a status that is not EAGER_FINE; lives as long as graph. */
typedef struct op_side {
    eager *graph; /* the caller's: eager_destroy */
    kd_tensor *out[OP_MAX_OUTPUTS];
    int status;
    const char *why;
} op_side;
op_side op_run_on(const op_run *run, const check_device *d, int32_t real, int32_t compute);

/* Runs on the device, in its types, and on the reference device in f64, and compares all outputs.
 * Returns EAGER_FINE, EAGER_UNSUPPORTED or EAGER_WRONG, with the reason in `why`, of 1600 bytes. */
int op_compare(op_run *run, const check_device *d, int32_t real, int32_t compute,
               const check_device *reference, char *why);

#endif
