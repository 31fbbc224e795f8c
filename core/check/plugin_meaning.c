/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for methods and backbones: derivatives in double precision, repetition. */
#include "check/plugin_method.h"

#include "graph/internal.h"

#include <math.h>
#include <stdlib.h>

/* A step, and the same loss with everything held that no gradient flows through. */
typedef struct derivative {
    method_bench bench;
    engine *engine;
    kd_program *step, *still;
    int held;
    kd_spec spec[BENCH_HELD];
    double *start[4096]; /* of each variable */
} derivative;

static bool compile(derivative *d, kd_error *err) {
    kd_spec other[BENCH_HELD];
    int again = 0;
    method_bench *b = &d->bench;
    graph *step = bench_graph(b, END_GRADIENTS, &d->held, d->spec);
    graph *still = bench_graph(b, END_HELD, &again, other);
    d->engine = engine_create(b->kit->device_table, b->kit->device, b->seed);
    engine_use_ops(d->engine, b->kit->ops);
    return engine_compile(d->engine, step, "step", &d->step, err) &&
           engine_compile(d->engine, still, "still", &d->still, err) &&
           engine_allocate(d->engine, err) && bench_feed(b, d->step, err) &&
           bench_feed(b, d->still, err);
}

static double direction(const derivative *d, int of, int64_t i) {
    return kit_draw(d->bench.seed, 1000 + (uint64_t)of, (uint64_t)i);
}

static bool take_start(derivative *d, kd_error *err) {
    for (int i = 0; i < engine_variables(d->engine); i++) {
        const size_t bytes = kd_bytes(&engine_variable(d->engine, i)->spec);
        d->start[i] = arena_alloc(&d->bench.kit->memory, bytes + 1);
        if (!engine_read_variable(d->engine, i, d->start[i], bytes, err)) {
            return false;
        }
    }
    return true;
}

/* To `distance` from the start along one fixed direction of all parameters. */
static bool go(derivative *d, double distance, kd_error *err) {
    bool ok = true;
    for (int i = 0; i < engine_variables(d->engine) && ok; i++) {
        const variable *v = engine_variable(d->engine, i);
        const size_t bytes = kd_bytes(&v->spec);
        double *x = kd_alloc(bytes + 1);
        memcpy(x, d->start[i], bytes);
        for (int64_t k = 0; v->kind == VARIABLE_PARAMETER && k < kd_elements(&v->spec); k++) {
            x[k] += distance * direction(d, i, k);
        }
        ok = engine_write_variable(d->engine, i, x, bytes, err);
        free(x);
    }
    return ok;
}

/* What the step left as outputs goes in as inputs; those that nothing reads are not there. */
static bool pass_held(derivative *d, kd_error *err) {
    bool ok = true;
    for (int i = 0; i < d->held && ok; i++) {
        const size_t bytes = kd_bytes(&d->spec[i]);
        char name[32];
        kd_spec there;
        snprintf(name, sizeof name, "held%d", i);
        if (program_input_spec(d->still, name, &there)) {
            void *x = kd_alloc(bytes + 1);
            ok = program_read(d->step, name, x, bytes, err) &&
                 program_write(d->still, name, x, bytes, err);
            free(x);
        }
    }
    return ok;
}

static double loss_of(kd_program *p, kd_error *err) {
    double loss = NAN;
    return program_run(p, err) && program_read_scalar(p, "loss", &loss, err) ? loss : (double)NAN;
}

static double difference(derivative *d, double distance, kd_error *err) {
    double ahead = NAN, behind = NAN;
    if (go(d, distance, err)) {
        ahead = loss_of(d->still, err);
    }
    if (go(d, -distance, err)) {
        behind = loss_of(d->still, err);
    }
    return (ahead - behind) / (2 * distance);
}

/* The derivative along the direction, by the gradients; sees that each reaches its parameter. */
static double by_gradients(derivative *d, plugin_case *c, kd_error *err) {
    double sum = 0;
    for (int i = 0; i < engine_variables(d->engine); i++) {
        const variable *v = engine_variable(d->engine, i);
        if (v->kind != VARIABLE_PARAMETER) {
            continue;
        }
        const int64_t count = kd_elements(&v->spec);
        double *x = kd_alloc((size_t)count * sizeof *x + 1), largest = 0;
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", v->name);
        if (!program_read(d->step, name, x, (size_t)count * sizeof *x, err)) {
            sum = NAN;
        }
        for (int64_t k = 0; k < count; k++) {
            largest = fmax(largest, fabs(x[k]));
            sum += x[k] * direction(d, i, k);
        }
        free(x);
        if (!(largest > 0) || !isfinite(sum)) {
            rule_fail(c, "%s gets %s gradient, so it is not trained", v->name,
                      isfinite(sum) ? "no" : "an infinite");
        }
    }
    return sum;
}

/* Of differences over three distances the one nearest to `want`: a kink of some relu may lie
 * between the points of one, not of all. The more parameters move, the less each does. */
static double nearest_difference(derivative *d, double want, kd_error *err) {
    double parameters = 1, best = (double)NAN;
    for (int i = 0; i < engine_variables(d->engine); i++) {
        const variable *v = engine_variable(d->engine, i);
        parameters += v->kind == VARIABLE_PARAMETER ? (double)kd_elements(&v->spec) : 0;
    }
    double distance = 1e-4 / sqrt(parameters);
    for (int i = 0; i < 3; i++, distance /= 10) {
        const double got = difference(d, distance, err);
        best = fabs(best - want) <= fabs(got - want) ? best : got;
    }
    return best;
}

static bool measure(derivative *d, plugin_case *c, kd_error *err) {
    if (!compile(d, err) || !take_start(d, err)) {
        return false;
    }
    const double loss = loss_of(d->step, err);
    if (!isfinite(loss)) {
        rule_fail(c, "its loss is not finite: %g %s", loss, err->message);
        return true;
    }
    const double want = by_gradients(d, c, err);
    if (!pass_held(d, err)) {
        return false;
    }
    const double again = go(d, 0, err) ? loss_of(d->still, err) : (double)NAN;
    if (!(fabs(again - loss) <= 1e-9 * (1 + fabs(loss)))) {
        rule_skip(c, "built again, its loss is another: see M02");
        return true;
    }
    const double got = nearest_difference(d, want, err);
    if (!(fabs(got - want) <= 1e-5 * fabs(want) + 1e-9)) {
        rule_fail(c, "the loss changes by %.9g along a direction, its gradients say %.9g", got,
                  want);
    }
    return true;
}

static void has_right_gradients(plugin_case *c) {
    plugin_kit k;
    kd_error err = KD_ERROR_INIT;
    derivative *d = kd_alloc(sizeof *d);
    if (kit_open(&k, c) && bench_open(&d->bench, &k, c) && !measure(d, c, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
    }
}

/* Three steps of a fresh build. false: err says why */
static bool three_steps(method_bench *b, double *ret_losses, kd_error *err) {
    int held;
    kd_spec spec[BENCH_HELD];
    kd_program *p;
    engine *e = engine_create(b->kit->device_table, b->kit->device, b->seed);
    engine_use_ops(e, b->kit->ops);
    graph *g = bench_graph(b, END_TRAINS, &held, spec);
    const double hyper[5] = {0.05, 1e-4, 1, 1, 1};
    bool ok = engine_compile(e, g, "step", &p, err) && engine_allocate(e, err) &&
              bench_feed(b, p, err) && program_write_reals(p, "hyper", hyper, 5, err);
    for (int i = 0; i < 3 && ok; i++) {
        ok = program_run(p, err) && program_read_scalar(p, "loss", &ret_losses[i], err);
    }
    engine_destroy(e);
    return ok;
}

static void repeats(plugin_case *c) {
    plugin_kit k;
    method_bench b;
    kd_error err = KD_ERROR_INIT;
    double one[3], two[3];
    if (!kit_open(&k, c) || !bench_open(&b, &k, c)) {
        return;
    }
    if (!three_steps(&b, one, &err) || !three_steps(&b, two, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (one[i] != two[i]) {
            rule_fail(c, "step %d has loss %.17g, built again %.17g", i + 1, one[i], two[i]);
        } else if (!isfinite(one[i])) {
            rule_fail(c, "step %d has loss %g", i + 1, one[i]);
        }
    }
}

const plugin_rule plugin_rules_steps[] = {
    {"M01", "every parameter's gradient is the loss's derivative, in f64", 3,
     KINDS(METHOD) | KINDS(BACKBONE), has_right_gradients},
    {"M02", "built again, it gives the same bits", 3, KINDS(METHOD) | KINDS(BACKBONE), repeats},
    {"M03", "its features have the right shapes, its parameters are shared and in its scope", 3,
     KINDS(BACKBONE), backbone_gives_features},
    {.id = NULL},
};
