/* SPDX-License-Identifier: Apache-2.0
 * kNN against a slow search, what it says and refuses; and which rows an eval holds out. */
#include "../plugins/evals/split.h"
#include "eval_kit.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>

static double cosine(const kd_feature_set *a, int64_t i, const kd_feature_set *b, int64_t j) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t k = 0; k < a->width; k++) {
        const double x = (double)a->features[i * a->width + k];
        const double y = (double)b->features[j * b->width + k];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

/* The class of most votes among the k nearest, found by taking the nearest k times. */
static int slow_knn(const built_eval *e, int64_t query, int k, double temperature) {
    double *similarity = malloc((size_t)e->train.rows * sizeof *similarity);
    double *votes = calloc((size_t)e->classes, sizeof *votes);
    for (int64_t i = 0; i < e->train.rows; i++) {
        similarity[i] = cosine(&e->test, query, &e->train, i);
    }
    for (int n = 0; n < k; n++) {
        int64_t best = 0;
        for (int64_t i = 1; i < e->train.rows; i++) {
            best = similarity[i] > similarity[best] ? i : best;
        }
        votes[e->train.labels[best]] += exp(similarity[best] / temperature);
        similarity[best] = -2;
    }
    int winner = 0;
    for (int c = 1; c < e->classes; c++) {
        winner = votes[c] > votes[winner] ? c : winner;
    }
    free(similarity);
    free(votes);
    return winner;
}

static void check_knn(int64_t rows, int64_t width, double noise, const char *options, int k,
                      double temperature, int32_t real) {
    set train = set_create(rows, width, 7, noise, 1), test = set_create(19, width, 7, noise, 2);
    const built_eval e = {.id = "knn",
                          .options = options,
                          .real = real,
                          .classes = 7,
                          .train = train.set,
                          .test = test.set};
    int right = 0;
    for (int64_t i = 0; i < test.set.rows; i++) {
        right += slow_knn(&e, i, k, temperature) == test.labels[i];
    }
    const kd_eval_output out = eval_measure(&e);
    cr_assert_eq(out.n_results, 1);
    cr_assert_str_eq(out.results[0].name, "accuracy");
    cr_assert_float_eq(out.results[0].value, right / 19.0, 1e-12, "%s: %g, not %d / 19", options,
                       out.results[0].value, right);
    cr_assert(right > 3 && right < 19, "%d right say little", right);
    set_destroy(&train);
    set_destroy(&test);
}

TEST(knn, equals_a_slow_search) {
    check_knn(200, 24, 3, "{k: 1, temperature: 0.1}", 1, 0.1, KD_F32);
    check_knn(200, 24, 3, "{k: 20, temperature: 0.07}", 20, 0.07, KD_F32);
    check_knn(200, 24, 3, "{k: 200, temperature: 0.5}", 200, 0.5, KD_F64);
}

/* At this width a tile of the bank has 256 rows: three tiles, the last one of 8. */
TEST(knn, merges_tiles) {
    check_knn(520, 16384, 18, "{k: 5, temperature: 0.01}", 5, 0.01, KD_F32);
    check_knn(520, 16384, 18, "{k: 300, temperature: 0.01}", 300, 0.01, KD_F32);
}

TEST(knn, equal_neighbours_go_by_index_and_equal_votes_by_class) {
    const float train[] = {1, 0, 2, 0, 3, 0, 0, 1}, test[] = {5, 0, 5, 0};
    const int32_t labels[] = {2, 1, 0, 0}, right[] = {2, 1};
    built_eval e = {.id = "knn",
                    .options = "{k: 1}",
                    .classes = 3,
                    .train = {4, 2, train, labels},
                    .test = {2, 2, test, right}};
    cr_assert_eq(eval_measure(&e).results[0].value, 0.5); /* the neighbour is row 0, of class 2 */
    e.options = "{k: 2}";
    cr_assert_eq(eval_measure(&e).results[0].value, 0.5); /* classes 2 and 1 tie: class 1 */
}

TEST(knn, reports_the_protocol_and_the_first_five_of_many_classes) {
    set train = set_create(300, 8, 12, 1.5, 1), test = set_create(50, 8, 12, 1.5, 2);
    const built_eval e = {.id = "knn",
                          .options = "{k: 30, temperature: 0.2}",
                          .classes = 12,
                          .train = train.set,
                          .test = test.set};
    const kd_eval_output out = eval_measure(&e);
    cr_assert_eq(out.n_results, 2);
    cr_assert_str_eq(out.results[1].name, "top5");
    cr_assert_gt(out.results[1].value, out.results[0].value);
    cr_assert_lt(out.results[0].value, 1);
    static const char *const said[] = {"k 30, T 0.2, cosine", "300 training features of width 8",
                                       "50 test samples, 12 classes"};
    for (int i = 0; i < 3; i++) {
        cr_assert(strstr(out.results[0].protocol, said[i]), "%s", out.results[0].protocol);
    }
    set_destroy(&train);
    set_destroy(&test);
}

TEST(knn, refuses) {
    set train = set_create(30, 4, 3, 1, 1), test = set_create(10, 4, 3, 1, 2);
    built_eval e = {
        .id = "knn", .options = "{k: 31}", .classes = 3, .train = train.set, .test = test.set};
    kd_error err = eval_refusal(&e);
    cr_assert_str_eq(err.message, "knn: k is 31, but there are only 30 training samples");
    cr_assert_str_eq(err.hint, "set k to at most 30");

    e.options = "{k: 30}";
    e.cancel_after = 1;
    cr_assert_eq(eval_refusal(&e).code, KD_E_CANCELLED);

    e.cancel_after = 0;
    test.features[7] = NAN;
    err = eval_refusal(&e);
    cr_assert_eq(err.code, KD_E_DATA);
    cr_assert(strstr(err.message, "not finite"), "%s", err.message);
    set_destroy(&train);
    set_destroy(&test);
}

TEST(split, holds_out_of_every_class_and_repeats) {
    set s = set_create(400, 1, 5, 1, 3);
    kd_error err = KD_ERROR_INIT;
    split a, b, other;
    const split_plan ten = {.labels_per_class = 10, .held_out = 0.2};
    const split_plan quarter = {.held_out = 0.25}, tenth = {.labels = 0.1};
    cr_assert(split_draw(&a, &s.set, 5, &ten, 7, &err));
    cr_assert(split_draw(&b, &s.set, 5, &ten, 7, &err));
    cr_assert(split_draw(&other, &s.set, 5, &ten, 8, &err));
    cr_assert_eq(a.fit, 40);
    cr_assert_eq(a.held, 10);
    int seen[400] = {0}, of_class[2][5] = {{0}};
    for (int64_t i = 0; i < 50; i++) {
        cr_assert_eq(seen[a.rows[i]]++, 0);
        of_class[i >= a.fit][s.labels[a.rows[i]]]++;
    }
    for (int c = 0; c < 5; c++) {
        cr_assert_eq(of_class[0][c], 8);
        cr_assert_eq(of_class[1][c], 2);
    }
    cr_assert_arr_eq(a.rows, b.rows, 50 * sizeof *a.rows);
    cr_assert_arr_neq(a.rows, other.rows, 50 * sizeof *a.rows);
    split_finish(&a);
    split_finish(&b);
    split_finish(&other);

    cr_assert(split_draw(&a, &s.set, 5, &quarter, 7, &err));
    cr_assert_eq(a.fit + a.held, 400);
    cr_assert(a.held >= 98 && a.held <= 102);
    split_finish(&a);

    cr_assert(split_draw(&a, &s.set, 5, &tenth, 7, &err));
    cr_assert_eq(a.held, 0);
    cr_assert(a.fit >= 38 && a.fit <= 42);
    split_finish(&a);
    set_destroy(&s);
}

TEST(split, a_class_of_one_is_not_held_out) {
    const int32_t labels[] = {0, 0, 1, 3};
    const float none[4] = {0};
    const kd_feature_set s = {4, 1, none, labels};
    kd_error err = KD_ERROR_INIT;
    split a;
    const split_plan half = {.held_out = 0.5}, little = {.labels = 0.001};
    cr_assert(split_draw(&a, &s, 4, &half, 1, &err));
    cr_assert_eq(a.fit, 3);
    cr_assert_eq(a.held, 1);
    cr_assert(a.rows[3] < 2);
    split_finish(&a);

    cr_assert(split_draw(&a, &s, 4, &little, 1, &err)); /* at least one a class */
    cr_assert_eq(a.fit, 3);
    split_finish(&a);
}
