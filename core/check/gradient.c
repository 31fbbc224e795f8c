/* SPDX-License-Identifier: Apache-2.0
 * Rows of the op table with their gradients, on one device and on two. */
#include "check/gradient.h"

#include "check/numbers.h"

#include <kindred/ops.h>
#include <math.h>
#include <stdlib.h>

static bool is_float(const kd_spec *spec) {
    return spec->dtype != KD_I32 && spec->dtype != KD_I64 && spec->dtype != KD_U8;
}

/* What the gradient rule leaves alone: running statistics of batch_norm. */
static bool is_checked(const op_run *run, uint32_t input) {
    const bool statistics = strcmp(run->row->op, "batch_norm") == 0 && (input == 3 || input == 4);
    return is_float(&run->spec[input]) && !statistics;
}

static void build(gradient *g, graph *into) {
    op_run *run = g->run;
    kd_scope s = graph_root(into);
    kd_tensor *in[OP_MAX_INPUTS], *out[OP_MAX_OUTPUTS] = {NULL}, *by[OP_MAX_INPUTS];
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        g->input[i] = arena_print(&run->memory, "input%u", i);
        g->name[i] = arena_print(&run->memory, "gradient%u", i);
        in[i] = kd_input(s, g->input[i], run->spec[i]);
        g->columns[i] = is_checked(run, i) ? kd_elements(&run->spec[i]) : 0;
    }
    op_build(run->row, s, in, out);
    const kd_spec y = kd_spec_of(out[0]);
    g->rows = kd_elements(&y);
    kd_tensor *weight = kd_input(s, "weight", y);
    kd_output(s, "y", kd_emit1("copy", out[0]));
    in[0]->api->gradients(kd_sum(kd_mul(out[0], weight)), in, run->n_inputs, by);
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        if (g->columns[i]) {
            kd_output(s, g->name[i], by[i]);
        }
    }
}

bool gradient_write(gradient *g, uint32_t input, const double *values, kd_error *err) {
    kd_spec spec = g->run->spec[input];
    const int64_t count = kd_elements(&spec);
    if (is_float(&spec)) {
        return program_write_reals(g->program, g->input[input], values, count, err);
    }
    char *data = kd_alloc(kd_bytes(&spec));
    for (int64_t i = 0; i < count; i++) {
        number_put(data, spec.dtype, i, values[i]);
    }
    const bool ok = program_write(g->program, g->input[input], data, kd_bytes(&spec), err);
    free(data);
    return ok;
}

bool gradient_open(gradient *g, op_run *run, const check_device *d, int32_t real, kd_error *err) {
    *g = (gradient){.run = run, .engine = engine_create(d->table, d->handle, 1)};
    graph *into = graph_create(&(graph_options){.real = real, .ops = d->ops});
    engine_use_ops(g->engine, d->ops);
    build(g, into);
    bool ok = engine_compile(g->engine, into, "gradient", &g->program, err) &&
              engine_allocate(g->engine, err);
    for (uint32_t i = 0; ok && i < run->n_inputs; i++) {
        ok = gradient_write(g, i, run->values[i], err);
    }
    return ok;
}

void gradient_close(gradient *g) {
    engine_destroy(g->engine);
}

/* An output as doubles; the caller frees. */
static double *read_reals(const gradient *g, const char *name, int64_t count, int32_t real,
                          kd_error *err) {
    const kd_spec spec = {.dtype = real, .rank = 1, .dim = {count}};
    double *values = kd_alloc((size_t)count * sizeof *values);
    void *data = kd_alloc(kd_bytes(&spec));
    if (!program_read(g->program, name, data, kd_bytes(&spec), err)) {
        free(values);
        values = NULL;
    }
    for (int64_t i = 0; values && i < count; i++) {
        values[i] = number_get(data, real, i);
    }
    free(data);
    return values;
}

static bool compare_output(const gradient *got, const gradient *want, const char *name,
                           int64_t count, double *ret_error, kd_error *err) {
    double *a = read_reals(got, name, count, KD_F32, err);
    double *b = a ? read_reals(want, name, count, KD_F64, err) : NULL;
    if (b) {
        *ret_error = number_error(a, b, count);
    }
    free(a);
    free(b);
    return b != NULL;
}

static int compare_all(const gradient *got, const gradient *want, char *why, kd_error *err) {
    op_run *run = got->run;
    const double allowed = run->row->tolerance > 0 ? run->row->tolerance : OP_TOLERANCE;
    for (int i = -1; i < (int)run->n_inputs; i++) {
        const int64_t count = i < 0 ? got->rows : got->columns[i];
        const char *name = i < 0 ? "y" : got->name[i];
        double error = 0;
        if (count > 0 && !compare_output(got, want, name, count, &error, err)) {
            return EAGER_WRONG;
        }
        run->error = fmax(run->error, error);
        if (!(error <= allowed)) {
            snprintf(why, 1600, "%s: error %.2g is above %.2g", name, error, allowed);
            return EAGER_WRONG;
        }
    }
    return EAGER_FINE;
}

/* Weights in [0.5, 1.5), the same for both. */
static bool run_weighted(gradient *g, kd_error *err) {
    double *weight = kd_alloc((size_t)g->rows * sizeof *weight);
    for (int64_t i = 0; i < g->rows; i++) {
        weight[i] = number_round(0.5 + (double)(i * 37 % 64) / 64, KD_F32);
    }
    const bool ok = program_write_reals(g->program, "weight", weight, g->rows, err) &&
                    program_run(g->program, err);
    free(weight);
    return ok;
}

int gradient_compare(op_run *run, const check_device *d, const check_device *reference, char *why) {
    gradient got, want;
    kd_error err = KD_ERROR_INIT;
    int status = EAGER_WRONG;
    if (!gradient_open(&got, run, d, KD_F32, &err) || !run_weighted(&got, &err)) {
        status = err.code == KD_E_UNSUPPORTED ? EAGER_UNSUPPORTED : EAGER_WRONG;
    } else {
        const bool ok =
            gradient_open(&want, run, reference, KD_F64, &err) && run_weighted(&want, &err);
        status = ok ? compare_all(&got, &want, why, &err) : EAGER_WRONG;
        gradient_close(&want);
    }
    gradient_close(&got);
    if (*err.message) {
        snprintf(why, 1600, "%s", err.message);
    }
    return status;
}
