/* SPDX-License-Identifier: Apache-2.0
 * Every method of this build against PyTorch: losses, gradients, what a step writes, and twenty
 * steps of training. tests/golden/methods/common.py says how to add a golden file. */
#include "leaks.h"
#include "method_cases.h"

#include <math.h>
#include <stdlib.h>

typedef struct precision {
    const char *device;
    int32_t real;
    double tolerance;
    double noise; /* of a gradient that is zero by nature, relative to the whole gradient's largest
                     tensor */
    double curve; /* of losses after twenty steps: small differences grow */
} precision;

static void check_scalar(const method_kit *k, const char *what, int step, double got, double want,
                         double tolerance) {
    cr_assert(fabs(got - want) <= tolerance * fabs(want), "%s: %s of step %d is %.12g, not %.12g",
              k->name, what, step, got, want);
}

static double largest_norm(const method_kit *k, const char *table, int rows) {
    double largest = 0;
    for (int i = 0; i < rows; i++) {
        largest = fmax(largest, golden_stored(k->file, table)[i * GOLDEN_ROW + GOLDEN_PROJECTIONS]);
    }
    return largest;
}

static int find(const method_run *r, const char *name) {
    const int i = engine_find_variable(r->engine, name);
    cr_assert(i >= 0, "%s: there is no %s", r->kit->name, name);
    return i;
}

static void check_gradients(method_kit *k, const precision *p) {
    kd_tensor *loss;
    graph *g = method_graph(k, &loss);
    cr_assert_eq(g->parameters.count, k->parameters.count, "%s: %d parameters, not %d", k->name,
                 g->parameters.count, k->parameters.count);
    built_gradients(g, loss);
    kd_output(graph_root(g), "loss", loss);
    method_run r = method_compile(k, g, NULL);
    method_feed(&r, 0);
    check_scalar(k, "the loss", 0, method_loss(&r, r.step), *golden_stored(k->file, "loss"),
                 p->tolerance);
    const double largest = largest_norm(k, "gradients", k->parameters.count);
    const golden_check check = {k->file, "gradients", p->tolerance, 1e-12 * largest,
                                p->noise * largest};
    for (int i = 0; i < k->parameters.count; i++) {
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", k->parameters.name[i]);
        const kd_spec *spec = &engine_variable(r.engine, find(&r, k->parameters.name[i]))->spec;
        double *x = golden_read(r.step, name, spec);
        golden_compare(&check, i, k->parameters.name[i], spec, x);
        free(x);
    }
    method_run_close(&r);
}

static void check_table(const method_run *r, const char *table, const golden_names *of,
                        double tolerance) {
    /* A state that is zero by nature is rounding. */
    const golden_check check = {r->kit->file, table, tolerance, 1e-12, tolerance};
    for (int i = 0; i < of->count; i++) {
        const int v = find(r, of->name[i]);
        double *x = golden_read_variable(r->engine, v);
        golden_compare(&check, i, of->name[i], &engine_variable(r->engine, v)->spec, x);
        free(x);
    }
}

static bool knows(const golden_names *names, const char *name) {
    for (int i = 0; i < names->count; i++) {
        if (strcmp(names->name[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_states_are_known(const method_run *r) {
    for (int i = 0; i < engine_variables(r->engine); i++) {
        const variable *v = engine_variable(r->engine, i);
        cr_assert(v->kind != VARIABLE_STATE || strncmp(v->name, "optimizer.", 10) == 0 ||
                      knows(&r->kit->states, v->name),
                  "%s: the file has no state %s", r->kit->name, v->name);
    }
}

static void check_training(method_kit *k, const precision *p) {
    kd_tensor *loss;
    graph *g = method_graph(k, &loss);
    const optimizer how = method_optimizer(k);
    graph_minimize(g, loss, &how);
    method_run r = method_compile(k, g, NULL);
    check_states_are_known(&r);
    for (int step = 0; step < k->steps; step++) {
        method_feed(&r, step);
        check_scalar(k, "the loss", step, method_loss(&r, r.step),
                     golden_stored(k->file, "loss")[step], step ? p->curve : p->tolerance);
        if (step == 0) {
            check_table(&r, "weights", &k->parameters, p->tolerance);
            check_table(&r, "states", &k->states, p->tolerance);
        }
    }
    method_run_close(&r);
}

static void check_golden(const method_case *c, const precision *p) {
    method_kit k;
    method_open(&k, c->file, p->device, p->real);
    check_gradients(&k, p);
    check_training(&k, p);
    method_close(&k);
}

EACH_METHOD_CASE(golden, in_double_precision) {
    check_golden(c, &(precision){"reference", KD_F64, 1e-9, 1e-12, 1e-7});
    EXPECT_NO_LEAKS();
}

/* On the cpu device leaks are not looked for: LeakSanitizer crashes on OpenMP's waiting threads. */
EACH_METHOD_CASE(golden, in_single_precision) {
    check_golden(c, &(precision){"cpu", KD_F32, 1e-4, 1e-5, 1e-2});
}
