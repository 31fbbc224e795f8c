/* SPDX-License-Identifier: Apache-2.0
 * Recipes: what `views:` become, what is refused and how, and the op that they end in. */
#include "leaks.h"

#include "base/file.h"
#include "graph/graph.h"
#include "train/recipe.h"
#include "train/recipe_named.h"
#include "train/recipe_ops.h"

#include <kindred/ops.h>
#include <stdlib.h>

static const recipe_source color = {.channels = 3, .mean = {0.1, 0.2, 0.3}, .std = {0.4, 0.5, 0.6}};
static const recipe_source grey = {.channels = 1, .mean = {0.25}, .std = {0.75}};

/* A text read as the list under `views:`; everything lives until finish. */
typedef struct reading {
    config *config;
    arena memory;
    recipe_views views;
    kd_error err;
} reading;

static bool parse(reading *r, const char *views, const recipe_source *source) {
    char text[8192];
    snprintf(text, sizeof text, "views: %s\n", views);
    *r = (reading){.err = KD_ERROR_INIT};
    r->config = config_load_text("run.yaml", text, strlen(text), NULL, 0, &r->err);
    cr_assert(r->config, "%s", r->err.message);
    const config_node *list = config_child(config_root(r->config), "views");
    return recipe_parse(list, source, &r->memory, &r->views, &r->err);
}

static void finish(reading *r) {
    arena_free(&r->memory);
    config_destroy(r->config);
}

static void expect_parsed(reading *r, const char *views, const recipe_source *source) {
    cr_assert(parse(r, views, source), "%s: %s", views, r->err.message);
}

static void expect_refused(const char *views, const char *message) {
    reading r;
    cr_expect(!parse(&r, views, &color), "%s was not refused", views);
    cr_expect(strstr(r.err.message, message), "%s: \"%s\" lacks \"%s\"", views, r.err.message,
              message);
    cr_expect_eq(r.err.code, KD_E_INVALID);
    finish(&r);
}

static int find_op(const kd_augment *a, int code) {
    for (int i = 0; i < a->n_ops; i++) {
        if (a->op[i] == code) {
            return i;
        }
    }
    return -1;
}

static double argument(const kd_augment *a, int code, int k) {
    const int i = find_op(a, code);
    return i < 0 ? -1 : a->arg[i][k];
}

TEST(recipe, every_named_one_is_a_list_of_ops) {
    const char *source;
    int count = 0;
    for (; recipe_at(count, &source); count++) {
        cr_expect_gt(strlen(source), 20u);
        for (int number = 0; number < 3; number++) {
            kd_error err = KD_ERROR_INIT;
            kd_augment a;
            cr_assert(recipe_named(recipe_at(count, NULL), number, 64, NULL, &color, &a, &err),
                      "%s", err.message);
            cr_expect_eq(a.op[a.n_ops - 1], KD_AUGMENT_NORMALIZE);
            cr_assert(recipe_named(recipe_at(count, NULL), number, 28, NULL, &grey, &a, &err), "%s",
                      err.message);
            cr_expect(a.arg[a.n_ops - 1][0] == 0.25 && a.arg[a.n_ops - 1][3] == 0.75);
        }
    }
    cr_expect_geq(count, 15);
}

TEST(recipe, asymmetric_ones_differ_by_view) {
    reading r;
    expect_parsed(&r, "[{recipe: byol, size: 64, count: 3}]", &color);
    static const double blur[] = {1, 0.1, 1}, solarize[] = {-1, 0.2, -1};
    cr_assert_eq(r.views.count, 3);
    for (int i = 0; i < 3; i++) {
        const kd_augment *a = &r.views.view[i].augment;
        cr_expect_eq(argument(a, KD_AUGMENT_BLUR, 0), blur[i]);
        cr_expect_eq(argument(a, KD_AUGMENT_SOLARIZE, 0), solarize[i]);
    }
    finish(&r);
}

TEST(recipe, views_are_numbered_through) {
    reading r;
    expect_parsed(&r,
                  "[{recipe: dino_global, size: 64, count: 2}, {recipe: dino_local, size: 24, "
                  "count: 3, image: 1}]",
                  &color);
    cr_assert_eq(r.views.count, 5);
    for (int i = 0; i < 5; i++) {
        const recipe_view *v = &r.views.view[i];
        cr_expect_eq(v->augment.view, i);
        cr_expect_eq(v->side, i > 1);
        cr_expect_eq(v->number, i > 1 ? i - 2 : i);
        cr_expect_eq(v->image, i > 1 ? 1 : -1);
        cr_expect_eq(v->augment.size, i > 1 ? 24 : 64);
        cr_expect_str_eq(v->recipe, i > 1 ? "dino_local" : "dino_global");
    }
    finish(&r);
}

TEST(recipe, free_list_is_what_it_says) {
    reading r;
    expect_parsed(&r,
                  "[{size: 32, ops: [{random_resized_crop: {scale: [0.2, 1], interpolation: "
                  "bicubic}}, flip, {grayscale: 0.3}, {color_jitter: {p: 0.7, hue: 0.2}}, {blur: "
                  "{radius: 4, sigma: [0.5, 1]}}, {solarize: {threshold: 0.6}}, {rotate: 20}], "
                  "normalize: cifar10}]",
                  &color);
    const kd_augment want = {.size = 32,
                             .channels = 3,
                             .n_ops = 8,
                             .op = {0, 3, 5, 4, 6, 7, 8, 9},
                             .arg = {{0.2, 1, 0.75, 1.3333333333333333, 1},
                                     {0.5},
                                     {0.3},
                                     {0.7, 0.4, 0.4, 0.4, 0.2},
                                     {0.5, 4, 0.5, 1},
                                     {0.2, 0.6},
                                     {1, 20, 0},
                                     {0.4914, 0.4822, 0.4465, 0.2470, 0.2435, 0.2616}}};
    const kd_augment *got = &r.views.view[0].augment;
    cr_assert_eq(got->n_ops, want.n_ops);
    for (int i = 0; i < want.n_ops; i++) {
        cr_expect_eq(got->op[i], want.op[i], "op %d", i);
        for (int k = 0; k < KD_AUGMENT_ARGS; k++) {
            cr_expect_eq(got->arg[i][k], want.arg[i][k], "op %d, argument %d", i, k);
        }
    }
    cr_expect_str_eq(r.views.view[0].recipe, "ops");
    finish(&r);
}

/* What describe says reads back to the same list. */
TEST(recipe, description_reads_back) {
    for (int i = 0; recipe_at(i, NULL); i++) {
        const recipe_source *source = i % 2 ? &color : &grey;
        kd_error err = KD_ERROR_INIT;
        kd_augment a = {0};
        cr_assert(recipe_named(recipe_at(i, NULL), 1, 40, i % 3 ? NULL : "none", source, &a, &err));
        arena memory = {0};
        char text[4096];
        snprintf(text, sizeof text, "[{size: 40, %s}]", recipe_describe(&a, &memory));
        reading r;
        expect_parsed(&r, text, source);
        a.view = 0;
        cr_assert_eq(memcmp(&a, &r.views.view[0].augment, sizeof a), 0, "%s", text);
        finish(&r);
        arena_free(&memory);
    }
}

static void expect_normalized(const char *value, const recipe_source *source, const double *want) {
    char text[256];
    snprintf(text, sizeof text, "[{recipe: none, size: 8, normalize: %s}]", value);
    reading r;
    expect_parsed(&r, text, source);
    const kd_augment *a = &r.views.view[0].augment;
    const int last = find_op(a, KD_AUGMENT_NORMALIZE);
    cr_expect_eq(last < 0, want == NULL, "%s", value);
    for (int k = 0; want && k < 6; k++) {
        cr_expect_eq(a->arg[last][k], want[k], "%s: argument %d", value, k);
    }
    finish(&r);
}

TEST(recipe, normalizes_as_told) {
    expect_normalized("none", &color, NULL);
    expect_normalized("store", &color, (const double[]){0.1, 0.2, 0.3, 0.4, 0.5, 0.6});
    expect_normalized("store", &grey, (const double[]){0.25, 0, 0, 0.75, 1, 1});
    expect_normalized("imagenet", &color,
                      (const double[]){0.485, 0.456, 0.406, 0.229, 0.224, 0.225});
    expect_normalized("{mean: [0.5], std: [0.2]}", &color,
                      (const double[]){0.5, 0.5, 0.5, 0.2, 0.2, 0.2});
    expect_normalized("{mean: [0.5, 0.25, 0], std: [1, 2, 3]}", &color,
                      (const double[]){0.5, 0.25, 0, 1, 2, 3});
    reading r;
    cr_expect(!parse(&r, "[{recipe: none, size: 8, normalize: cifar10}]", &grey));
    cr_expect(strstr(r.err.message, "three channels") && strstr(r.err.hint, "store"), "%s",
              r.err.message);
    finish(&r);
}

TEST(recipe, mistakes_are_located) {
    static const char *const wrong[][2] = {
        {"[]", "run.yaml:1:1: views: wants a list"},
        {"simclr", "wants a list"},
        {"[simclr]", "run.yaml:1:9: views.0: wants a map"},
        {"[{recipe: simclr}]", "size"},
        {"[{size: 8}]", "no recipe and no ops"},
        {"[{recipe: simclr, ops: [flip], size: 8}]", "both a recipe and a list of ops"},
        {"[{recipe: simcrl, size: 8}]", "did you mean simclr?"},
        {"[{recipe: simclr, size: 0}]", "views.0.size"},
        {"[{recipe: simclr, size: 5000}]", "views.0.size"},
        {"[{recipe: simclr, sise: 8}]", "unknown key"},
        {"[{recipe: simclr, size: 8, count: 600}, {recipe: simclr, size: 8, count: 600}]",
         "more than 1024"},
        {"[{recipe: simclr, size: 8, normalize: imagnet}]", "did you mean imagenet?"},
        {"[{recipe: simclr, size: 8, normalize: {mean: [1, 2], std: [1, 2]}}]",
         "views.0.normalize"},
        {"[{recipe: simclr, size: 8, normalize: {std: [0]}}]", "views.0.normalize.std"},
        {"[{size: 8, ops: []}]", "wants a list of ops"},
        {"[{size: 8, ops: [resize, blurr]}]", "unknown op blurr; did you mean blur?"},
        {"[{size: 8, ops: [resize, {blur: {sigm: [1, 2]}}]}]", "views.0.ops.1.blur.sigm"},
        {"[{size: 8, ops: [resize, {blur: {sigma: [2, 1]}}]}]", "sigma wants [from, to]"},
        {"[{size: 8, ops: [resize, {blur: {sigma: [2]}}]}]", "sigma wants [from, to]"},
        {"[{size: 8, ops: [resize, {flip: 1.5}]}]", "p is 1.5, not in [0, 1]"},
        {"[{size: 8, ops: [resize, {flip: often}]}]", "views.0.ops.1.flip"},
        {"[{size: 8, ops: [resize, {color_jitter: 0.5}]}]", "wants a map of options"},
        {"[{size: 8, ops: [resize, {flip: 1, blur: 1}]}]", "wants one op"},
        {"[{size: 8, ops: [grayscale, resize]}]",
         "run.yaml:1:25: views.0.ops.0: the list begins with grayscale, no cut"},
        {"[{size: 8, ops: [resize, resize]}]",
         "run.yaml:1:33: views.0.ops.1: resize can only come first"},
        {"[{size: 8, ops: [resize, normalize]}]", "normalize is no op of the list"},
        {"[{size: 8, ops: [resize, flip, flip, flip, flip, flip, flip, flip, flip, flip, flip, "
         "flip, flip, flip, flip, flip, flip]}]",
         "more than 16 ops"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_refused(wrong[i][0], wrong[i][1]);
    }
    reading r = {.err = KD_ERROR_INIT};
    cr_expect(!recipe_parse(NULL, &color, &r.memory, &r.views, &r.err));
    cr_expect(strstr(r.err.message, "views"));
    arena_free(&r.memory);
    kd_augment a;
    cr_expect(!recipe_named("bylo", 0, 8, NULL, &color, &a, &r.err));
    cr_expect(strstr(r.err.message, "did you mean byol?"), "%s", r.err.message);
}

static void expect_documented(const char *page, const char *text) {
    cr_expect(strstr(page, text), "docs/augmentation.md lacks: %s", text);
}

/* The page lists every recipe with its ops, and every op with its options. */
TEST(recipe, page_is_up_to_date) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *page;
    size_t bytes;
    const char *tests = getenv("KINDRED_TEST_SOURCE");
    cr_assert(tests, "KINDRED_TEST_SOURCE is the folder of the tests");
    const char *path = arena_print(&a, "%s/../docs/augmentation.md", tests);
    cr_assert(file_read(path, 0, &page, &bytes, &err), "%s", err.message);
    const char *text = arena_copy(&a, page, bytes);
    free(page);
    for (int i = 0; named_recipe_at(i); i++) {
        const named_recipe *r = named_recipe_at(i);
        expect_documented(text, arena_print(&a, "**`%s`**: %s. Normalised as %s.", r->name,
                                            r->source, r->normalize));
        for (int k = 0; k < r->lists; k++) {
            kd_augment list;
            cr_assert(recipe_named(r->name, k, 64, "none", &color, &list, &err));
            char *ops = arena_text(&a, recipe_describe(&list, &a));
            *strstr(ops, ", normalize") = 0;
            expect_documented(text, ops);
        }
    }
    int count;
    for (int code = 0; recipe_op_options(code, &count); code++) {
        expect_documented(text, arena_print(&a, "`%s`", kd_augment_find_rule(code)->name));
        for (const option *o = recipe_op_options(code, &count), *end = o + count; o < end; o++) {
            expect_documented(text, arena_print(&a, " | `%s` | %s", o->name, o->value));
            expect_documented(text, o->help);
        }
    }
    arena_free(&a);
}

static kd_spec spec_of(int32_t dtype, int32_t rank, int64_t first, int64_t second) {
    return (kd_spec){.dtype = dtype, .rank = rank, .dim = {first, second}};
}

/* Emits the op over inputs of these types and shapes; the first mistake in *err. */
static bool emit(const kd_augment *a, kd_spec rows, kd_spec key, int32_t real, kd_spec *ret,
                 kd_error *err) {
    graph *g = graph_create(&(graph_options){.real = real});
    kd_scope s = graph_root(g);
    kd_tensor *images = recipe_emit(a, kd_input(s, "pixels", spec_of(KD_U8, 1, 1 << 20, 0)),
                                    kd_input(s, "rows", rows), kd_input(s, "key", key));
    *ret = kd_spec_of(images);
    kd_output(s, "images", images);
    const bool right = graph_check(g, err);
    graph_destroy(g);
    return right;
}

TEST(recipe, emits_real_images) {
    const kd_spec rows = spec_of(KD_I64, 2, 7, 4), key = spec_of(KD_I64, 1, 2, 0);
    kd_error err = KD_ERROR_INIT;
    kd_augment a;
    kd_spec images;
    cr_assert(recipe_named("simclr", 0, 48, NULL, &color, &a, &err));
    cr_assert(emit(&a, rows, key, KD_F64, &images, &err), "%s", err.message);
    cr_expect(images.dtype == KD_F64 && images.rank == 4 && images.dim[0] == 7 &&
              images.dim[1] == 48 && images.dim[2] == 48 && images.dim[3] == 3);
    cr_assert(emit(&a, rows, key, KD_F32, &images, &err), "%s", err.message);
    cr_expect_eq(images.dtype, KD_F32);
}

TEST(recipe, op_refuses_what_is_no_list_or_no_row) {
    const kd_spec rows = spec_of(KD_I64, 2, 7, 4), key = spec_of(KD_I64, 1, 2, 0);
    kd_error err = KD_ERROR_INIT;
    kd_augment good, a;
    kd_spec images;
    cr_assert(recipe_named("byol", 1, 48, NULL, &color, &good, &err));
    cr_expect(!emit(&good, spec_of(KD_I64, 2, 7, 3), key, KD_F32, &images, &err));
    cr_expect(!emit(&good, spec_of(KD_I32, 2, 7, 4), key, KD_F32, &images, &err));
    cr_expect(!emit(&good, rows, spec_of(KD_I64, 1, 3, 0), KD_F32, &images, &err));
    cr_expect(strstr(err.message, "key i64 [2]"), "%s", err.message);

    struct {
        int32_t *field, value;
    } wrong[] = {{&a.size, 0},  {&a.size, 5000},  {&a.channels, 2},
                 {&a.view, -1}, {&a.view, 70000}, {&a.n_ops, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        a = good;
        *wrong[i].field = wrong[i].value;
        cr_expect(!emit(&a, rows, key, KD_F32, &images, &err), "wrong %d", (int)i);
    }
    static const double nan_or_far[] = {-1, 1e9, 0.0 / 0.0};
    for (int i = 0; i < good.n_ops; i++) {
        for (int k = 0; k < 3; k++) {
            a = good;
            a.arg[i][0] = nan_or_far[k];
            cr_expect((a.op[i] == KD_AUGMENT_NORMALIZE && k == 0) ||
                          !emit(&a, rows, key, KD_F32, &images, &err),
                      "op %d takes %g", i, nan_or_far[k]);
        }
    }
    a = good;
    a.op[1] = 77;
    cr_expect(!emit(&a, rows, key, KD_F32, &images, &err));
    cr_expect(strstr(err.message, "unknown code 77"), "%s", err.message);
}
