/* SPDX-License-Identifier: Apache-2.0
 * Both augmentation kernels against a slow one in double, and what a view may depend on. */
#include "augment_run.h"
#include "leaks.h"

#include "base/arena.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* Both kernels compute in f32: a few roundings of values up to 1, times 1 / the smallest deviation
 * that is normalised with. */
#define TOLERANCE 1e-5

/* Sources of all the sizes that a test wants, one after another, and rows that cut them. */
typedef struct store {
    uint8_t *pixels;
    int64_t rows[4 * 64];
    batch batch;
} store;

static void store_add(store *s, int64_t height, int64_t width, int channels, int64_t sample) {
    const int64_t row[4] = {s->batch.bytes, height, width, sample};
    memcpy(s->rows + 4 * s->batch.n++, row, sizeof row);
    s->batch.bytes += height * width * channels;
}

static void store_fill(store *s, uint64_t seed) {
    s->pixels = make_pixels(s->batch.bytes, seed);
    s->batch.pixels = s->pixels;
    s->batch.rows = s->rows;
    s->batch.seed = seed;
    s->batch.epoch = 5;
}

static void expect_close(const char *what, const kd_augment *a, const float *got,
                         const double *want, int64_t row, double tolerance) {
    for (int64_t i = 0; i < view_values(a); i++) {
        const double error = fabs((double)got[i] - want[i]);
        if (!(error <= tolerance)) {
            cr_assert_fail("%s: view %lld, value %lld: %g is %g from %g", what, (long long)row,
                           (long long)i, (double)got[i], error, want[i]);
        }
    }
}

/* All views of a store by both kernels, in f32 and f64, against the slow ones. */
static void expect_definition(const char *what, const kd_augment *a, const store *s,
                              double tolerance) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(kd_augment_check(a, &err), "%s: %s", what, err.message);
    const int64_t values = view_values(a);
    float *reference = run_f32(&reference_augment_kernel, a, &s->batch);
    float *cpu = run_f32(&cpu_augment_kernel, a, &s->batch);
    double *wide = run_f64(&reference_augment_kernel, a, &s->batch);
    double *want = kd_alloc((size_t)values * sizeof *want);
    for (int64_t row = 0; row < s->batch.n; row++) {
        slow_view(a, &s->batch, row, want);
        expect_close(what, a, reference + row * values, want, row, tolerance);
        expect_close(what, a, cpu + row * values, want, row, tolerance);
    }
    for (int64_t i = 0; i < s->batch.n * values; i++) {
        cr_assert((float)wide[i] == reference[i], "%s: f64 differs from f32", what);
        cr_assert(fabs((double)reference[i] - (double)cpu[i]) <= tolerance, "%s: cpu", what);
    }
    free(reference);
    free(cpu);
    free(wide);
    free(want);
}

/* Odd shapes: a pixel, lines, smaller and larger than a view, long ones. */
static void add_odd_shapes(store *s, int channels) {
    const int64_t shape[][2] = {{1, 1},   {1, 9},  {9, 1},  {2, 3},   {16, 16}, {17, 31},
                                {31, 17}, {5, 64}, {64, 5}, {40, 33}, {3, 3},   {23, 90}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        store_add(s, shape[i][0], shape[i][1], channels, (int64_t)(1000 * i + 3));
    }
}

typedef struct op_case {
    const char *name;
    int code;
    double arg[KD_AUGMENT_ARGS];
} op_case;

static const op_case cuts[] = {
    {"crop bilinear", KD_AUGMENT_RANDOM_RESIZED_CROP, {0.08, 1, 0.75, 1.3333, 0}},
    {"crop bicubic", KD_AUGMENT_RANDOM_RESIZED_CROP, {0.05, 0.4, 0.5, 2, 1}},
    {"resize bilinear", KD_AUGMENT_RESIZE, {0}},
    {"resize bicubic", KD_AUGMENT_RESIZE, {1}},
    {"center crop bilinear", KD_AUGMENT_CENTER_CROP, {1, 0}},
    {"center crop bicubic", KD_AUGMENT_CENTER_CROP, {1.3, 1}},
};

TEST(augment, cuts_as_defined) {
    static const int sizes[] = {1, 2, 7, 16, 33};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            for (int channels = 1; channels <= 3; channels += 2) {
                store s = {0};
                add_odd_shapes(&s, channels);
                store_fill(&s, 11 * i + k);
                kd_augment a = {.view = 2, .size = sizes[k], .channels = channels};
                add_op(&a, cuts[i].code, KD_AUGMENT_ARGS, cuts[i].arg);
                expect_definition(cuts[i].name, &a, &s, TOLERANCE);
                free(s.pixels);
            }
        }
    }
}

static const op_case alterations[] = {
    {"flip", KD_AUGMENT_FLIP, {0.5}},
    {"brightness", KD_AUGMENT_COLOR_JITTER, {1, 0.8, 0, 0, 0}},
    {"strong brightness", KD_AUGMENT_COLOR_JITTER, {1, 3, 0, 0, 0}},
    {"contrast", KD_AUGMENT_COLOR_JITTER, {1, 0, 0.8, 0, 0}},
    {"saturation", KD_AUGMENT_COLOR_JITTER, {1, 0, 0, 0.8, 0}},
    {"hue", KD_AUGMENT_COLOR_JITTER, {1, 0, 0, 0, 0.5}},
    {"jitter", KD_AUGMENT_COLOR_JITTER, {0.8, 0.8, 0.8, 0.8, 0.2}},
    {"grayscale", KD_AUGMENT_GRAYSCALE, {0.5}},
    {"blur", KD_AUGMENT_BLUR, {0.7, 0, 0.1, 2}},
    {"wide blur", KD_AUGMENT_BLUR, {1, 64, 1, 5}},
    {"solarize", KD_AUGMENT_SOLARIZE, {0.5, 0.5}},
    {"rotate", KD_AUGMENT_ROTATE, {0.9, 180, 0}},
    {"rotate edge", KD_AUGMENT_ROTATE, {0.9, 180, 1}},
    {"normalize", KD_AUGMENT_NORMALIZE, {0.4, 0.5, 0.6, 1, 0.9, 1.1}},
};

TEST(augment, alters_as_defined) {
    static const int sizes[] = {1, 2, 5, 16, 23};
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            for (int channels = 1; channels <= 3; channels += 2) {
                store s = {0};
                add_odd_shapes(&s, channels);
                store_fill(&s, 7 * i + k + 1000);
                kd_augment a = {.view = 1, .size = sizes[k], .channels = channels};
                ADD(&a, KD_AUGMENT_RESIZE, 0);
                add_op(&a, alterations[i].code, KD_AUGMENT_ARGS, alterations[i].arg);
                /* rotated coordinates are f32: they lie up to size / 2 from the centre */
                const bool turns = alterations[i].code == KD_AUGMENT_ROTATE;
                expect_definition(alterations[i].name, &a, &s, turns ? 4e-5 : TOLERANCE);
                free(s.pixels);
            }
        }
    }
}

static kd_augment whole_recipe(int size, int channels, int view) {
    kd_augment a = {.view = view, .size = size, .channels = channels};
    ADD(&a, KD_AUGMENT_RANDOM_RESIZED_CROP, 0.08, 1, 0.75, 4.0 / 3, 1);
    ADD(&a, KD_AUGMENT_FLIP, 0.5);
    ADD(&a, KD_AUGMENT_COLOR_JITTER, 0.8, 0.8, 0.8, 0.8, 0.2);
    ADD(&a, KD_AUGMENT_GRAYSCALE, 0.2);
    ADD(&a, KD_AUGMENT_BLUR, 0.5, 0, 0.1, 2);
    ADD(&a, KD_AUGMENT_SOLARIZE, 0.2, 0.5);
    ADD(&a, KD_AUGMENT_NORMALIZE, 0.485, 0.456, 0.406, 0.229, 0.224, 0.225);
    return a;
}

TEST(augment, whole_recipes_as_defined) {
    for (int channels = 1; channels <= 3; channels += 2) {
        store s = {0};
        add_odd_shapes(&s, channels);
        store_fill(&s, 77);
        const kd_augment a = whole_recipe(32, channels, 0);
        expect_definition("recipe", &a, &s, TOLERANCE / 0.224);
        free(s.pixels);
    }
}

/* Sources that are too wide for sixteen rows at once. */
TEST(augment, wide_sources_as_defined) {
    for (int channels = 1; channels <= 3; channels += 2) {
        store s = {0};
        store_add(&s, 3, KD_AUGMENT_MAX_SIDE, channels, 1);
        store_add(&s, KD_AUGMENT_MAX_SIDE, 2, channels, 2);
        store_add(&s, 2, 5000, channels, 3);
        store_fill(&s, 5);
        kd_augment a = {.size = 5, .channels = channels};
        ADD(&a, KD_AUGMENT_RESIZE, 1);
        expect_definition("wide", &a, &s, TOLERANCE);
        a.n_ops = 0;
        ADD(&a, KD_AUGMENT_RANDOM_RESIZED_CROP, 0.5, 1, 0.001, 1000, 0);
        expect_definition("wide crop", &a, &s, TOLERANCE);
        free(s.pixels);
    }
}

/* The same bits alone, in a batch, in another order, and for any number of threads. */
TEST(augment, view_is_function_of_its_key) {
    store s = {0};
    for (int i = 0; i < 24; i++) {
        store_add(&s, 20 + i, 50 - i, 3, 7 * i);
    }
    store_fill(&s, 99);
    const kd_augment a = whole_recipe(24, 3, 3);
    const size_t bytes = (size_t)view_values(&a) * sizeof(float);
    const kd_kernel *const kernels[] = {&reference_augment_kernel, &cpu_augment_kernel};
    for (int k = 0; k < 2; k++) {
        omp_set_num_threads(1);
        float *all = run_f32(kernels[k], &a, &s.batch);
        for (int threads = 2; threads <= 5; threads++) {
            omp_set_num_threads(threads);
            float *again = run_f32(kernels[k], &a, &s.batch);
            cr_assert_arr_eq(all, again, (size_t)s.batch.n * bytes, "%d threads", threads);
            free(again);
        }
        for (int64_t row = s.batch.n - 1; row >= 0; row -= 5) {
            batch one = s.batch;
            one.rows += 4 * row;
            one.n = 1;
            float *alone = run_f32(kernels[k], &a, &one);
            cr_assert_arr_eq(alone, all + row * view_values(&a), bytes, "row %d alone", (int)row);
            free(alone);
        }
        free(all);
    }
    free(s.pixels);
}

/* Another seed, epoch, sample or view gives another view of the same image. */
TEST(augment, every_part_of_the_key_counts) {
    store s = {0};
    store_add(&s, 40, 40, 3, 1);
    store_add(&s, 40, 40, 3, 1 << 30);
    store_fill(&s, 4);
    s.rows[4] = 0; /* both rows cut the first image */
    kd_augment a = whole_recipe(16, 3, 0), other = whole_recipe(16, 3, 1);
    const int64_t values = view_values(&a);
    float *views[5];
    views[0] = run_f32(&cpu_augment_kernel, &a, &s.batch);
    views[1] = run_f32(&cpu_augment_kernel, &other, &s.batch);
    s.batch.epoch++;
    views[2] = run_f32(&cpu_augment_kernel, &a, &s.batch);
    s.batch.epoch--;
    s.batch.seed ^= 1ull << 40;
    views[3] = run_f32(&cpu_augment_kernel, &a, &s.batch);
    views[4] = views[0] + values; /* the other sample */
    for (int i = 1; i < 5; i++) {
        cr_expect_neq(memcmp(views[0], views[i], (size_t)values * sizeof(float)), 0, "%d", i);
    }
    for (int i = 0; i < 4; i++) {
        free(views[i]);
    }
    free(s.pixels);
}

/* A row that does not lie in the store gives NaN, and its neighbours are as they were. */
TEST(augment, bad_rows_give_nan) {
    const int64_t bad[][4] = {{-1, 4, 4, 0},  {0, 0, 4, 0},     {0, 4, 0, 0},
                              {0, -4, -4, 0}, {1, 4, 4, 0},     {INT64_MAX, 4, 4, 0},
                              {0, 4, 5, 0},   {0, 20000, 1, 0}, {0, INT64_MAX, INT64_MAX, 0},
                              {48, 1, 1, 0},  {0, 1, 20000, 0}};
    const int64_t n = (int64_t)(sizeof bad / sizeof *bad);
    uint8_t *pixels = make_pixels(48, 1);
    int64_t rows[4 * 12] = {0, 4, 4, 0};
    memcpy(rows + 4, bad, sizeof bad);
    const batch b = {.pixels = pixels, .bytes = 48, .rows = rows, .n = n + 1, .seed = 1};
    const kd_augment a = whole_recipe(5, 3, 0);
    const kd_kernel *const kernels[] = {&reference_augment_kernel, &cpu_augment_kernel};
    for (int k = 0; k < 2; k++) {
        float *views = run_f32(kernels[k], &a, &b);
        for (int64_t i = 0; i < (n + 1) * view_values(&a); i++) {
            cr_expect_eq(isnan(views[i]) != 0, i >= view_values(&a), "value %lld", (long long)i);
        }
        free(views);
    }
    free(pixels);
}

TEST(augment, no_rows_are_no_work) {
    uint8_t pixel = 0;
    const int64_t rows[4] = {0};
    const batch b = {.pixels = &pixel, .bytes = 1, .rows = rows};
    const kd_augment a = whole_recipe(5, 3, 0);
    free(run_f32(&reference_augment_kernel, &a, &b));
    free(run_f32(&cpu_augment_kernel, &a, &b));
}
