/* SPDX-License-Identifier: Apache-2.0
 * What a step of a transformer does beside its arithmetic (test_backbones.c has that): masks of
 * calls that share one scope, and what stays as it started. */
#include "built_plugins.h"
#include "golden_numbers.h"
#include "graph/internal.h"
#include "leaks.h"

#include <kindred/update.h>
#include <math.h>

enum { MANY = 64, SIDE = 8, WIDTH = 16, PIXELS = MANY * SIDE * SIDE * 3, VALUES = MANY * WIDTH };

#define TINY "patch: 4, image_size: 8, width: 16, depth: 2, heads: 2"

typedef struct vit_run {
    built b;
    engine *engine;
    kd_program *program;
} vit_run;

static const kd_spec images = {.rank = 4, .dim = {MANY, SIDE, SIDE, 3}};

static kd_tensor *encode(const built_encoder *e, kd_scope s, kd_tensor *x) {
    kd_features f = {.size = sizeof f};
    e->backbone->build(e->config, s, x, true, &f);
    return f.pooled;
}

/* The graph becomes the run's; equal images, so that samples differ in what they skip alone. */
static void open_run(vit_run *r, graph *g) {
    kd_error err = KD_ERROR_INIT;
    static double x[PIXELS];
    r->engine = engine_create(r->b.device_table, r->b.device, 1);
    cr_assert(engine_compile(r->engine, g, "p", &r->program, &err), "%s", err.message);
    cr_assert(engine_allocate(r->engine, &err), "%s", err.message);
    for (int i = 0; i < PIXELS; i++) {
        x[i] = golden_unit(1, (uint64_t)(i % (SIDE * SIDE * 3)));
    }
    cr_assert(program_write_reals(r->program, "x", x, PIXELS, &err), "%s", err.message);
}

static void close_run(vit_run *r) {
    engine_destroy(r->engine);
    built_close(&r->b);
}

/* One encoder on the same images `calls` times; features of call i are output "y<i>". */
static void open_calls(vit_run *r, int calls) {
    built_open(&r->b, "reference");
    const built_encoder e =
        built_encoder_of(&r->b, "vit", "{" TINY ", drop_path: 0.5, init: dino}");
    graph *g = graph_create(&(graph_options){.real = KD_F64, .draws = true});
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", images);
    for (int i = 0; i < calls; i++) {
        char name[16];
        snprintf(name, sizeof name, "y%d", i);
        kd_output(s, name, encode(&e, kd_child(s, "encoder"), x));
    }
    open_run(r, g);
}

static void run_step(vit_run *r, int64_t step) {
    kd_error err = KD_ERROR_INIT;
    const int64_t key[] = {7, step};
    cr_assert(program_write(r->program, "step_key", key, sizeof key, &err), "%s", err.message);
    cr_assert(program_run(r->program, &err), "%s", err.message);
}

static void read_call(const vit_run *r, const char *name, double *y) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_read(r->program, name, y, sizeof(double) * VALUES, &err), "%s", err.message);
}

/* How many samples have other features. */
static int differing(const double *a, const double *b) {
    int count = 0;
    for (int i = 0; i < MANY; i++) {
        count += memcmp(a + i * WIDTH, b + i * WIDTH, WIDTH * sizeof *a) != 0;
    }
    return count;
}

TEST(vit, each_call_in_a_step_drops_branches_of_its_own) {
    static double alone[VALUES], y[3][VALUES], again[VALUES];
    vit_run once, thrice;
    open_calls(&once, 1);
    open_calls(&thrice, 3);
    run_step(&once, 4);
    run_step(&thrice, 4);
    read_call(&once, "y0", alone);
    read_call(&thrice, "y0", y[0]);
    read_call(&thrice, "y1", y[1]);
    read_call(&thrice, "y2", y[2]);
    /* The first call draws what a single one does. Each of two branches is kept with 1/2, so two
     * samples agree in 1/4 of cases: 48 of 64 differ, give or take 3.5. */
    cr_expect_eq(differing(alone, y[0]), 0);
    for (int i = 0; i < 3; i++) {
        const int count = differing(y[i], y[(i + 1) % 3]);
        cr_expect(count > 30 && count < 64, "calls %d and %d: %d of %d samples differ", i,
                  (i + 1) % 3, count, MANY);
    }
    run_step(&thrice, 5);
    run_step(&thrice, 4);
    read_call(&thrice, "y1", again);
    cr_expect_eq(differing(again, y[1]), 0, "the second call's masks are not the step's alone");
    close_run(&once);
    close_run(&thrice);
}

/* The mean square of a student's features, called twice, and of what follows it. */
static graph *training_graph(built *b, const char *options) {
    const built_encoder e = built_encoder_of(b, "vit", options);
    const optimizer adam = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    graph *g = graph_create(&(graph_options){.real = KD_F64, .draws = true});
    kd_scope s = graph_root(g), slow = kd_child(s, "slow");
    kd_tensor *x = kd_input(s, "x", images);
    kd_tensor *y = kd_sub(encode(&e, kd_child(s, "encoder"), x), kd_scalar(s, 1));
    y = kd_add(y, encode(&e, kd_child(s, "encoder"), kd_scale(x, 0.5)));
    kd_follow(slow, s, kd_scalar(s, 0.5));
    y = kd_sub(y, kd_stop_gradient(encode(&e, kd_child(slow, "encoder"), x)));
    graph_minimize(g, kd_mean(kd_mul(y, kd_mul(y, y))), &adam);
    return g;
}

static int variables_of(const vit_run *r, char **ret) {
    kd_error err = KD_ERROR_INIT;
    const int count = engine_variables(r->engine);
    for (int i = 0; i < count; i++) {
        const size_t bytes = kd_bytes(&engine_variable(r->engine, i)->spec);
        ret[i] = arena_alloc((arena *)&r->b.memory, bytes);
        cr_assert(engine_read_variable(r->engine, i, ret[i], bytes, &err), "%s", err.message);
    }
    return count;
}

/* Each variable but moments, and whether it moved in three steps. */
static void check_movement(const char *options, bool frozen) {
    char *before[256], *after[256];
    kd_error err = KD_ERROR_INIT;
    vit_run r;
    built_open(&r.b, "reference");
    open_run(&r, training_graph(&r.b, options));
    const int count = variables_of(&r, before);
    for (int k = 1; k <= 3; k++) {
        const double hyper[KD_RATES] = {0.01, 0.1, 1 - pow(0.9, k), 1 - pow(0.999, k), 1};
        cr_assert(program_write_reals(r.program, "hyper", hyper, KD_RATES, &err));
        cr_assert(program_run(r.program, &err), "%s", err.message);
    }
    variables_of(&r, after);
    int patches = 0;
    for (int i = 0; i < count; i++) {
        const variable *v = engine_variable(r.engine, i);
        const bool patch = strstr(v->name, "patch_embed") != NULL;
        const bool moved = memcmp(before[i], after[i], kd_bytes(&v->spec)) != 0;
        cr_expect_eq(moved, !(frozen && patch), "%s: %s", options, v->name);
        patches += patch;
    }
    /* Weight and bias, of the student and of what follows; trained, with their moments. */
    cr_expect_eq(patches, frozen ? 4 : 8);
    const int own = engine_find_variable(r.engine, "encoder.patch_embed.proj.weight");
    const int other = engine_find_variable(r.engine, "slow.encoder.patch_embed.proj.weight");
    cr_expect_eq(
        memcmp(before[own], before[other], kd_bytes(&engine_variable(r.engine, own)->spec)), 0,
        "what follows has patches of its own");
    close_run(&r);
}

TEST(vit, a_frozen_projection_stays_and_all_else_moves) {
    check_movement("{" TINY "}", false);
    check_movement("{" TINY ", freeze_patch: true}", true);
    check_movement("{" TINY ", freeze_patch: true, init: moco_v3}", true);
}
