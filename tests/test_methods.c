/* SPDX-License-Identifier: Apache-2.0
 * Every method of this build: against PyTorch, against differences, against itself.
 *
 * A method gets all of it by a row below. Its golden files are written by scripts in
 * tests/golden/methods, whose common.py says how to add one. */
#include "leaks.h"
#include "method_kit.h"
#include "run_kit.h"

#include <kindred/ops.h>

#include "base/file.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>

#define MULTI_CROP                                                                                 \
    "[{recipe: simclr_cifar, size: 12, count: 2}, {recipe: simclr_cifar, size: 8, count: 2}]"

/* A golden file, and what else is known of the case. */
static const struct {
    const char *file;
    /* The loss that a random network starts with (methods.md 6), of the same options but these
     * widths and batch, and how near it must come; 0: nothing is known. */
    double sanity, within;
    const char *sanity_options;
    const char *run_options; /* of a small run that is cut off and goes on; NULL: none */
    const char *run_views;   /* NULL: two of 12 pixels */
} cases[] = {
    {"byol", 4, 0.5, "{hidden: 64, output: 256}", "{plugin: byol, hidden: 16, output: 8}", NULL},
    {"byol_mean", 2, 0.25, "{hidden: 64, output: 256, loss: mean}", NULL, NULL},
    {"simclr", 4.5539, 0.3, "{temperature: 0.5, output: 128}", /* ln(3 * 32 - 1) */
     "{plugin: simclr, hidden: 16, output: 8}", NULL},
    {"simsiam", 0, 0.2, "{output: 256}", "{plugin: simsiam, output: 16, bottleneck: 8}", NULL},
    {"simsiam_cifar"},
    {"barlow_twins", 66, 10, "{hidden: 64, output: 64}",
     "{plugin: barlow_twins, hidden: 16, output: 16}", NULL},
    {"barlow_twins_paper"},
    {"vicreg", .run_options = "{plugin: vicreg, hidden: 16, output: 16}"},
    {"vicreg_solo"},
    {"vicreg_paper"},
    {"supcon", 4.554, 0.05, "{hidden: 64, temperature: 10}",
     /* ln(3 * 32 - 1) */ "{plugin: supcon, output: 16}", NULL},
    {"supcon_inside"},
    {"supcon_official"},
    {"moco", 4.17, 0.2, "{queue: 64, temperature: 10}",
     "{plugin: moco, queue: 20, split: 2, keep: 0.9, output: 16}", NULL},
    {"moco_mean"},
    {"moco_split"},
    {"moco_v3", 13.9, 0.7, "{hidden: 64}", "{plugin: moco_v3, hidden: 16, output: 8}", NULL},
    {"moco_v3_vit"},
    {"nnclr", 3.47, 0.7, "{queue: 64}",
     "{plugin: nnclr, queue: 20, hidden: 16, output: 8, predictor_hidden: 16}", NULL},
    {"nnclr_unlabelled"},
    {"swav", 5.7, 0.5, "{prototypes: 300, hidden: 64, output: 128}",
     "{plugin: swav, prototypes: 8, hidden: 16, output: 8, queue: 16, queue_epochs: 0}",
     MULTI_CROP},
    {"swav_queue", 0, 0, NULL, NULL, NULL},
    {"swav_solo", 0, 0, NULL, NULL, NULL},
    {"deepcluster", 3.47, 0.1, "{prototypes: [32], hidden: 64, output: 128, temperature: 10}",
     "{plugin: deepcluster, prototypes: [4, 5], hidden: 16, output: 8}", MULTI_CROP},
    {"deepcluster_one", 0, 0, NULL, NULL, NULL},
    {"dino", 5.7, 0.5, "{hidden: 64, bottleneck: 256, output: 300}",
     "{plugin: dino, hidden: 16, bottleneck: 8, output: 8}", MULTI_CROP},
    {"dino_norm", 0, 0, NULL, NULL, NULL},
    {"dino_warm", 0, 0, NULL, NULL, NULL},
    {"pirl", 4.17, 0.5, "{loss: cross_entropy, negatives: 64, output: 128, temperature: 1}",
     "{plugin: pirl, negatives: 8, output: 8, grid: 2}", NULL},
    {"pirl_mlp", 0, 0, NULL, NULL, NULL},
    {"pirl_whole", 0, 0, NULL, NULL, NULL},
};
enum { CASES = sizeof cases / sizeof *cases };

static void name_of(char *ret, size_t bytes, const char *kind, const char *name) {
    snprintf(ret, bytes, "%s.%s", kind, name);
}

/* ---- Against PyTorch. ---- */

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

/* Gradients of these as outputs, beside the loss. */
static void emit_gradients(graph *g, kd_tensor *loss) {
    const int count = g->parameters.count;
    kd_tensor *wrt[count], *gradient[count];
    for (int i = 0; i < count; i++) {
        wrt[i] = g->parameters.item[i];
    }
    graph_root(g)->api->gradients(loss, wrt, (uint32_t)count, gradient);
    for (int i = 0; i < count; i++) {
        char name[256];
        name_of(name, sizeof name, "gradient", as_value(wrt[i])->name);
        kd_output(graph_root(g), name, gradient[i]);
    }
    kd_output(graph_root(g), "loss", loss);
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
    emit_gradients(g, loss);
    method_run r = method_compile(k, g, NULL);
    method_feed(&r, 0);
    check_scalar(k, "the loss", 0, method_loss(&r, r.step), *golden_stored(k->file, "loss"),
                 p->tolerance);
    const double largest = largest_norm(k, "gradients", k->parameters.count);
    const golden_check check = {k->file, "gradients", p->tolerance, 1e-12 * largest,
                                p->noise * largest};
    for (int i = 0; i < k->parameters.count; i++) {
        char name[256];
        name_of(name, sizeof name, "gradient", k->parameters.name[i]);
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

static void check_golden(int index, const precision *p) {
    method_kit k;
    method_open(&k, cases[index].file, p->device, p->real);
    check_gradients(&k, p);
    check_training(&k, p);
    method_close(&k);
}

static struct criterion_test_params every_case(void) {
    static int index[CASES];
    for (int i = 0; i < CASES; i++) {
        index[i] = i;
    }
    return cr_make_param_array(int, index, CASES);
}

#define EACH(suite, name)                                                                          \
    ParameterizedTestParameters(suite, name) {                                                     \
        return every_case();                                                                       \
    }                                                                                              \
    ParameterizedTest(int *i, suite, name)

EACH(golden, in_double_precision) {
    check_golden(*i, &(precision){"reference", KD_F64, 1e-9, 1e-12, 1e-7});
    EXPECT_NO_LEAKS();
}

/* On the cpu device leaks are not looked for: LeakSanitizer crashes on OpenMP's waiting threads. */
EACH(golden, in_single_precision) {
    check_golden(*i, &(precision){"cpu", KD_F32, 1e-4, 1e-5, 1e-2});
}

/* ---- Against differences. ---- */

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

typedef struct snapshot {
    void *data[4 * GOLDEN_NAMES];
} snapshot;

static void take(const method_run *r, snapshot *s) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(r->engine); i++) {
        const size_t bytes = kd_bytes(&engine_variable(r->engine, i)->spec);
        s->data[i] = malloc(bytes + 1);
        cr_assert(engine_read_variable(r->engine, i, s->data[i], bytes, &err));
    }
}

static void drop(const method_run *r, snapshot *s) {
    for (int i = 0; i < engine_variables(r->engine); i++) {
        free(s->data[i]);
    }
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
        name_of(name, sizeof name, "gradient", v->name);
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

EACH(method, has_the_derivative_of_its_loss) {
    enum { HELD = 512 };
    static kd_spec spec[HELD], other[HELD];
    static snapshot at;
    method_kit k;
    kd_tensor *loss;
    method_open(&k, cases[*i].file, "reference", KD_F64);
    graph *held = method_graph(&k, &loss);
    const int constants = hold_constants(held, held->nodes.count, true, other);
    kd_output(graph_root(held), "loss", loss);
    graph *g = method_graph(&k, &loss);
    cr_assert_eq(hold_constants(g, g->nodes.count, false, spec), constants);
    emit_gradients(g, loss);
    method_run r = method_compile(&k, g, held);
    method_feed(&r, 0);
    method_feed_second(&r, 0);
    take(&r, &at);
    const double value = method_loss(&r, r.step), want = by_gradients(&r);
    for (int c = 0; c < constants; c++) {
        char name[32];
        snprintf(name, sizeof name, "held%d", c);
        double *x = golden_read(r.step, name, &spec[c]);
        kd_error err = KD_ERROR_INIT;
        kd_spec there;
        cr_assert(!program_input_spec(r.second, name, &there) ||
                  program_write_reals(r.second, name, x, kd_elements(&spec[c]), &err));
        free(x);
    }
    go(&r, &at, 0);
    const double again = method_loss(&r, r.second); /* asserts evaluate twice */
    cr_assert_float_eq(again, value, 1e-12 * (1 + fabs(value)), "%s", k.name);
    /* A kink of some relu may lie between the points of the wider difference, not of both. */
    const double wide = difference(&r, &at, 1e-6), narrow = difference(&r, &at, 1e-7);
    const double got = fabs(wide - want) < fabs(narrow - want) ? wide : narrow;
    cr_assert(fabs(got - want) <= 1e-6 * fabs(want), "%s: a derivative of %.12g, not %.12g", k.name,
              want, got);
    drop(&r, &at);
    method_run_close(&r);
    method_close(&k);
    EXPECT_NO_LEAKS();
}

/* ---- Against itself. ---- */

/* A teacher takes no gradient because no path leads to it, not because nobody asks. */
EACH(method, has_no_path_to_its_averages) {
    method_kit k;
    kd_tensor *loss;
    method_open(&k, cases[*i].file, "reference", KD_F64);
    graph *g = method_graph(&k, &loss);
    const int parameters = g->parameters.count, averages = g->averages.count;
    const int count = parameters + averages;
    kd_tensor *wrt[count], *gradient[count];
    for (int n = 0; n < count; n++) {
        wrt[n] = n < parameters ? g->parameters.item[n] : g->averages.item[n - parameters];
    }
    graph_root(g)->api->gradients(loss, wrt, (uint32_t)count, gradient);
    for (int n = 0; n < count; n++) {
        cr_expect_eq(as_value(wrt[n])->gradient != NULL, n < parameters, "%s: %s", k.name,
                     as_value(wrt[n])->name);
    }
    graph_destroy(g);
    method_close(&k);
    EXPECT_NO_LEAKS();
}

EACH(method, starts_where_a_random_network_does) {
    method_kit k;
    kd_tensor *loss;
    kd_error err = KD_ERROR_INIT;
    if (cases[*i].within > 0) {
        method_open(&k, cases[*i].file, "reference", KD_F64);
        const char *id = golden_text(k.file, "method");
        const plugin *p = registry_load(k.b.plugins, KD_KIND_METHOD, id, &err);
        k.config = built_config(&k.b, p, cases[*i].sanity_options);
        k.fresh = true;
        k.samples = 32;
        k.total = 64;
        graph *g = method_graph(&k, &loss);
        kd_output(graph_root(g), "loss", loss);
        method_run r = method_compile(&k, g, NULL);
        method_feed(&r, 0);
        const double value = method_loss(&r, r.step);
        cr_expect_float_eq(value, cases[*i].sanity, cases[*i].within, "%s: %g", k.name, value);
        method_run_close(&r);
        method_close(&k);
    }
    EXPECT_NO_LEAKS();
}

EACH(method, repeats_bit_for_bit) {
    static snapshot first, second;
    snapshot *const after[] = {&first, &second};
    method_kit k;
    method_open(&k, cases[*i].file, "cpu", KD_F32);
    const optimizer how = method_optimizer(&k);
    method_run twin[2];
    for (int n = 0; n < 2; n++) {
        kd_tensor *loss;
        graph *g = method_graph(&k, &loss);
        graph_minimize(g, loss, &how);
        twin[n] = method_compile(&k, g, NULL);
        for (int step = 0; step < 5; step++) {
            method_feed(&twin[n], step);
            cr_assert(isfinite(method_loss(&twin[n], twin[n].step)));
        }
        take(&twin[n], after[n]);
    }
    for (int v = 0; v < engine_variables(twin[0].engine); v++) {
        const variable *shown = engine_variable(twin[0].engine, v);
        cr_assert(memcmp(first.data[v], second.data[v], kd_bytes(&shown->spec)) == 0, "%s: %s",
                  k.name, shown->name);
    }
    for (int n = 0; n < 2; n++) {
        drop(&twin[n], after[n]);
        method_run_close(&twin[n]);
    }
    method_close(&k);
}

static void train_small(run_kit *kit, int how, const char *name, int index) {
    kd_error err = KD_ERROR_INIT;
    int outcome;
    const char *views = cases[index].run_views;
    char title[64], method[512], viewed[512];
    name_of(title, sizeof title, "name=run", name);
    snprintf(method, sizeof method, "method=%s", cases[index].run_options);
    snprintf(viewed, sizeof viewed, "views=%s", views ? views : "");
    const char *const words[] = {title, method, "checkpoint.keep=4", views ? viewed : NULL, NULL};
    cr_assert(kit_train(kit, how, words, &outcome, &err), "%s: %s", cases[index].file, err.message);
}

static void forget(const char *name, int64_t after) {
    for (int64_t step = after + 4; step <= 16; step += 4) {
        kd_error err = KD_ERROR_INIT;
        char path[128];
        snprintf(path, sizeof path, "runs/run.%s/checkpoints/step-%lld", name, (long long)step);
        cr_assert(file_remove_tree(path, &err), "%s", err.message);
    }
}

/* As if killed after step 4, within the first epoch, and after step 8, between the two. */
EACH(method, goes_on_bit_for_bit) {
    if (cases[*i].run_options) {
        run_kit kit;
        kit_open(&kit);
        train_small(&kit, FOLDER_NEW, "whole", *i);
        train_small(&kit, FOLDER_NEW, "cut", *i);
        for (int64_t after = 4; after <= 8; after += 4) {
            forget("cut", after);
            train_small(&kit, FOLDER_RESUME, "cut", *i);
            cr_assert(kit_same_state("run.whole", "run.cut", 16), "%s: after step %lld",
                      cases[*i].file, (long long)after);
        }
        kit_close(&kit);
    }
    EXPECT_NO_LEAKS();
}

/* ---- All of them. ---- */

TEST(methods, have_golden_files_and_small_runs) {
    built b;
    built_open(&b, "reference");
    for (int n = 0; n < registry_count(b.plugins); n++) {
        const plugin *p = registry_at(b.plugins, n);
        bool golden = false, small = false;
        for (int i = 0; i < CASES && p->note.kind == KD_KIND_METHOD; i++) {
            method_kit k;
            method_open(&k, cases[i].file, "reference", KD_F64);
            const bool own = strcmp(golden_text(k.file, "method"), p->note.id) == 0;
            golden = golden || own;
            small = small || (own && cases[i].run_options);
            method_close(&k);
        }
        cr_expect(p->note.kind != KD_KIND_METHOD || (golden && small), "%s has no row in %s",
                  p->note.id, __FILE__);
    }
    built_close(&b);
}
