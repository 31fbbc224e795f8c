/* SPDX-License-Identifier: Apache-2.0
 * One step of ResNet + SimCLR, its gradients and what the optimizers make of them, against PyTorch:
 * the numbers of tests/golden/make_golden.py, which says how its inputs are drawn.
 *
 * In double and in single precision on the reference device, in single on the cpu device. */
#include "built_plugins.h"
#include "golden_numbers.h"
#include "graph/internal.h"
#include "leaks.h"

#include <kindred/update.h>

#include <math.h>
#include <stdlib.h>

/* A case: its file, and what it says. */
typedef struct golden {
    built b;
    safetensors *file;
    int32_t real;
    double tolerance;
    golden_names parameters, statistics;
    built_encoder encoder;
    built_method method;
    optimizer optimizer;
} golden;

static void write_reals(kd_program *p, const char *name, const double *x, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_write_reals(p, name, x, count, &err), "%s", err.message);
}

static void write_views(const golden *g, kd_program *p) {
    const built_method *m = &g->method;
    const int64_t count = (int64_t)m->samples * m->size * m->size * m->channels;
    double *x = malloc((size_t)count * sizeof *x);
    for (int v = 0; v < m->views; v++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", v);
        for (int64_t i = 0; i < count; i++) {
            x[i] = golden_unit(golden_key(name), (uint64_t)i);
        }
        write_reals(p, name, x, count);
    }
    free(x);
}

static void write_start(const golden *g, const engine *e, kd_program *p) {
    for (int n = 0; n < g->parameters.count; n++) {
        const char *name = g->parameters.name[n];
        const int v = engine_find_variable(e, name);
        cr_assert(v >= 0, "there is no %s", name);
        const kd_spec *spec = &engine_variable(e, v)->spec;
        double *x = malloc((size_t)kd_elements(spec) * sizeof *x);
        for (int64_t i = 0; i < kd_elements(spec); i++) {
            x[i] = golden_start(name, spec, i);
        }
        write_reals(p, name, x, kd_elements(spec));
        free(x);
    }
}

static engine *compile(const golden *g, graph *described, kd_program **ret) {
    kd_error err = KD_ERROR_INIT;
    engine *e = engine_create(g->b.device_table, g->b.device, 1);
    cr_assert(engine_compile(e, described, "step", ret, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    write_start(g, e, *ret);
    write_views(g, *ret);
    return e;
}

static void check_scalar(const golden *g, kd_program *p, const char *name, const char *table,
                         int step) {
    kd_error err = KD_ERROR_INIT;
    double got;
    cr_assert(program_read_scalar(p, name, &got, &err), "%s", err.message);
    const double want = golden_stored(g->file, table)[step];
    cr_assert(fabs(got - want) <= g->tolerance * fabs(want), "%s %d: %.12g, not %.12g", name, step,
              got, want);
}

static void run_program(kd_program *p) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_run(p, &err), "%s", err.message);
}

static void check_gradients(const golden *g) {
    graph *described = graph_create(&(graph_options){.real = g->real});
    kd_scope s = graph_root(described);
    kd_tensor *loss = built_loss(described, &g->method), *wrt[GOLDEN_NAMES],
              *gradient[GOLDEN_NAMES];
    cr_assert_eq(described->parameters.count, g->parameters.count);
    for (int i = 0; i < g->parameters.count; i++) {
        struct value *v = graph_find(&described->parameters, g->parameters.name[i]);
        cr_assert(v, "the graph has no %s", g->parameters.name[i]);
        wrt[i] = &v->base;
    }
    s->api->gradients(loss, wrt, (uint32_t)g->parameters.count, gradient);
    kd_spec spec[GOLDEN_NAMES];
    for (int i = 0; i < g->parameters.count; i++) {
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", g->parameters.name[i]);
        kd_output(s, name, gradient[i]);
        spec[i] = kd_spec_of(wrt[i]);
    }
    kd_output(s, "loss", loss);
    kd_program *p;
    engine *e = compile(g, described, &p);
    run_program(p);
    check_scalar(g, p, "loss", "loss", 0);
    check_scalar(g, p, "accuracy", "accuracy", 0);
    const golden_check check = {g->file, "gradients", g->tolerance, 0, 0};
    for (int i = 0; i < g->parameters.count; i++) {
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", g->parameters.name[i]);
        double *x = golden_read(p, name, &spec[i]);
        golden_compare(&check, i, g->parameters.name[i], &spec[i], x);
        free(x);
    }
    engine_destroy(e);
}

static void check_table(const golden *g, const engine *e, kd_program *p, const char *table,
                        const golden_names *of) {
    const golden_check check = {g->file, table, g->tolerance, 0, 0};
    for (int i = 0; i < of->count; i++) {
        const kd_spec *spec = &engine_variable(e, engine_find_variable(e, of->name[i]))->spec;
        double *x = golden_read(p, of->name[i], spec);
        golden_compare(&check, i, of->name[i], spec, x);
        free(x);
    }
}

/* Two steps, so that the moments count. */
static void check_training(const golden *g) {
    graph *described = graph_create(&(graph_options){.real = g->real});
    graph_minimize(described, built_loss(described, &g->method), &g->optimizer);
    kd_program *p;
    engine *e = compile(g, described, &p);
    const double decay = strtod(safetensors_metadata(g->file, "decay"), NULL);
    for (int step = 0; step < 2; step++) {
        const char *rate = step ? "second_rate" : "first_rate";
        const double hyper[] = {strtod(safetensors_metadata(g->file, rate), NULL), decay,
                                1 - pow(g->optimizer.beta1, step + 1),
                                1 - pow(g->optimizer.beta2, step + 1), 1};
        write_reals(p, "hyper", hyper, 5);
        run_program(p);
        check_scalar(g, p, "loss", "loss", step);
    }
    check_table(g, e, p, "weights", &g->parameters);
    check_table(g, e, p, "statistics", &g->statistics);
    engine_destroy(e);
}

static const struct {
    const char *name;
    optimizer optimizer;
} optimizers[] = {
    {"sgd", {.name = "sgd", .momentum = 0.9}},
    {"lars_fb", {.name = "lars", .momentum = 0.9, .lars_variant = KD_LARS_FB, .trust = 0.001}},
    {"lars_google",
     {.name = "lars", .momentum = 0.9, .lars_variant = KD_LARS_GOOGLE, .trust = 0.001}},
    {"lars_solo",
     {.name = "lars",
      .momentum = 0.9,
      .lars_variant = KD_LARS_SOLO,
      .trust = 0.02,
      .clip_ratio = true}},
    {"adamw", {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}},
};

static void open_plugins(golden *g) {
    kd_error err = KD_ERROR_INIT;
    char options[256];
    snprintf(options, sizeof options, "{depth: %d, stem: %s, width: %d}",
             golden_number(g->file, "depth"), golden_text(g->file, "stem"),
             golden_number(g->file, "width"));
    g->encoder = built_encoder_of(&g->b, "resnet", options);
    snprintf(options, sizeof options,
             "{head: %s, hidden: %d, output: %d, temperature: %s, loss: %s}",
             golden_text(g->file, "head"), golden_number(g->file, "hidden"),
             golden_number(g->file, "output"), golden_text(g->file, "temperature"),
             golden_text(g->file, "loss"));
    const plugin *p = registry_load(g->b.plugins, KD_KIND_METHOD, "simclr", &err);
    cr_assert(p, "%s", err.message);
    g->method = (built_method){.table = p->table,
                               .config = built_config(&g->b, p, options),
                               .encoder = &g->encoder.base,
                               .views = golden_number(g->file, "views"),
                               .samples = golden_number(g->file, "samples"),
                               .size = golden_number(g->file, "size"),
                               .channels = golden_number(g->file, "channels")};
}

static void check_case(const char *name, const char *device, int32_t real, double tolerance) {
    golden g = {.real = real, .tolerance = tolerance};
    kd_error err = KD_ERROR_INIT;
    char path[512];
    snprintf(path, sizeof path, "%s/golden/%s.safetensors", getenv("KINDRED_TEST_SOURCE"), name);
    built_open(&g.b, device);
    g.file = safetensors_open(path, &err);
    cr_assert(g.file, "%s", err.message);
    golden_split(golden_text(g.file, "parameters"), &g.parameters);
    golden_split(golden_text(g.file, "statistics"), &g.statistics);
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        if (strcmp(optimizers[i].name, golden_text(g.file, "optimizer")) == 0) {
            g.optimizer = optimizers[i].optimizer;
        }
    }
    cr_assert(g.optimizer.name);
    open_plugins(&g);
    check_gradients(&g);
    check_training(&g);
    free(g.parameters.text);
    free(g.statistics.text);
    safetensors_close(g.file);
    built_close(&g.b);
}

/* Rounding moves an activation across 0 now and then, and its share of a gradient comes or goes:
 * the cases are chosen so that PyTorch's own single precision stays within this. */
static const double single = 1e-4;

/* On the cpu device leaks are not looked for: LeakSanitizer crashes on OpenMP's waiting threads. */

TEST(resnet18_sgd, in_double_precision) {
    check_case("resnet18_sgd", "reference", KD_F64, 1e-9);
}

TEST(resnet18_sgd, in_single_precision) {
    check_case("resnet18_sgd", "reference", KD_F32, single);
}

Test(resnet18_sgd, on_the_cpu_device) {
    check_case("resnet18_sgd", "cpu", KD_F32, single);
}

TEST(resnet50_lars, in_double_precision) {
    check_case("resnet50_lars", "reference", KD_F64, 1e-9);
}

TEST(resnet50_lars, in_single_precision) {
    check_case("resnet50_lars", "reference", KD_F32, single);
}

Test(resnet50_lars, on_the_cpu_device) {
    check_case("resnet50_lars", "cpu", KD_F32, single);
}

TEST(resnet34_larc, in_double_precision) {
    check_case("resnet34_larc", "reference", KD_F64, 1e-9);
}

TEST(resnet34_larc, in_single_precision) {
    check_case("resnet34_larc", "reference", KD_F32, single);
}

Test(resnet34_larc, on_the_cpu_device) {
    check_case("resnet34_larc", "cpu", KD_F32, single);
}

TEST(resnet18_adamw, in_double_precision) {
    check_case("resnet18_adamw", "reference", KD_F64, 1e-9);
}

TEST(resnet18_adamw, in_single_precision) {
    check_case("resnet18_adamw", "reference", KD_F32, single);
}

Test(resnet18_adamw, on_the_cpu_device) {
    check_case("resnet18_adamw", "cpu", KD_F32, single);
}

TEST(resnet18_google_lars, in_double_precision) {
    check_case("resnet18_google_lars", "reference", KD_F64, 1e-9);
}

TEST(resnet18_google_lars, in_single_precision) {
    check_case("resnet18_google_lars", "reference", KD_F32, single);
}

Test(resnet18_google_lars, on_the_cpu_device) {
    check_case("resnet18_google_lars", "cpu", KD_F32, single);
}

/* torch.nn.functional.normalize: such a row stays 0, and the loss's gradient reaches it unharmed.
 */
TEST(normalize, a_row_of_zeros_has_a_finite_gradient) {
    golden g = {.real = KD_F64};
    built_open(&g.b, "reference");
    graph *described = graph_create(&(graph_options){.real = KD_F64});
    kd_scope s = graph_root(described);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 2, .dim = {2, 3}}), *gradient;
    kd_tensor *loss = kd_sum(kd_mul(kd_l2_normalize(x), x));
    s->api->gradients(loss, &x, 1, &gradient);
    kd_output(s, "gradient", gradient);
    kd_program *p;
    kd_error err = KD_ERROR_INIT;
    engine *e = engine_create(g.b.device_table, g.b.device, 1);
    cr_assert(engine_compile(e, described, "p", &p, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    write_reals(p, "x", (double[]){0, 0, 0, 3, 0, 4}, 6);
    run_program(p);
    double *got = golden_read(p, "gradient", &(kd_spec){KD_F64, 2, {2, 3}});
    const double want[] = {0, 0, 0, 0.6, 0, 0.8}; /* of |x|: its direction */
    for (int i = 0; i < 6; i++) {
        cr_assert_float_eq(got[i], want[i], 1e-12, "%d: %g, not %g", i, got[i], want[i]);
    }
    free(got);
    engine_destroy(e);
    built_close(&g.b);
}
