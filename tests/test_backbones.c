/* SPDX-License-Identifier: Apache-2.0
 * Backbones against timm and torchvision: features of views of several sizes and gradients, the
 * numbers of golden/make_backbones.py, which says how inputs are drawn; and what is random in them.
 */
#include "base/safetensors.h"
#include "built_plugins.h"
#include "golden_numbers.h"
#include "graph/internal.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 3, PROJECTIONS = 3, MAX_SIZES = 3 };

static double start_value(const char *name, const kd_spec *spec, int64_t i) {
    const double u = golden_unit(golden_key(name), (uint64_t)golden_torch_index(spec, i));
    const size_t length = strlen(name);
    if (spec->rank > 1) {
        return u * sqrt(3 / ((double)kd_elements(spec) / (double)spec->dim[0]));
    }
    return (strcmp(name + length - 6, "weight") == 0 ? 1 : 0) + 0.1 * u;
}

/* A case of the file: the encoder that it is of, and the sizes of its views. */
typedef struct tiny {
    const char *name, *plugin, *options;
    int size[MAX_SIZES];
} tiny;

#define VIT "patch: 4, image_size: 16, width: 32, depth: 2"
static const tiny cases[] = {
    {"timm", "vit", "{" VIT ", heads: 2, antialias: true}", {16, 12, 24}},
    {"dino", "vit", "{" VIT ", heads: 2}", {16, 12, 24}},
    {"mean", "vit", "{" VIT ", heads: 4, pool: mean, qkv_bias: false, antialias: true}", {16, 12}},
    {"sincos", "vit", "{" VIT ", heads: 2, position: sincos}", {16}},
    {"wide", "resnet", "{depth: 50, stem: cifar, width: 4, wide: 2}", {8}},
};

typedef struct check {
    const tiny *tiny;
    built b;
    safetensors *file;
    int32_t real;
    double tolerance;
    engine *engine;
    kd_program *program;
} check;

static double *read_reals(const check *c, const char *name, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    double *x = malloc((size_t)count * sizeof *x);
    const size_t bytes = (size_t)count * (c->real == KD_F64 ? sizeof(double) : sizeof(float));
    cr_assert(program_read(c->program, name, x, bytes, &err), "%s", err.message);
    for (int64_t i = count - 1; c->real == KD_F32 && i >= 0; i--) {
        float single;
        memcpy(&single, (char *)x + (size_t)i * sizeof single, sizeof single);
        x[i] = (double)single;
    }
    return x;
}

static void write_units(const check *c, const char *input, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    double *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) {
        x[i] = golden_unit(golden_key(input), (uint64_t)i);
    }
    cr_assert(program_write_reals(c->program, input, x, count, &err), "%s", err.message);
    free(x);
}

/* All views through one encoder in eval mode, and the weighted sum of their features. The
 * golden file has gradients of transformers alone: `gradients` says whether they are wanted. */
static void open_program(check *c, bool gradients) {
    kd_error err = KD_ERROR_INIT;
    const built_encoder encoder = built_encoder_of(&c->b, c->tiny->plugin, c->tiny->options);
    graph *g = graph_create(&(graph_options){.real = c->real});
    kd_scope s = graph_root(g);
    kd_tensor *loss = kd_scalar(s, 0);
    for (int i = 0; i < MAX_SIZES && c->tiny->size[i]; i++) {
        const int size = c->tiny->size[i];
        char name[32];
        snprintf(name, sizeof name, "images%d", size);
        kd_tensor *images =
            kd_input(s, name, (kd_spec){.rank = 4, .dim = {SAMPLES, size, size, 3}});
        kd_features f = {.size = sizeof f};
        encoder.backbone->build(encoder.config, kd_child(s, "encoder"), images, false, &f);
        snprintf(name, sizeof name, "weight%d", size);
        kd_tensor *weight = kd_input(s, name, kd_spec_of(f.pooled));
        loss = kd_add(loss, kd_sum(kd_mul(f.pooled, weight)));
        snprintf(name, sizeof name, "features%d", size);
        kd_output(s, name, f.pooled);
    }
    kd_output(s, "loss", loss);
    if (gradients) {
        built_gradients(g, loss);
    }
    c->engine = engine_create(c->b.device_table, c->b.device, 1);
    cr_assert(engine_compile(c->engine, g, "tiny", &c->program, &err), "%s", err.message);
    cr_assert(engine_allocate(c->engine, &err), "%s", err.message);
}

static void write_inputs(const check *c) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(c->engine); i++) {
        const variable *v = engine_variable(c->engine, i);
        if (v->kind != VARIABLE_PARAMETER) {
            continue;
        }
        const int64_t count = kd_elements(&v->spec);
        char *x = malloc(kd_bytes(&v->spec));
        for (int64_t k = 0; k < count; k++) {
            const double value = start_value(v->name, &v->spec, k);
            const float single = (float)value;
            memcpy(x + (size_t)k * kd_dtype_bytes(v->spec.dtype),
                   c->real == KD_F64 ? (const void *)&value : &single,
                   kd_dtype_bytes(v->spec.dtype));
        }
        cr_assert(engine_write_variable(c->engine, i, x, kd_bytes(&v->spec), &err), "%s",
                  err.message);
        free(x);
    }
    for (int i = 0; i < MAX_SIZES && c->tiny->size[i]; i++) {
        const int size = c->tiny->size[i];
        char name[32];
        kd_spec weight;
        snprintf(name, sizeof name, "images%d", size);
        write_units(c, name, SAMPLES * size * size * 3);
        snprintf(name, sizeof name, "weight%d", size);
        cr_assert(program_input_spec(c->program, name, &weight));
        write_units(c, name, kd_elements(&weight));
    }
    cr_assert(program_run(c->program, &err), "%s", err.message);
}

static const safetensor *stored(const check *c, const char *what) {
    kd_error err = KD_ERROR_INIT;
    char name[64];
    snprintf(name, sizeof name, "%s.%s", c->tiny->name, what);
    const safetensor *t = safetensors_need(c->file, name, NULL, &err);
    cr_assert(t, "%s", err.message);
    return t;
}

static void check_features(const check *c, int size) {
    char name[32];
    snprintf(name, sizeof name, "%d", size);
    const safetensor *t = stored(c, name);
    const double *want = t->data;
    const int64_t count = kd_elements(&t->spec);
    snprintf(name, sizeof name, "features%d", size);
    double *got = read_reals(c, name, count);
    for (int64_t i = 0; i < count; i++) {
        cr_assert(fabs(got[i] - want[i]) <= c->tolerance * (1 + fabs(want[i])),
                  "%s: feature %lld of views of %d: %.12g, not %.12g", c->tiny->name, (long long)i,
                  size, got[i], want[i]);
    }
    free(got);
}

static void check_gradient(const check *c, const char *name, const double *want) {
    char whole[256];
    const kd_spec *spec = &engine_variable(c->engine, engine_find_variable(c->engine, name))->spec;
    snprintf(whole, sizeof whole, "gradient.%s", name);
    double *x = read_reals(c, whole, kd_elements(spec));
    for (int k = 0; k < PROJECTIONS; k++) {
        snprintf(whole, sizeof whole, "project%d.%s", k, name);
        double dot = 0;
        for (int64_t i = 0; i < kd_elements(spec); i++) {
            dot += golden_unit(golden_key(whole), (uint64_t)golden_torch_index(spec, i)) * x[i];
        }
        cr_assert(fabs(dot - want[k]) <= c->tolerance * (1 + want[PROJECTIONS]),
                  "%s: gradient of %s: %.12g, not %.12g (norm %g)", c->tiny->name, name, dot,
                  want[k], want[PROJECTIONS]);
    }
    free(x);
}

static void check_gradients(const check *c) {
    char key[64];
    snprintf(key, sizeof key, "%s.parameters", c->tiny->name);
    char *names = strdup(safetensors_metadata(c->file, key)), *rest = names;
    const double *row = stored(c, "gradients")->data;
    int count = 0;
    for (char *name; (name = strsep(&rest, " ")); row += PROJECTIONS + 1) {
        check_gradient(c, name, row);
        count++;
    }
    int parameters = 0;
    for (int i = 0; i < engine_variables(c->engine); i++) {
        parameters += engine_variable(c->engine, i)->kind == VARIABLE_PARAMETER;
    }
    cr_assert_eq(count, parameters, "%s: %d parameters, and %d here", c->tiny->name, count,
                 parameters);
    free(names);
}

static void check_all(const char *device, int32_t real, double tolerance) {
    kd_error err = KD_ERROR_INIT;
    char path[512];
    snprintf(path, sizeof path, "%s/golden/backbones.safetensors", getenv("KINDRED_TEST_SOURCE"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check c = {.tiny = &cases[i], .real = real, .tolerance = tolerance};
        const bool gradients = strcmp(c.tiny->plugin, "vit") == 0;
        built_open(&c.b, device);
        c.file = safetensors_open(path, &err);
        cr_assert(c.file, "%s", err.message);
        open_program(&c, gradients);
        write_inputs(&c);
        for (int k = 0; k < MAX_SIZES && c.tiny->size[k]; k++) {
            check_features(&c, c.tiny->size[k]);
        }
        if (gradients) {
            check_gradients(&c);
        }
        engine_destroy(c.engine);
        safetensors_close(c.file);
        built_close(&c.b);
    }
}

TEST(backbones, agree_with_timm_and_torchvision_in_double_precision) {
    check_all("reference", KD_F64, 1e-9);
}

/* On the cpu device leaks are not looked for: LeakSanitizer crashes on OpenMP's waiting threads. */
Test(backbones, agree_with_timm_and_torchvision_on_the_cpu) {
    check_all("cpu", KD_F32, 1e-5);
}

/* With drop path: images are equal, so that samples differ in what they skip alone. */
enum { MANY = 64, SIDE = 8, WIDTH = 16, SHARE = MANY * SIDE * SIDE * 3 };

typedef struct dropping {
    built b;
    engine *engine;
    kd_program *program;
} dropping;

static void open_dropping(dropping *d, bool train) {
    kd_error err = KD_ERROR_INIT;
    built_open(&d->b, "reference");
    const built_encoder encoder = built_encoder_of(
        &d->b, "vit",
        "{patch: 4, image_size: 8, width: 16, depth: 2, heads: 2, drop_path: 0.5, init: dino}");
    graph *g = graph_create(&(graph_options){.real = KD_F64, .draws = true});
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {MANY, SIDE, SIDE, 3}});
    kd_features f = {.size = sizeof f};
    encoder.backbone->build(encoder.config, kd_child(s, "encoder"), x, train, &f);
    kd_output(s, "y", f.pooled);
    d->engine = engine_create(d->b.device_table, d->b.device, 1);
    cr_assert(engine_compile(d->engine, g, "p", &d->program, &err), "%s", err.message);
    cr_assert(engine_allocate(d->engine, &err), "%s", err.message);
    double images[SHARE];
    for (int i = 0; i < SHARE; i++) {
        images[i] = golden_unit(1, (uint64_t)(i % (SIDE * SIDE * 3)));
    }
    cr_assert(program_write_reals(d->program, "x", images, SHARE, &err), "%s", err.message);
}

static void run_dropping(dropping *d, bool train, int64_t step, double *y) {
    kd_error err = KD_ERROR_INIT;
    const int64_t key[] = {7, step};
    cr_assert(!train || program_write(d->program, "step_key", key, sizeof key, &err), "%s",
              err.message);
    cr_assert(program_run(d->program, &err), "%s", err.message);
    cr_assert(program_read(d->program, "y", y, sizeof(double) * MANY * WIDTH, &err));
}

/* How many rows of y differ from all before them. */
static int kinds_of(const double *y) {
    int kinds = 0;
    for (int i = 0; i < MANY; i++) {
        bool known = false;
        for (int k = 0; k < i && !known; k++) {
            known = memcmp(y + i * WIDTH, y + k * WIDTH, WIDTH * sizeof *y) == 0;
        }
        kinds += !known;
    }
    return kinds;
}

TEST(backbones, drop_path_takes_each_branch_from_samples_of_a_step) {
    static double one[MANY * WIDTH], again[MANY * WIDTH], next[MANY * WIDTH];
    dropping d;
    open_dropping(&d, true);
    run_dropping(&d, true, 1, one);
    run_dropping(&d, true, 2, next);
    run_dropping(&d, true, 1, again);
    /* Block 0 keeps all; of block 1 a sample has both branches, one, the other or none. */
    cr_assert_eq(kinds_of(one), 4);
    cr_assert_eq(memcmp(one, again, sizeof one), 0);
    cr_assert_neq(memcmp(one, next, sizeof one), 0);
    engine_destroy(d.engine);
    built_close(&d.b);
    open_dropping(&d, false);
    run_dropping(&d, false, 0, next);
    cr_assert_eq(kinds_of(next), 1, "an encoder that does not train drops samples");
    engine_destroy(d.engine);
    built_close(&d.b);
}

static void expect_refused(const char *id, const char *options, const char *part) {
    kd_error err = KD_ERROR_INIT;
    built b;
    built_open(&b, "reference");
    const built_encoder encoder = built_encoder_of(&b, id, options);
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {2, 30, 30, 3}});
    kd_features f = {.size = sizeof f};
    encoder.backbone->build(encoder.config, kd_child(s, "encoder"), x, true, &f);
    cr_assert(!graph_check(g, &err), "%s is taken", options);
    cr_assert(strstr(err.message, part), "no \"%s\" in: %s", part, err.message);
    graph_destroy(g);
    built_close(&b);
}

TEST(backbones, refuse_what_cannot_be) {
    expect_refused("vit", "{patch: 16}", "30 px cannot be cut into patches of 16");
    expect_refused("vit", "{patch: 15, image_size: 30, heads: 5}", "multiple of 5 heads");
    expect_refused("vit", "{patch: 15, image_size: 30, width: 6, heads: 1, position: sincos}",
                   "multiple of 4");
    expect_refused("resnet", "{depth: 34, wide: 2}", "wide: 2");
}
