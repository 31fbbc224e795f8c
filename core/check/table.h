/* SPDX-License-Identifier: Apache-2.0
 * The whole table of ops on a device, row by row, against the reference device.
 *
 *     const check_device d = {.name = "mine", .table = table, .handle = handle};
 *     const bool fine = check_table(&d, &reference, &(check_choice){0}, show_row, &screen); */
#ifndef CORE_CHECK_TABLE_H
#define CORE_CHECK_TABLE_H

#include "check/op_run.h"

/* What of the table is run. */
typedef struct check_choice {
    const char *op; /* rows of this op alone; NULL: all */
    bool quick;     /* a few of many sizes */
} check_choice;

/* In what a row was run: types of the op's own, or its gradient by the host's autodiff. */
enum { CHECK_F64, CHECK_F32, CHECK_BF16, CHECK_GRADIENT, CHECK_COLUMNS };
const char *check_column_name(int column);

/* A row of the table on a device in one column, at all its sizes. */
typedef struct op_result {
    const op_case *row;
    int column; /* CHECK_ */
    int status; /* the worst of EAGER_ */
    /* It breaks a promise: it is wrong, or unsupported in f32, or in bf16 where the device calls
     * bf16 fast. */
    bool failed;
    int cases;         /* sizes that were run */
    double error;      /* normalised mean square error: the largest of outputs that are not exact */
    const char *where; /* the first case that is not fine: "conv2d (stem) [2, 9, 9, 3] ..." */
    const char *why;   /* what is the matter with it; both are "" when all are fine */
} op_result;

typedef void check_row(void *context, const op_result *result);

/* One row in one column; what it points to lives in `a`. index: of op_case_at. */
op_result check_op(int index, int column, const check_device *d, const check_device *reference,
                   bool quick, arena *a);

/* Whether a row is run in that column: rows without a compute type only in f64 and f32, gradients
 * only of rows that have one. */
bool check_has_column(const op_case *row, int column);

/* Runs the chosen rows in all columns, and calls `row` after each; all rows are but those of ops
 * that a device may do without and does. False when one failed; also when there was none. `row` may
 * be NULL. */
bool check_table(const check_device *d, const check_device *reference, const check_choice *choice,
                 check_row *row, void *context);

#endif
