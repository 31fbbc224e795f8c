/* SPDX-License-Identifier: Apache-2.0
 * Every method's gradients against differences of its own loss, along one direction of all
 * parameters. */
#include "leaks.h"
#include "method_cases.h"

#include <kindred/ops.h>

#include <math.h>
#include <stdlib.h>

static bool is_constant(const struct node *n, int32_t real) {
    return n->op->flags & KD_OP_CONSTANT && n->view.n_inputs > 0 && n->out[0]->spec.dtype == real;
}

/* What no gradient flows through is constant for a derivative. With `hold`, it is an input to all
 * that reads it; else, an output. Returns how many there are. */
static int hold_constants(graph *g, int nodes, bool hold, kd_spec *spec) {
    int count = 0;
    for (int i = 0; i < nodes; i++) {
        struct node *n = g->nodes.item[i];
        if (!is_constant(n, g->real)) {
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "held%d", count);
        struct value *was = n->out[0];
        spec[count++] = was->spec;
        if (!hold) {
            /* A copy: it may be a state's memory, which the step writes. */
            kd_output(graph_root(g), name, kd_emit1("copy", &was->base));
            continue;
        }
        struct value *now = as_value(kd_input(graph_root(g), name, was->spec));
        for (int m = 0; m < nodes; m++) {
            struct node *reader = g->nodes.item[m];
            for (uint32_t in = 0; in < reader->view.n_inputs; in++) {
                reader->in[in] = reader->in[in] == was ? now : reader->in[in];
            }
        }
    }
    return count;
}

static double direction(int of, int64_t i) {
    char name[32];
    snprintf(name, sizeof name, "direction%d", of);
    return golden_unit(golden_key(name), (uint64_t)i);
}

/* Goes to `distance` from the snapshot along one fixed direction of all parameters. */
static void go(const method_run *r, const snapshot *s, double distance) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(r->engine); i++) {
        const variable *v = engine_variable(r->engine, i);
        const size_t bytes = kd_bytes(&v->spec);
        double *x = malloc(bytes + 1);
        memcpy(x, s->data[i], bytes);
        for (int64_t k = 0; v->kind == VARIABLE_PARAMETER && k < kd_elements(&v->spec); k++) {
            x[k] += distance * direction(i, k);
        }
        cr_assert(engine_write_variable(r->engine, i, x, bytes, &err));
        free(x);
    }
}

static double by_gradients(const method_run *r) {
    double sum = 0;
    for (int i = 0; i < engine_variables(r->engine); i++) {
        const variable *v = engine_variable(r->engine, i);
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", v->name);
        if (v->kind == VARIABLE_PARAMETER) {
            double *x = golden_read(r->step, name, &v->spec);
            for (int64_t k = 0; k < kd_elements(&v->spec); k++) {
                sum += x[k] * direction(i, k);
            }
            free(x);
        }
    }
    return sum;
}

/* The loss's central difference along the direction of go(). */
static double difference(const method_run *r, const snapshot *at, double distance) {
    go(r, at, distance);
    const double ahead = method_loss(r, r->second);
    go(r, at, -distance);
    return (ahead - method_loss(r, r->second)) / (2 * distance);
}

/* From the step, where they are outputs, to the second program, where they are inputs. */
static void pass_constants(const method_run *r, int count, const kd_spec *spec) {
    for (int c = 0; c < count; c++) {
        char name[32];
        snprintf(name, sizeof name, "held%d", c);
        double *x = golden_read(r->step, name, &spec[c]);
        kd_error err = KD_ERROR_INIT;
        kd_spec there;
        cr_assert(!program_input_spec(r->second, name, &there) ||
                  program_write_reals(r->second, name, x, kd_elements(&spec[c]), &err));
        free(x);
    }
}

EACH_METHOD_CASE(method, has_the_derivative_of_its_loss) {
    enum { HELD = 512 };
    static kd_spec spec[HELD], other[HELD];
    static snapshot at;
    method_kit k;
    kd_tensor *loss;
    method_open(&k, c->file, "reference", KD_F64);
    graph *held = method_graph(&k, &loss);
    const int constants = hold_constants(held, held->nodes.count, true, other);
    kd_output(graph_root(held), "loss", loss);
    graph *g = method_graph(&k, &loss);
    cr_assert_eq(hold_constants(g, g->nodes.count, false, spec), constants);
    built_gradients(g, loss);
    kd_output(graph_root(g), "loss", loss);
    method_run r = method_compile(&k, g, held);
    method_feed(&r, 0);
    method_feed_second(&r, 0);
    snapshot_take(&r, &at);
    const double value = method_loss(&r, r.step), want = by_gradients(&r);
    pass_constants(&r, constants, spec);
    go(&r, &at, 0);
    const double again = method_loss(&r, r.second); /* asserts evaluate twice */
    cr_assert_float_eq(again, value, 1e-12 * (1 + fabs(value)), "%s", k.name);
    /* A kink of some relu may lie between the points of the wider difference, not of both. */
    const double wide = difference(&r, &at, 1e-6), narrow = difference(&r, &at, 1e-7);
    const double got = fabs(wide - want) < fabs(narrow - want) ? wide : narrow;
    cr_assert(fabs(got - want) <= 1e-6 * fabs(want), "%s: a derivative of %.12g, not %.12g", k.name,
              want, got);
    snapshot_drop(&r, &at);
    method_run_close(&r);
    method_close(&k);
    EXPECT_NO_LEAKS();
}
