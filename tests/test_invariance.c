/* SPDX-License-Identifier: Apache-2.0
 * The eval `invariance`: against sums taken one by one, on features of which the answer is known,
 * and what it refuses. */
#include "eval_kit.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>

enum { KINDS = 5, WIDTH = 12, FACTORS = 3, MOST = 400 * (1 + FACTORS) };
static const char *const names[FACTORS] = {"still", "free", "half"};

/* Base images of several kinds; `still` changes nothing, `free` everything, `half` something. */
typedef struct varied {
    set made;
    int64_t base[MOST];
    int32_t factor[MOST];
    kd_variants variants;
} varied;

static void varied_make(varied *v, int64_t bases, double noise) {
    const int64_t rows = bases * (1 + FACTORS);
    v->made = set_create(rows, WIDTH, KINDS, noise, 4);
    for (int64_t i = 0; i < rows; i++) {
        const int64_t place = i % (1 + FACTORS), base = i - place;
        float *x = v->made.features + i * WIDTH, *of = v->made.features + base * WIDTH;
        v->base[i] = place ? base : -1;
        v->factor[i] = (int32_t)place - 1;
        v->made.labels[i] = v->made.labels[base];
        for (int k = 0; k < WIDTH; k++) {
            x[k] = place == 1 ? of[k] : place == 3 ? of[k] + x[k] / 4 : x[k];
        }
    }
    v->variants = (kd_variants){.size = sizeof v->variants,
                                .factors = FACTORS,
                                .base = v->base,
                                .factor = v->factor,
                                .factor_name = names};
}

static built_eval eval_of(const varied *v, const char *options) {
    return (built_eval){.id = "invariance",
                        .options = options,
                        .classes = KINDS,
                        .test = v->made.set,
                        .variants = &v->variants};
}

static double distance(const set *s, int64_t a, int64_t b) {
    double ab = 0, aa = 0, bb = 0;
    for (int k = 0; k < WIDTH; k++) {
        const double x = (double)s->features[a * WIDTH + k], y = (double)s->features[b * WIDTH + k];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return 1 - ab / sqrt(aa * bb);
}

/* By the definition, over all bases but one. */
static double slow(const varied *v, int32_t factor, int64_t bases, int64_t without) {
    const int64_t group = 1 + FACTORS;
    double moved = 0, far = 0;
    int64_t n = 0, pairs = 0;
    for (int64_t a = 0; a < bases; a++) {
        if (a == without) {
            continue;
        }
        moved += distance(&v->made, a * group, a * group + 1 + factor);
        n++;
        for (int64_t b = 0; b < a; b++) {
            if (b != without && v->made.labels[a * group] != v->made.labels[b * group]) {
                far += distance(&v->made, a * group, b * group);
                pairs++;
            }
        }
    }
    return moved / (double)n / (far / (double)pairs);
}

static const kd_eval_result *result(const kd_eval_output *out, const char *name) {
    for (uint32_t i = 0; i < out->n_results; i++) {
        if (strcmp(out->results[i].name, name) == 0) {
            return &out->results[i];
        }
    }
    cr_assert_fail("no result '%s'", name);
    return NULL;
}

static double value(const kd_eval_output *out, const char *name) {
    return result(out, name)->value;
}

TEST(invariance, equals_the_definition) {
    enum { BASES = 37 };
    static varied v;
    varied_make(&v, BASES, 0.7);
    const built_eval e = eval_of(&v, "{factors: 'half, free'}");
    const kd_eval_output out = eval_measure(&e);
    cr_assert_eq(out.n_results, 4);
    cr_assert_float_eq(value(&out, "sensitivity_half"), slow(&v, 2, BASES, -1), 1e-9);
    cr_assert_float_eq(value(&out, "sensitivity_free"), slow(&v, 1, BASES, -1), 1e-9);
    const double mean = (value(&out, "sensitivity_half") + value(&out, "sensitivity_free")) / 2;
    cr_assert_str_eq(out.results[0].name, "sensitivity");
    cr_assert_float_eq(out.results[0].value, mean, 1e-12);

    double of[BASES], middle = 0, square = 0;
    for (int64_t b = 0; b < BASES; b++) {
        of[b] = slow(&v, 1, BASES, b);
        middle += of[b] / BASES;
    }
    for (int64_t b = 0; b < BASES; b++) {
        square += (of[b] - middle) * (of[b] - middle);
    }
    const double half = 1.96 * sqrt((BASES - 1.0) / BASES * square);
    char said[64];
    snprintf(said, sizeof said, "95 %% interval %.4f to %.4f", slow(&v, 1, BASES, -1) - half,
             slow(&v, 1, BASES, -1) + half);
    const char *protocol = result(&out, "sensitivity_free")->protocol;
    cr_assert(strstr(protocol, said), "%s\n%s", said, protocol);
    cr_assert(strstr(out.results[0].protocol, "mean over half, free"));
    set_destroy(&v.made);
}

/* Each base is a kind of its own then: as if it had a label that no other has. */
TEST(invariance, does_without_labels) {
    enum { BASES = 30 };
    static varied v;
    varied_make(&v, BASES, 0.7);
    built_eval e = eval_of(&v, "{factors: half}");
    const double by_kinds = eval_measure(&e).results[0].value;
    for (int64_t i = 0; i < v.made.set.rows; i++) {
        v.made.labels[i] = (int32_t)(i / (1 + FACTORS));
    }
    e.classes = BASES;
    const double own = eval_measure(&e).results[0].value;
    cr_assert_float_eq(own, slow(&v, 2, BASES, -1), 1e-9);
    for (int64_t i = 0; i < v.made.set.rows; i++) {
        v.made.labels[i] = -1;
    }
    e.classes = 0;
    const kd_eval_output out = eval_measure(&e);
    cr_assert_float_eq(out.results[0].value, own, 1e-12);
    cr_assert(fabs(by_kinds - own) > 1e-3, "%g", by_kinds);
    cr_assert(strstr(out.results[0].protocol, "different images (they have no labels)"));
    set_destroy(&v.made);
}

/* What changes nothing gives exactly 0; what is drawn anew moves features as far as another kind
 * where features know no kind. */
TEST(invariance, knows_the_ends) {
    static varied v;
    varied_make(&v, 400, 1000);
    const built_eval e = eval_of(&v, "{factors: 'still'}");
    const kd_eval_output out = eval_measure(&e);
    cr_assert_eq(out.results[0].value, 0);
    cr_assert_eq(value(&out, "sensitivity_still"), 0);
    /* four deviations of a mean of 400 cosines of width 12 */
    cr_assert_float_eq(value(&out, "sensitivity_free"), 1, 4 / sqrt(400 * WIDTH));
    cr_assert(value(&out, "sensitivity_half") > 0 && value(&out, "sensitivity_half") < 0.5);
    set_destroy(&v.made);
}

TEST(invariance, images_without_variants_do_not_count) {
    static varied v;
    varied_make(&v, 40, 0.7);
    built_eval e = eval_of(&v, "{factors: half}");
    const double before = eval_measure(&e).results[0].value;
    e.test.rows -= 1 + FACTORS; /* another image, whose variants are gone */
    const double fewer = eval_measure(&e).results[0].value;
    e.test.rows += 1;
    cr_assert_neq(before, fewer);
    cr_assert_eq(eval_measure(&e).results[0].value, fewer);
    set_destroy(&v.made);
}

/* A factor of which too few images have a variant has no number: never one that is not. */
TEST(invariance, factors_of_few_images_are_left_out) {
    static varied v;
    varied_make(&v, 40, 0.7);
    for (int64_t i = 1 + FACTORS; i < 40 * (1 + FACTORS); i++) {
        v.factor[i] = v.factor[i] == 1 ? 2 : v.factor[i]; /* only the first base has a `free` one */
    }
    const built_eval e = eval_of(&v, "{factors: half}");
    const kd_eval_output out = eval_measure(&e);
    cr_assert_eq(out.n_results, 3);
    for (uint32_t i = 0; i < out.n_results; i++) {
        cr_assert(isfinite(out.results[i].value), "%s", out.results[i].name);
        cr_assert_str_neq(out.results[i].name, "sensitivity_free");
    }
    set_destroy(&v.made);
}

TEST(invariance, refuses) {
    static varied v;
    varied_make(&v, 30, 1);
    built_eval e = eval_of(&v, "{factors: 'still, fre'}");
    kd_error err = eval_refusal(&e);
    cr_assert_str_eq(err.message, "invariance: the test data has no variants of 'fre'");
    cr_assert_str_eq(err.hint, "set factors to some of: still, free, half");
    e.options = "{factors: 'free, free'}";
    cr_assert_str_eq(eval_refusal(&e).message, "invariance: factors names 'free' twice");
    e.options = "{factors: ', '}";
    cr_assert_str_eq(eval_refusal(&e).message, "invariance: factors is empty");
    e.options = "{factors: free}";
    e.variants = NULL;
    err = eval_refusal(&e);
    cr_assert_str_eq(err.message, "invariance: the test data has no variants of its images");
    cr_assert_str_eq(err.hint, "for example test: {plugin: synthetic, variants: true}");
    e = eval_of(&v, "{factors: free}");
    v.made.features[7] = NAN;
    cr_assert_eq(eval_refusal(&e).code, KD_E_DATA);
    v.made.features[7] = 0;
    for (int64_t i = 0; i < v.made.set.rows; i++) {
        v.made.labels[i] = 2;
    }
    cr_assert_str_eq(eval_refusal(&e).message,
                     "invariance: all images that are varied are of one kind");
    set_destroy(&v.made);
}
