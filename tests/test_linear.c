/* SPDX-License-Identifier: Apache-2.0
 * The linear probe: its heads against plain SGD, what it says of itself, and what it refuses. */
#include "../plugins/evals/heads.h"
#include "eval_kit.h"
#include "leaks.h"

#include <math.h>

enum { N = 40, D = 6, C = 3, STEPS = 60 };

/* Features with mean 0 and deviation 1. */
static void standardize(const set *s, double x[N][D]) {
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
}

/* Mean cross-entropy of the weights, the last of each class its bias; adds its gradient. */
static double cross_entropy(const set *s, double x[N][D], double w[C][D + 1],
                            double gradient[C][D + 1]) {
    double loss = 0;
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
    return loss;
}

/* Full-batch SGD in doubles, features standardised, as the protocol says: mean loss afterwards. */
static double slow_sgd(const set *s, double rate, double decay) {
    double x[N][D], w[C][D + 1] = {{0}}, moment[C][D + 1] = {{0}}, loss = 0;
    standardize(s, x);
    for (int step = 0; step <= STEPS; step++) {
        double gradient[C][D + 1] = {{0}};
        loss = cross_entropy(s, x, w, gradient);
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

/* Trains heads on all of one set and scores them on another. */
static void train_heads(const set *train, const set *test, head *list, int count) {
    static const heads_plan plan = {.batch = 64, .epochs = 1, .min_steps = STEPS, .seed = 1};
    const built_eval e = {.real = KD_F64, .classes = C, .train = train->set, .test = test->set};
    kd_error err = KD_ERROR_INIT;
    built b;
    built_input input;
    heads *h;
    int64_t rows[N];
    for (int i = 0; i < N; i++) {
        rows[i] = i;
    }
    built_open(&b, "reference");
    built_input_open(&b, &e, &input);
    cr_assert(heads_open(&input.in, list, count, &plan, N, &h, &err), "%s", err.message);
    cr_assert(heads_train(h, rows, N, &err), "%s", err.message);
    cr_assert(heads_score(h, &test->set, NULL, N, &err), "%s", err.message);
    heads_close(h);
    built_input_close(&input);
    built_close(&b);
}

TEST(linear, every_head_equals_sgd_on_its_own) {
    set s = set_create(N, D, C, 2, 5);
    head three[] = {{.learning_rate = 0.1, .weight_decay = 0},
                    {.learning_rate = 0.5, .weight_decay = 0.1},
                    {.learning_rate = 0.01, .weight_decay = 0.001}};
    train_heads(&s, &s, three, 3);
    for (int i = 0; i < 3; i++) {
        const double want = slow_sgd(&s, three[i].learning_rate, three[i].weight_decay);
        cr_assert_float_eq(three[i].score.loss, want, 1e-5, "head %d: %.9g, not %.9g", i,
                           three[i].score.loss, want);
        cr_assert_lt(want, 1.09);
    }
    set_destroy(&s);
}

/* A sample far off must cost what it costs, not infinity: with that no head could be chosen. */
TEST(linear, a_large_margin_is_a_finite_loss) {
    set s = set_create(N, D, C, 1, 5), far = set_create(N, D, C, 1, 5);
    for (int k = 0; k < D; k++) {
        far.features[k] *= -1e4F;
    }
    head one = {.learning_rate = 0.1};
    train_heads(&s, &far, &one, 1);
    cr_assert(isfinite(one.score.loss) && one.score.loss > 800.0 / N, "%g", one.score.loss);
    cr_assert(one.score.accuracy > 0.5 && one.score.accuracy < 1, "%g", one.score.accuracy);
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
    const kd_eval_output out = eval_measure(&e);
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
    cr_assert_float_eq(eval_measure(&e).results[0].value, out.results[0].value, 0.02);
    set_destroy(&train);
    set_destroy(&test);
}

TEST(linear, uses_no_more_labels_than_it_says) {
    set train = set_create(600, 16, 12, 0.5, 1), test = set_create(100, 16, 12, 0.5, 2);
    built_eval e = linear_eval(&train, &test, "{labels_per_class: 5, min_steps: 100}");
    const kd_eval_output out = eval_measure(&e);
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
    kd_error err = eval_refusal(&e);
    cr_assert(strstr(err.message, "0 learning rates"), "%s", err.message);

    e.options = "{learning_rates: [1000], weight_decays: [10], min_steps: 100}";
    err = eval_refusal(&e);
    cr_assert(strstr(err.message, "no learning rate gave a finite loss"), "%s", err.message);
    cr_assert(strstr(err.hint, "lower"), "%s", err.hint);

    e.options = "{labels_per_class: 1}";
    err = eval_refusal(&e);
    cr_assert(strstr(err.message, "none can be held out"), "%s", err.message);

    e.options = "{}";
    e.cancel_after = 3;
    cr_assert_eq(eval_refusal(&e).code, KD_E_CANCELLED);
    set_destroy(&train);
    set_destroy(&test);
}
