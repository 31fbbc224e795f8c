/* SPDX-License-Identifier: Apache-2.0
 * Gradients of the op table against central differences: the whole Jacobian, in f64 on the
 * reference device, through the host's own autodiff and engine. */
#include "check/gradient.h"
#include "harness.h"
#include "leaks.h"

#include <math.h>

#define STEP 1e-6
#define ABSOLUTE 1e-6
#define RELATIVE 1e-4

/* Runs with weight 1 on one element of y and 0 elsewhere; none when row is negative. */
static void run_row(gradient *g, int64_t row) {
    kd_error err = KD_ERROR_INIT;
    double *weight = kd_alloc((size_t)g->rows * sizeof *weight);
    if (row >= 0) {
        weight[row] = 1;
    }
    cr_assert(program_write_reals(g->program, "weight", weight, g->rows, &err), "%s", err.message);
    cr_assert(program_run(g->program, &err), "%s", err.message);
    free(weight);
}

static void read_values(gradient *g, const char *name, double *to, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_read(g->program, name, to, (size_t)count * sizeof *to, &err), "%s",
              err.message);
}

static void write_values(gradient *g, uint32_t input, const double *values) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(gradient_write(g, input, values, &err), "%s", err.message);
}

/* y with one element of one input moved by `step`. */
static void read_moved(gradient *g, uint32_t input, int64_t column, double step, double *to) {
    double *values = g->run->values[input];
    const double kept = values[column];
    values[column] = kept + step;
    write_values(g, input, values);
    values[column] = kept;
    run_row(g, -1);
    read_values(g, "y", to, g->rows);
}

/* [rows, columns] by differences. */
static double *by_differences(gradient *g, uint32_t input) {
    const int64_t columns = g->columns[input];
    double *result = kd_alloc((size_t)(g->rows * columns) * sizeof *result);
    double *up = kd_alloc((size_t)g->rows * sizeof *up);
    double *down = kd_alloc((size_t)g->rows * sizeof *down);
    for (int64_t column = 0; column < columns; column++) {
        read_moved(g, input, column, STEP, up);
        read_moved(g, input, column, -STEP, down);
        for (int64_t row = 0; row < g->rows; row++) {
            result[row * columns + column] = (up[row] - down[row]) / (2 * STEP);
        }
    }
    write_values(g, input, g->run->values[input]);
    free(up);
    free(down);
    return result;
}

static int check_input(gradient *g, uint32_t input) {
    const int64_t columns = g->columns[input];
    double *want = by_differences(g, input);
    double *got = kd_alloc((size_t)columns * sizeof *got);
    int wrong = 0;
    for (int64_t row = 0; row < g->rows; row++) {
        run_row(g, row);
        read_values(g, g->name[input], got, columns);
        for (int64_t column = 0; column < columns; column++) {
            const double expected = want[row * columns + column];
            if (!(fabs(got[column] - expected) <= ABSOLUTE + RELATIVE * fabs(expected)) &&
                wrong++ == 0) {
                printf("%s: d y[%lld] / d input %u[%lld] is %.9g, differences say %.9g\n",
                       op_name(g->run), (long long)row, input, (long long)column, got[column],
                       expected);
            }
        }
    }
    free(want);
    free(got);
    return wrong;
}

static int check_row(int index, const check_device *reference) {
    op_run run = op_draw(index, -1, 3, KD_F64, KD_F64);
    kd_error err = KD_ERROR_INIT;
    gradient g;
    cr_assert(gradient_open(&g, &run, reference, KD_F64, &err), "%s: %s", op_name(&run),
              err.message);
    int wrong = 0;
    for (uint32_t i = 0; i < run.n_inputs; i++) {
        wrong += g.columns[i] ? check_input(&g, i) : 0;
    }
    gradient_close(&g);
    op_finish(&run);
    return wrong;
}

TEST(op_gradients, agree_with_differences) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    int rows = 0, wrong = 0;
    for (int i = 0; op_case_at(i); i++) {
        if (op_case_at(i)->gradient) {
            rows++;
            wrong += check_row(i, reference) > 0;
        }
    }
    printf("%d rows' Jacobians (seed %u), %d wrong\n", rows, OP_SEED, wrong);
    cr_expect_eq(wrong, 0);
    cr_expect_gt(rows, 50);
    test_devices_close(devices, count);
}
