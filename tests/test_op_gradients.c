/* SPDX-License-Identifier: Apache-2.0
 * Gradients of the op table against central differences: the whole Jacobian, in f64 on the
 * reference device, through the host's own autodiff and engine. */
#include "leaks.h"
#include "op_run.h"

#include "graph/engine.h"

#include <kindred/ops.h>
#include <math.h>

#define STEP 1e-6
#define ABSOLUTE 1e-6
#define RELATIVE 1e-4

/* A row as a program: y and, for a weight on each element of y, the gradient by each input. */
typedef struct jacobian {
    op_run *run;
    engine *engine;
    kd_program *program;
    int64_t rows;                     /* elements of y */
    int64_t columns[OP_MAX_INPUTS];   /* of each input; 0: no gradient is checked */
    const char *input[OP_MAX_INPUTS]; /* names */
    const char *gradient[OP_MAX_INPUTS];
} jacobian;

static bool is_float(const kd_spec *spec) {
    return spec->dtype != KD_I32 && spec->dtype != KD_I64 && spec->dtype != KD_U8;
}

/* What the gradient rule leaves alone: running statistics of batch_norm. */
static bool is_checked(const op_run *run, uint32_t input) {
    const bool statistics = strcmp(run->row->op, "batch_norm") == 0 && (input == 3 || input == 4);
    return is_float(&run->spec[input]) && !statistics;
}

static void build(jacobian *j, graph *g) {
    kd_scope s = graph_root(g);
    kd_tensor *in[OP_MAX_INPUTS], *out[OP_MAX_OUTPUTS] = {NULL}, *gradient[OP_MAX_INPUTS];
    for (uint32_t i = 0; i < j->run->n_inputs; i++) {
        j->input[i] = arena_print(&j->run->memory, "input%u", i);
        j->gradient[i] = arena_print(&j->run->memory, "gradient%u", i);
        in[i] = kd_input(s, j->input[i], j->run->spec[i]);
        j->columns[i] = is_checked(j->run, i) ? kd_elements(&j->run->spec[i]) : 0;
    }
    op_build(j->run->row, s, in, out);
    const kd_spec y = kd_spec_of(out[0]);
    j->rows = kd_elements(&y);
    kd_tensor *weight = kd_input(s, "weight", y);
    kd_output(s, "y", kd_emit1("copy", out[0]));
    in[0]->api->gradients(kd_sum(kd_mul(out[0], weight)), in, j->run->n_inputs, gradient);
    for (uint32_t i = 0; i < j->run->n_inputs; i++) {
        if (j->columns[i]) {
            kd_output(s, j->gradient[i], gradient[i]);
        }
    }
}

static void write_input(jacobian *j, uint32_t input, const double *values) {
    kd_error err = KD_ERROR_INIT;
    kd_spec spec = j->run->spec[input];
    spec.dtype = is_float(&spec) ? KD_F64 : spec.dtype;
    const int64_t count = kd_elements(&spec);
    char *data = kd_alloc(kd_bytes(&spec));
    for (int64_t i = 0; i < count; i++) {
        test_put(data, spec.dtype, i, values[i]);
    }
    cr_assert(program_write(j->program, j->input[input], data, kd_bytes(&spec), &err), "%s",
              err.message);
    free(data);
}

static void open_jacobian(jacobian *j, const test_device *reference) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    build(j, g);
    j->engine = engine_create(reference->table, reference->handle, 1);
    cr_assert(engine_compile(j->engine, g, "jacobian", &j->program, &err), "%s: %s",
              op_name(j->run), err.message);
    cr_assert(engine_allocate(j->engine, &err), "%s", err.message);
    for (uint32_t i = 0; i < j->run->n_inputs; i++) {
        write_input(j, i, j->run->values[i]);
    }
}

/* Runs with weight 1 on one element of y and 0 elsewhere; none when row is negative. */
static void run_row(jacobian *j, int64_t row) {
    kd_error err = KD_ERROR_INIT;
    double *weight = kd_alloc((size_t)j->rows * sizeof *weight);
    if (row >= 0) {
        weight[row] = 1;
    }
    cr_assert(program_write_reals(j->program, "weight", weight, j->rows, &err), "%s", err.message);
    cr_assert(program_run(j->program, &err), "%s", err.message);
    free(weight);
}

static void read_values(jacobian *j, const char *name, double *to, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_read(j->program, name, to, (size_t)count * sizeof *to, &err), "%s",
              err.message);
}

/* y with one element of one input moved by `step`. */
static void read_moved(jacobian *j, uint32_t input, int64_t column, double step, double *to) {
    double *values = j->run->values[input];
    const double kept = values[column];
    values[column] = kept + step;
    write_input(j, input, values);
    values[column] = kept;
    run_row(j, -1);
    read_values(j, "y", to, j->rows);
}

/* [rows, columns] by differences. */
static double *by_differences(jacobian *j, uint32_t input) {
    const int64_t columns = j->columns[input];
    double *result = kd_alloc((size_t)(j->rows * columns) * sizeof *result);
    double *up = kd_alloc((size_t)j->rows * sizeof *up);
    double *down = kd_alloc((size_t)j->rows * sizeof *down);
    for (int64_t column = 0; column < columns; column++) {
        read_moved(j, input, column, STEP, up);
        read_moved(j, input, column, -STEP, down);
        for (int64_t row = 0; row < j->rows; row++) {
            result[row * columns + column] = (up[row] - down[row]) / (2 * STEP);
        }
    }
    write_input(j, input, j->run->values[input]);
    free(up);
    free(down);
    return result;
}

static int check_input(jacobian *j, uint32_t input) {
    const int64_t columns = j->columns[input];
    double *want = by_differences(j, input);
    double *got = kd_alloc((size_t)columns * sizeof *got);
    int wrong = 0;
    for (int64_t row = 0; row < j->rows; row++) {
        run_row(j, row);
        read_values(j, j->gradient[input], got, columns);
        for (int64_t column = 0; column < columns; column++) {
            const double expected = want[row * columns + column];
            if (!(fabs(got[column] - expected) <= ABSOLUTE + RELATIVE * fabs(expected)) &&
                wrong++ == 0) {
                printf("%s: d y[%lld] / d input %u[%lld] is %.9g, differences say %.9g\n",
                       op_name(j->run), (long long)row, input, (long long)column, got[column],
                       expected);
            }
        }
    }
    free(want);
    free(got);
    return wrong;
}

static int check_row(int index, const test_device *reference) {
    op_run run = op_draw(index, -1, 3, KD_F64, KD_F64);
    jacobian j = {.run = &run};
    open_jacobian(&j, reference);
    int wrong = 0;
    for (uint32_t i = 0; i < run.n_inputs; i++) {
        wrong += j.columns[i] ? check_input(&j, i) : 0;
    }
    engine_destroy(j.engine);
    op_finish(&run);
    return wrong;
}

TEST(op_gradients, agree_with_differences) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const test_device *reference = test_device_find(devices, count, "reference");
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
