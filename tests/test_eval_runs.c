/* SPDX-License-Identifier: Apache-2.0
 * Evals within runs: what the host hands them, and what it makes of their numbers. */
#include "run_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(eval_runs, .init = open_kit, .fini = close_kit);

#define WITH(...)                                                                                  \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

static void expect_train(const char *const *overrides) {
    int outcome = -1;
    kd_error err = KD_ERROR_INIT;
    cr_assert(kit_train(&kit, FOLDER_NEW, overrides, &outcome, &err), "%s", err.message);
    cr_assert_eq(outcome, TRAINED);
}

static void expect_refusal(const char *const *overrides, const char *message) {
    int outcome = -1;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(kit_train(&kit, FOLDER_NEW, overrides, &outcome, &err));
    cr_assert(strstr(err.message, message), "%s", err.message);
}

#define VARIED(options_)                                                                           \
    "evals=[{plugin: invariance, factors: 'background, style', every_epochs: 1, test: {plugin: "   \
    "synthetic, kinds: 6, size: 12, split: test, count: 160, variants: true, lighting: 0" options_ \
    "}}]"

/* On other kinds than the run's, which has four. Light that never varies makes variants that are
 * their bases; other factors move features. */
TEST(eval_runs, measure_invariance) {
    expect_train(WITH("train.epochs=1", VARIED("")));
    const double background = kit_metric("small", 8, "sensitivity_background");
    const double style = kit_metric("small", 8, "sensitivity_style");
    cr_assert(background > 0 && style > 0, "%g, %g", background, style);
    cr_assert_float_eq(kit_metric("small", 8, "sensitivity"), (background + style) / 2, 1e-8);
    cr_assert_eq(kit_metric("small", 8, "sensitivity_lighting"), 0);
}

/* The least is the best. */
TEST(eval_runs, keep_the_best_of_what_is_better_when_lower) {
    expect_train(WITH("train.epochs=4", "checkpoint.keep=1", "checkpoint.keep_best=invariance",
                      "checkpoint.every_epochs=1", VARIED("")));
    int64_t *steps = NULL, best = 8;
    kit_checkpoints("small", &steps);
    for (int64_t step = 16; step <= 32; step += 8) {
        const bool less = kit_metric("small", step, "value") < kit_metric("small", best, "value");
        best = less ? step : best;
    }
    cr_assert_eq(steps[0], best);
    free(steps);
}

TEST(eval_runs, refuse_variants_in_pairs) {
    static const char pairs[] = "index_a,index_b\n0,32\n";
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_write("pairs.csv", pairs, sizeof pairs - 1, &err));
    expect_refusal(WITH("train.epochs=1", VARIED(", pairs: {manifest: pairs.csv}")),
                   "the dataset has variants of samples, and data.pairs or data.fraction is given");
    expect_refusal(WITH("train.epochs=1", "evals=[{plugin: invariance}]"),
                   "invariance: the test data has no variants of its images");
}

/* Any pictures are variants of each other when a manifest says so. */
TEST(eval_runs, take_variants_from_a_manifest) {
#define BY_MANIFEST                                                                                \
    "evals=[{plugin: invariance, factors: odd, test: {plugin: synthetic, kinds: 4, size: 12, "     \
    "split: test, count: 64, factors: factors.csv}}]"
    FILE *out = fopen("factors.csv", "w");
    fputs("index_a,index_b,factor\n", out);
    for (int i = 0; i < 8; i++) {
        fprintf(out, "%d,%d,odd\n%d,%d,even\n", i, 8 + 4 * i, i, 9 + 4 * i);
    }
    fclose(out);
    expect_train(WITH("train.epochs=1", BY_MANIFEST));
    const double odd = kit_metric("small", 8, "sensitivity_odd");
    cr_assert(odd > 0 && kit_metric("small", 8, "sensitivity_even") > 0);
    cr_assert_eq(kit_metric("small", 8, "sensitivity"), odd);

    static const struct {
        const char *text, *message;
    } cases[] = {
        {"index_a,index_b\n0,1\n", "factors.csv:2: no factor"},
        {"index_a,index_b,factor\n0,1,odd\n2,1,odd\n",
         "factors.csv:3: image b is a variant already"},
        {"index_a,index_b,factor,label\n0,4,odd,0\n1,5,odd,2\n",
         "factors.csv:3: label 2, but image 1 is of class 1"},
        {"index_a,index_b,factor\n0,64,odd\n", "factors.csv:2: index 64 is beyond the last, 63"},
        {"index_a,index_b,factor\n0,1,odd\n1,2,odd\n",
         "sample 2 is a variant of sample 1, which is a variant itself"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        cr_assert(file_write("factors.csv", cases[i].text, strlen(cases[i].text), &err));
        expect_refusal(WITH("name=other", "train.epochs=1", BY_MANIFEST), cases[i].message);
    }
    expect_refusal(WITH("name=other", "train.epochs=1", VARIED(", factors: factors.csv")),
                   "factors.csv: the dataset has variants of its own");
}

#define TUNED(options_)                                                                            \
    "evals=[{plugin: finetune, epochs: 2, min_steps: 10, batch: 16, before: true" options_ "}]"

/* A copy is trained: the run ends in the same bits without the eval, and there is no number for raw
 * pixels, which are no encoder. */
TEST(eval_runs, finetune_a_copy) {
    expect_train(WITH("train.epochs=1", TUNED("")));
    expect_train(WITH("train.epochs=1", "name=alone"));
    cr_assert(kit_same_state("small", "alone", 8));
    const double before = kit_metric("small", 0, "value"), after = kit_metric("small", 8, "value");
    cr_assert(before > 0 && before <= 1 && after > 0 && after <= 1, "%g, %g", before, after);
    expect_train(WITH("name=again", "train.epochs=1", TUNED("")));
    cr_assert_eq(kit_metric("again", 8, "value"), after);

    size_t bytes = 0;
    char *text = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read("runs/small/metrics.jsonl", 0, &text, &bytes, &err));
    cr_assert_null(strstr(text, "raw pixels"));
    cr_assert(strstr(text, "trained on 64 samples, seed 1"), "%s", text);
    free(text);
}

/* Sixteen images of each of four kinds: a quarter of the labels, and a fifth of those chooses. */
TEST(eval_runs, finetune_on_few_labels) {
    expect_train(WITH("train.epochs=1", TUNED(", labels: 0.25, learning_rates: [0.01, 0.1]")));
    size_t bytes = 0;
    char *text = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read("runs/small/metrics.jsonl", 0, &text, &bytes, &err));
    cr_assert(strstr(text, "chosen of 2 on 4 of them; trained on 16 samples (25 % of the labels)"),
              "%s", text);
    free(text);
    expect_refusal(WITH("name=one", "train.epochs=1",
                        TUNED(", labels_per_class: 1, learning_rates: [0.01, 0.1]")),
                   "no class has two labelled training samples");
    expect_refusal(WITH("name=none", "train.epochs=1", TUNED(", learning_rates: []")),
                   "finetune: no learning rate");
    expect_refusal(WITH("name=wild", "train.epochs=1", TUNED(", learning_rates: [1000]")),
                   "does not give a finite loss");
}

/* The untrained encoder, by labels alone: four kinds that a short training tells apart. */
TEST(eval_runs, finetune_until_it_knows) {
    expect_train(WITH("train.epochs=1", "data.count=256", "backbone.width=4",
                      "evals=[{plugin: finetune, min_steps: 150, batch: 32, learning_rates: [0.1], "
                      "crop: 0.5, before: true}]"));
    cr_assert_gt(kit_metric("small", 0, "value"), 0.5);
}

enum { SAMPLES = 6 };
static int64_t base_of[SAMPLES];

static int64_t count(const kd_set *set) {
    (void)set;
    return SAMPLES;
}

static bool variant(const kd_set *set, int64_t index, int64_t *ret_base, const char **ret_factor) {
    (void)set;
    *ret_base = base_of[index];
    *ret_factor = index % 2 ? "odd" : "even";
    return base_of[index] != -1;
}

/* Opens samples 0 to 5, of which the store lacks the one that is `broken`. */
static bool open_variants(const int64_t *bases, int64_t broken, variants *ret, kd_error *err) {
    const kd_dataset table = {.size = sizeof table, .count = count, .variant = variant};
    int64_t indices[SAMPLES];
    store s = {.source = indices};
    memcpy(base_of, bases, sizeof base_of);
    for (int64_t i = 0; i < SAMPLES; i++) {
        indices[s.samples] = i;
        s.samples += i != broken;
    }
    const samples list = {.count = s.samples, .n_images = 1};
    return variants_open(&s, &table, NULL, &list, "", ret, err);
}

TEST(variants, are_found_by_position_and_lost_with_their_base) {
    variants v;
    kd_error err = KD_ERROR_INIT;
    cr_assert(open_variants((int64_t[]){-1, 0, -1, 2, 2, 0}, 6, &v, &err), "%s", err.message);
    cr_assert_arr_eq(v.base, ((int64_t[]){-1, 0, -1, 2, 2, 0}), sizeof base_of);
    cr_assert_eq(v.count, 4);
    cr_assert_eq(v.factors, 2);
    cr_assert_str_eq(v.factor_name[v.factor[4]], "even");
    cr_assert_eq(v.factor[1], v.factor[3]);
    variants_free(&v);

    cr_assert(open_variants((int64_t[]){-1, 0, -1, 2, 2, 0}, 0, &v, &err), "%s", err.message);
    cr_assert_arr_eq(v.base, ((int64_t[]){-1, -1, 1, 1, -1}), 5 * sizeof *v.base);
    cr_assert_eq(v.count, 2);
    variants_free(&v);

    cr_assert(open_variants((int64_t[]){-1, -1, -1, -1, -1, -1}, 6, &v, &err));
    cr_assert(v.base == NULL && v.count == 0);
    variants_free(&v);
}

TEST(variants, refuse_bases_that_cannot_be) {
    variants v;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(open_variants((int64_t[]){-1, 0, 1, -1, -1, -1}, 6, &v, &err));
    cr_assert_str_eq(err.message, "sample 2 is a variant of sample 1, which is a variant itself");
    variants_free(&v);
    err = (kd_error)KD_ERROR_INIT;
    cr_assert_not(open_variants((int64_t[]){-1, 6, -1, -1, -1, -1}, 6, &v, &err));
    cr_assert_str_eq(err.message, "sample 1 is a variant of sample 6, which is not in the dataset");
    variants_free(&v);
}
