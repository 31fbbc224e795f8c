/* SPDX-License-Identifier: Apache-2.0
 * The evals against slow implementations of what they claim to measure, and what they refuse. */
#include "../plugins/evals/heads.h"
#include "../plugins/evals/split.h"
#include "built_plugins.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>

/* Features and labels that are nothing but a function of the seed: class centres plus noise. */
typedef struct set {
    float *features;
    int32_t *labels;
    kd_feature_set set;
} set;

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double unit(uint64_t key) {
    return (double)(mix(key * 0x9e3779b97f4a7c15u + 1) >> 11) / 4503599627370496.0 - 1;
}

static set set_create(int64_t rows, int64_t width, int32_t classes, double noise, uint64_t seed) {
    set s = {.features = malloc((size_t)(rows * width) * sizeof *s.features),
             .labels = malloc((size_t)rows * sizeof *s.labels)};
    for (int64_t i = 0; i < rows; i++) {
        s.labels[i] = (int32_t)(mix(seed * 1000003 + (uint64_t)i) % (uint64_t)classes);
        for (int64_t k = 0; k < width; k++) {
            const double centre = unit((uint64_t)(s.labels[i] * 131071 + k));
            const double wobble = unit((seed << 40) + (uint64_t)(i * width + k));
            s.features[i * width + k] = (float)(centre + noise * wobble);
        }
    }
    s.set = (kd_feature_set){rows, width, s.features, s.labels};
    return s;
}

static void set_destroy(set *s) {
    free(s->features);
    free(s->labels);
}

static bool run_eval(const built_eval *e, kd_eval_output *ret, kd_error *err) {
    built b;
    built_open(&b, "reference");
    const bool done = built_run_eval(&b, e, ret, err);
    built_close(&b);
    return done;
}

static kd_eval_output measure(const built_eval *e) {
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    cr_assert(run_eval(e, &out, &err), "%s", err.message);
    for (uint32_t i = 0; i < out.n_results; i++) {
        cr_assert(strlen(out.results[i].protocol) + 1 < sizeof out.results[i].protocol);
    }
    return out;
}

static kd_error refusal(const built_eval *e) {
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(run_eval(e, &out, &err));
    return err;
}

/* ---- k nearest neighbours ---- */

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
    const kd_eval_output out = measure(&e);
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
    cr_assert_eq(measure(&e).results[0].value, 0.5); /* the neighbour is row 0, of class 2 */
    e.options = "{k: 2}";
    cr_assert_eq(measure(&e).results[0].value, 0.5); /* classes 2 and 1 tie: class 1 */
}

TEST(knn, reports_the_protocol_and_the_first_five_of_many_classes) {
    set train = set_create(300, 8, 12, 1.5, 1), test = set_create(50, 8, 12, 1.5, 2);
    const built_eval e = {.id = "knn",
                          .options = "{k: 30, temperature: 0.2}",
                          .classes = 12,
                          .train = train.set,
                          .test = test.set};
    const kd_eval_output out = measure(&e);
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
    kd_error err = refusal(&e);
    cr_assert_str_eq(err.message, "knn: k is 31, but there are only 30 training samples");
    cr_assert_str_eq(err.hint, "set k to at most 30");

    e.options = "{k: 30}";
    e.cancel_after = 1;
    cr_assert_eq(refusal(&e).code, KD_E_CANCELLED);

    e.cancel_after = 0;
    test.features[7] = NAN;
    err = refusal(&e);
    cr_assert_eq(err.code, KD_E_DATA);
    cr_assert(strstr(err.message, "not finite"), "%s", err.message);
    set_destroy(&train);
    set_destroy(&test);
}

/* ---- Linear ---- */

TEST(split, holds_out_of_every_class_and_repeats) {
    set s = set_create(400, 1, 5, 1, 3);
    kd_error err = KD_ERROR_INIT;
    split a, b, other;
    cr_assert(split_draw(&a, &s.set, 5, 10, 0.2, 7, &err));
    cr_assert(split_draw(&b, &s.set, 5, 10, 0.2, 7, &err));
    cr_assert(split_draw(&other, &s.set, 5, 10, 0.2, 8, &err));
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

    cr_assert(split_draw(&a, &s.set, 5, 0, 0.25, 7, &err));
    cr_assert_eq(a.fit + a.held, 400);
    cr_assert(a.held >= 98 && a.held <= 102);
    split_finish(&a);
    set_destroy(&s);
}

TEST(split, a_class_of_one_is_not_held_out) {
    const int32_t labels[] = {0, 0, 1, 3};
    const float none[4] = {0};
    const kd_feature_set s = {4, 1, none, labels};
    kd_error err = KD_ERROR_INIT;
    split a;
    cr_assert(split_draw(&a, &s, 4, 0, 0.5, 1, &err));
    cr_assert_eq(a.fit, 3);
    cr_assert_eq(a.held, 1);
    cr_assert(a.rows[3] < 2);
    split_finish(&a);
}

enum { N = 40, D = 6, C = 3, STEPS = 60 };

/* Full-batch SGD in doubles, features standardised, as the protocol says: mean loss afterwards. */
static double slow_sgd(const set *s, double rate, double decay) {
    double x[N][D], w[C][D + 1] = {{0}}, moment[C][D + 1] = {{0}}, loss = 0;
    for (int k = 0; k < D; k++) {
        double mean = 0, square = 0;
        for (int i = 0; i < N; i++) {
            mean += (double)s->features[i * D + k] / N;
        }
        for (int i = 0; i < N; i++) {
            square += pow((double)s->features[i * D + k] - mean, 2) / N;
        }
        for (int i = 0; i < N; i++) {
            x[i][k] = ((double)s->features[i * D + k] - mean) / sqrt(square);
        }
    }
    for (int step = 0; step <= STEPS; step++) {
        double gradient[C][D + 1] = {{0}};
        loss = 0;
        for (int i = 0; i < N; i++) {
            double p[C], total = 0;
            for (int c = 0; c < C; c++) {
                p[c] = w[c][D];
                for (int k = 0; k < D; k++) {
                    p[c] += w[c][k] * x[i][k];
                }
                p[c] = exp(p[c]);
                total += p[c];
            }
            loss -= log(p[s->labels[i]] / total) / N;
            for (int c = 0; c < C; c++) {
                const double d = (p[c] / total - (c == s->labels[i])) / N;
                for (int k = 0; k <= D; k++) {
                    gradient[c][k] += d * (k < D ? x[i][k] : 1);
                }
            }
        }
        const double now = rate * 0.5 * (1 + cos(acos(-1) * step / STEPS));
        for (int c = 0; c < C; c++) {
            for (int k = 0; k <= D; k++) {
                const double d = gradient[c][k] + (k < D ? decay * w[c][k] : 0);
                moment[c][k] = 0.9 * moment[c][k] + d;
                w[c][k] -= now * moment[c][k];
            }
        }
    }
    return loss;
}

TEST(linear, every_head_equals_sgd_on_its_own) {
    set s = set_create(N, D, C, 2, 5);
    built b;
    built_open(&b, "reference");
    const built_eval e = {.real = KD_F64, .classes = C, .train = s.set, .test = s.set};
    built_input input;
    built_input_open(&b, &e, &input);
    head three[] = {{.learning_rate = 0.1, .weight_decay = 0},
                    {.learning_rate = 0.5, .weight_decay = 0.1},
                    {.learning_rate = 0.01, .weight_decay = 0.001}};
    const heads_plan plan = {.batch = 64, .epochs = 1, .min_steps = STEPS, .seed = 1};
    int64_t rows[N];
    for (int i = 0; i < N; i++) {
        rows[i] = i;
    }
    kd_error err = KD_ERROR_INIT;
    heads *h;
    cr_assert(heads_open(&input.in, three, 3, &plan, N, &h, &err), "%s", err.message);
    cr_assert(heads_train(h, rows, N, &err), "%s", err.message);
    cr_assert(heads_score(h, &s.set, NULL, N, &err), "%s", err.message);
    for (int i = 0; i < 3; i++) {
        const double want = slow_sgd(&s, three[i].learning_rate, three[i].weight_decay);
        cr_assert_float_eq(three[i].loss, want, 1e-5, "head %d: %.9g, not %.9g", i, three[i].loss,
                           want);
        cr_assert_lt(want, 1.09);
    }
    heads_close(h);
    built_input_close(&input);
    built_close(&b);
    set_destroy(&s);
}

/* A sample far off must cost what it costs, not infinity: with that no head could be chosen. */
TEST(linear, a_large_margin_is_a_finite_loss) {
    set s = set_create(N, D, C, 1, 5), far = set_create(N, D, C, 1, 5);
    for (int k = 0; k < D; k++) {
        far.features[k] *= -1e4F;
    }
    built b;
    built_open(&b, "reference");
    const built_eval e = {.real = KD_F64, .classes = C, .train = s.set, .test = far.set};
    built_input input;
    built_input_open(&b, &e, &input);
    head one = {.learning_rate = 0.1};
    const heads_plan plan = {.batch = 64, .epochs = 1, .min_steps = STEPS, .seed = 1};
    int64_t rows[N];
    for (int i = 0; i < N; i++) {
        rows[i] = i;
    }
    kd_error err = KD_ERROR_INIT;
    heads *h;
    cr_assert(heads_open(&input.in, &one, 1, &plan, N, &h, &err), "%s", err.message);
    cr_assert(heads_train(h, rows, N, &err), "%s", err.message);
    cr_assert(heads_score(h, &far.set, NULL, N, &err), "%s", err.message);
    cr_assert(isfinite(one.loss) && one.loss > 800.0 / N, "%g", one.loss);
    cr_assert(one.accuracy > 0.5 && one.accuracy < 1, "%g", one.accuracy);
    heads_close(h);
    built_input_close(&input);
    built_close(&b);
    set_destroy(&s);
    set_destroy(&far);
}

static built_eval linear_eval(const set *train, const set *test, const char *options) {
    return (built_eval){.id = "linear",
                        .options = options,
                        .classes = 12,
                        .seed = 3,
                        .train = train->set,
                        .test = test->set};
}

TEST(linear, learns_and_says_how) {
    set train = set_create(600, 16, 12, 1, 1), test = set_create(150, 16, 12, 1, 2);
    built_eval e = linear_eval(&train, &test,
                               "{epochs: 10, min_steps: 100, batch: 64, learning_rates: [0.01, "
                               "0.1], weight_decays: [0, 0.001]}");
    const kd_eval_output out = measure(&e);
    cr_assert_eq(out.n_results, 2);
    cr_assert_gt(out.results[0].value, 0.9);
    cr_assert_geq(out.results[1].value, out.results[0].value);
    static const char *const said[] = {"batch 64, 10 epochs, at least 100 steps",
                                       "chosen of 4 pairs on 118 held out of 600", "seed 3",
                                       "150 test samples, 12 classes, once"};
    for (int i = 0; i < 4; i++) {
        cr_assert(strstr(out.results[0].protocol, said[i]), "%s", out.results[0].protocol);
    }
    /* The features' scale and place mean nothing, and neither does a head that diverges. */
    for (int64_t i = 0; i < 600 * 16; i++) {
        train.features[i] = 1000 * train.features[i] + 50;
    }
    for (int64_t i = 0; i < 150 * 16; i++) {
        test.features[i] = 1000 * test.features[i] + 50;
    }
    e.options = "{epochs: 10, min_steps: 100, batch: 64, learning_rates: [0.01, 0.1, 1000], "
                "weight_decays: [0, 0.001]}";
    cr_assert_float_eq(measure(&e).results[0].value, out.results[0].value, 0.02);
    set_destroy(&train);
    set_destroy(&test);
}

TEST(linear, uses_no_more_labels_than_it_says) {
    set train = set_create(600, 16, 12, 0.5, 1), test = set_create(100, 16, 12, 0.5, 2);
    built_eval e = linear_eval(&train, &test, "{labels_per_class: 5, min_steps: 100}");
    const kd_eval_output out = measure(&e);
    cr_assert(
        strstr(out.results[0].protocol, "12 held out of 60 training samples (5 labels a class)"),
        "%s", out.results[0].protocol);
    cr_assert_gt(out.results[0].value, 0.9);
    set_destroy(&train);
    set_destroy(&test);
}

TEST(linear, refuses) {
    set train = set_create(60, 4, 3, 1, 1), test = set_create(10, 4, 3, 1, 2);
    built_eval e = linear_eval(&train, &test, "{learning_rates: [1.0e+30], min_steps: 20}");
    e.options = "{learning_rates: []}";
    kd_error err = refusal(&e);
    cr_assert(strstr(err.message, "0 learning rates"), "%s", err.message);

    e.options = "{learning_rates: [1000], weight_decays: [10], min_steps: 100}";
    err = refusal(&e);
    cr_assert(strstr(err.message, "no learning rate gave a finite loss"), "%s", err.message);
    cr_assert(strstr(err.hint, "lower"), "%s", err.hint);

    e.options = "{labels_per_class: 1}";
    err = refusal(&e);
    cr_assert(strstr(err.message, "none can be held out"), "%s", err.message);

    e.options = "{}";
    e.cancel_after = 3;
    cr_assert_eq(refusal(&e).code, KD_E_CANCELLED);
    set_destroy(&train);
    set_destroy(&test);
}
