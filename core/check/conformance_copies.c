/* SPDX-License-Identifier: Apache-2.0
 * Copies of variables and of one value, on devices that make them while runs go on. */
#include "check/conformance_internal.h"

#include "graph/engine.h"

#include <kindred/ops.h>

/* WIDTH: numbers of a copy, enough for it to take longer than a run. */
enum { WIDTH = 1 << 20, COPIES = 12, BESIDE = 3 };

/* Run i leaves i in every number of "count", from 1. */
static kd_program *compile(engine *e, kd_error *err) {
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_tensor *count =
        kd_state(graph_root(g), "count", (kd_spec){KD_F32, 1, {WIDTH}}, (kd_init){.a = 0});
    kd_assign(count, kd_affine(count, 1, 1));
    kd_program *p = NULL;
    return engine_compile(e, g, "count", &p, err) ? p : NULL;
}

static bool run_times(kd_program *p, int times, kd_error *err) {
    bool ok = true;
    for (int i = 0; ok && i < times; i++) {
        ok = program_run(p, err);
    }
    return ok;
}

static bool is_of_run(const float *got, int run, const char *what, kd_error *err) {
    for (int i = 0; i < WIDTH; i++) {
        if (got[i] != (float)run) {
            return kd_fail(err, KD_E_INVALID,
                           "a copy of %s is not of its moment: number %d is %g in place of %d",
                           what, i, (double)got[i], run);
        }
    }
    return true;
}

static bool check_variables(engine *e, int run, kd_error *err) {
    return engine_copy_wait(e, err) &&
           is_of_run(engine_copied(e, engine_find_variable(e, "count")), run, "the variables", err);
}

static bool check_value(kd_program *p, int run, kd_error *err) {
    const void *got = NULL;
    if (!program_copy_wait(p, &got, err) || !is_of_run(got, run, "a value", err)) {
        return false;
    }
    return program_copy_arrived(p) ||
           kd_fail(err, KD_E_INVALID, "a copy that was waited for is said not to have arrived");
}

/* Each room is used again and again, and so soon that runs are under way. */
static bool copy_often(engine *e, kd_program *p, bool value, kd_error *err) {
    bool ok = true;
    for (int i = 0, run = 0; ok && i < COPIES; i++, run += BESIDE) {
        run += i % 3 + 1;
        ok = run_times(p, i % 3 + 1, err) && engine_copy(e, err);
        if (ok && value) {
            program_copy(p);
        }
        ok = ok && run_times(p, BESIDE, err) && (!value || check_value(p, run, err)) &&
             check_variables(e, run, err);
    }
    return ok;
}

bool check_copies(const check_device *d, kd_error *err) {
    engine *e = engine_create(d->table, d->handle, 1);
    kd_program *p = compile(e, err);
    bool value = false;
    if (p) {
        value = program_keep_copy(p, "count");
        engine_keep_copies(e);
    }
    const bool ok = p && engine_allocate(e, err) && copy_often(e, p, value, err);
    engine_destroy(e);
    return ok;
}
