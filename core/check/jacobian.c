/* SPDX-License-Identifier: Apache-2.0
 * Derivatives of each output element by each input element, by the gradient rule and by
 * differences. */
#include "check/jacobian.h"

#include <math.h>
#include <stdlib.h>

#define STEP 1e-6

/* Runs with weight 1 on one element of y and 0 elsewhere; none when row is negative. */
static bool run_row(gradient *g, int64_t row, kd_error *err) {
    double *weight = kd_alloc((size_t)g->rows * sizeof *weight + 1);
    if (row >= 0) {
        weight[row] = 1;
    }
    const bool ok = program_write_reals(g->program, "weight", weight, g->rows, err) &&
                    program_run(g->program, err);
    free(weight);
    return ok;
}

static bool read_values(gradient *g, const char *name, double *to, int64_t count, kd_error *err) {
    return program_read(g->program, name, to, (size_t)count * sizeof *to, err);
}

/* y with one element of one input moved by `step`. */
static bool read_moved(gradient *g, uint32_t input, int64_t column, double step, double *to,
                       kd_error *err) {
    double *values = g->run->values[input];
    const double kept = values[column];
    values[column] = kept + step;
    const bool ok = gradient_write(g, input, values, err);
    values[column] = kept;
    return ok && run_row(g, -1, err) && read_values(g, "y", to, g->rows, err);
}

/* [rows, columns] by differences. */
static bool by_differences(gradient *g, uint32_t input, double *to, kd_error *err) {
    const int64_t columns = g->columns[input];
    double *up = kd_alloc((size_t)g->rows * sizeof *up + 1);
    double *down = kd_alloc((size_t)g->rows * sizeof *down + 1);
    bool ok = true;
    for (int64_t column = 0; column < columns && ok; column++) {
        ok = read_moved(g, input, column, STEP, up, err) &&
             read_moved(g, input, column, -STEP, down, err);
        for (int64_t row = 0; row < g->rows; row++) {
            to[row * columns + column] = (up[row] - down[row]) / (2 * STEP);
        }
    }
    free(up);
    free(down);
    return ok && gradient_write(g, input, g->run->values[input], err);
}

static bool compare_rows(gradient *g, uint32_t input, const double *want, int *wrong, char *why,
                         kd_error *err) {
    const int64_t columns = g->columns[input];
    double *got = kd_alloc((size_t)columns * sizeof *got + 1);
    bool ok = true;
    for (int64_t row = 0; row < g->rows && ok; row++) {
        ok = run_row(g, row, err) && read_values(g, g->name[input], got, columns, err);
        for (int64_t column = 0; column < columns && ok; column++) {
            const double expected = want[row * columns + column];
            const double allowed = JACOBIAN_ABSOLUTE + JACOBIAN_RELATIVE * fabs(expected);
            if (!(fabs(got[column] - expected) <= allowed) && (*wrong)++ == 0) {
                snprintf(why, 1600,
                         "%s: d y[%lld] / d input %u[%lld] is %.9g, differences say %.9g",
                         op_name(g->run), (long long)row, input, (long long)column, got[column],
                         expected);
            }
        }
    }
    free(got);
    return ok;
}

bool jacobian_check(gradient *g, int *ret_wrong, char *why, kd_error *err) {
    bool ok = true;
    int wrong = 0;
    for (uint32_t i = 0; i < g->run->n_inputs && ok; i++) {
        if (g->columns[i] == 0) {
            continue;
        }
        double *want = kd_alloc((size_t)(g->rows * g->columns[i]) * sizeof *want + 1);
        ok = by_differences(g, i, want, err) && compare_rows(g, i, want, &wrong, why, err);
        free(want);
    }
    *ret_wrong = wrong;
    return ok;
}
