/* SPDX-License-Identifier: Apache-2.0
 * Copies of an encoder that evals train: against one step by hand, what they leave alone, and what
 * they refuse. The encoder is a linear layer on an image's mean colour. */
#include "built_plugins.h"
#include "check/plugin_images.h"

#include "leaks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { BATCH = 6, WIDTH = 8, COLOURS = 3 };

typedef struct rig {
    built built;
    feature_rows rows;
    bench_images images;
    engine *run; /* that the copy begins as */
    learner_host host;
    int calls, cancel_after;
} rig;

static kd_learners slots;

static kd_tensor *encode_images(const kd_encoder *encoder, kd_scope s, kd_tensor *images) {
    kd_features features = {.size = sizeof features};
    encoder->encode(encoder, kd_child(s, "encoder"), images, false, &features);
    return features.pooled;
}

static kd_tensor *mean_feature(void *context, kd_scope s, const kd_encoder *encoder,
                               kd_tensor *images, kd_tensor *labels) {
    (void)context;
    (void)labels;
    return kd_scale(kd_sum(encode_images(encoder, s, images)), 1.0 / BATCH);
}

static kd_tensor *features_themselves(void *context, kd_scope s, const kd_encoder *encoder,
                                      kd_tensor *images) {
    (void)context;
    return encode_images(encoder, s, images);
}

static bool count_calls(void *context, const char *doing, kd_error *err) {
    rig *r = context;
    (void)doing;
    return ++r->calls != r->cancel_after || kd_fail(err, KD_E_CANCELLED, "stopped");
}

/* A run's engine with the encoder's variables, drawn by another seed than the learner's. */
static engine *engine_of_run(const rig *r) {
    kd_error err = KD_ERROR_INIT;
    kd_program *unused;
    engine *e = engine_create(r->built.device_table, r->built.device, 77);
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_scope s = graph_root(g);
    kd_tensor *images = kd_input(s, "images", (kd_spec){.rank = 4, .dim = {1, 4, 4, 3}});
    kd_output(s, "features", encode_images(&r->images.encoder, s, images));
    cr_assert(engine_compile(e, g, "features", &unused, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    return e;
}

static rig *rig_open(void) {
    rig *r = calloc(1, sizeof *r);
    built_open(&r->built, "reference");
    features_make(&r->rows, 0.4, 3);
    bench_images_make(&r->images, &r->rows);
    r->run = engine_of_run(r);
    slots = learner_slots(&r->images.view, NULL, NULL);
    r->host = bench_images_host(&r->images, &(plugin_kit){.device_table = r->built.device_table,
                                                          .device = r->built.device});
    r->host.from = r->run;
    r->host.go_on = count_calls;
    r->host.context = r;
    return r;
}

static void rig_close(rig *r) {
    engine_destroy(r->run);
    built_close(&r->built);
    free(r);
}

static kd_learner_spec spec_of(const rig *r) {
    return (kd_learner_spec){.size = sizeof(kd_learner_spec),
                             .batch = BATCH,
                             .train_view = &r->images.view,
                             .test_view = &r->images.view,
                             .optimizer = "sgd",
                             .momentum = 0.9,
                             .loss = mean_feature,
                             .predict = features_themselves};
}

static kd_learner *open_learner(const rig *r) {
    const kd_learner_spec spec = spec_of(r);
    kd_error err = KD_ERROR_INIT;
    kd_learner *l = NULL;
    cr_assert(learner_create(&r->host, &spec, NULL, &l, &err), "%s", err.message);
    return l;
}

typedef struct layer {
    float weight[WIDTH][COLOURS], bias[WIDTH];
} layer;

static layer layer_of_run(const rig *r) {
    layer ret;
    kd_error err = KD_ERROR_INIT;
    const int weight = engine_find_variable(r->run, "encoder.layer.weight");
    const int bias = engine_find_variable(r->run, "encoder.layer.bias");
    cr_assert(engine_read_variable(r->run, weight, ret.weight, sizeof ret.weight, &err));
    cr_assert(engine_read_variable(r->run, bias, ret.bias, sizeof ret.bias, &err));
    return ret;
}

static double colour_of(const rig *r, int of, int64_t at, int k) {
    return ((double)r->images.pixels[of][at * IMAGE_BYTES + k] / 255 - 0.5) / 0.25;
}

static void expect_features(const rig *r, kd_learner *l, int of, const layer *with) {
    static const int64_t rows[] = {7, 3, 3, 0, 199, 12, 45, 1, 100};
    enum { ROWS = sizeof rows / sizeof *rows };
    float got[ROWS][WIDTH];
    kd_error err = KD_ERROR_INIT;
    cr_assert(slots.predict(l, of, rows, ROWS, got[0], &err), "%s", err.message);
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < WIDTH; k++) {
            double want = (double)with->bias[k];
            for (int c = 0; c < COLOURS; c++) {
                want += (double)with->weight[k][c] * colour_of(r, of, rows[i], c);
            }
            cr_assert_float_eq(got[i][k], want, 1e-5, "row %d, feature %d: %g, not %g", i, k,
                               (double)got[i][k], want);
        }
    }
}

static void train_once(kd_learner *l, double lr, double decay) {
    static const int64_t rows[BATCH] = {5, 9, 250, 3, 8, 299};
    kd_error err = KD_ERROR_INIT;
    cr_assert(slots.train(l, rows, 0, lr, decay, &err), "%s", err.message);
}

/* Nesterov's first step is 1.9 times the gradient; biases do not decay. */
static layer after_one_step(const rig *r, double lr, double decay) {
    static const int64_t rows[BATCH] = {5, 9, 250, 3, 8, 299};
    layer now = layer_of_run(r);
    for (int k = 0; k < WIDTH; k++) {
        for (int c = 0; c < COLOURS; c++) {
            double gradient = decay * (double)now.weight[k][c];
            for (int i = 0; i < BATCH; i++) {
                gradient += colour_of(r, KD_OF_TRAIN, rows[i], c) / BATCH;
            }
            now.weight[k][c] -= (float)(lr * 1.9 * gradient);
        }
        now.bias[k] -= (float)(lr * 1.9);
    }
    return now;
}

TEST(learner, begins_as_the_encoder_and_takes_a_step) {
    rig *r = rig_open();
    kd_learner *l = open_learner(r);
    const layer before = layer_of_run(r);
    expect_features(r, l, KD_OF_TEST, &before);
    expect_features(r, l, KD_OF_TRAIN, &before);
    train_once(l, 0.1, 0.5);
    const layer after = after_one_step(r, 0.1, 0.5);
    expect_features(r, l, KD_OF_TEST, &after);
    const layer still = layer_of_run(r);
    cr_assert_arr_eq(&still, &before, sizeof before);
    learner_destroy(l);
    rig_close(r);
}

/* Momentum and the count of steps too: otherwise the second time would differ from the first. */
TEST(learner, forgets_everything_when_it_is_reset) {
    rig *r = rig_open();
    kd_error err = KD_ERROR_INIT;
    float first[FEATURE_TESTS][WIDTH], second[FEATURE_TESTS][WIDTH];
    const layer before = layer_of_run(r);
    kd_learner *l = open_learner(r);
    train_once(l, 0.1, 0);
    train_once(l, 0.1, 0);
    cr_assert(slots.predict(l, KD_OF_TEST, NULL, FEATURE_TESTS, first[0], &err));
    cr_assert(slots.reset(l, &err), "%s", err.message);
    expect_features(r, l, KD_OF_TEST, &before);
    train_once(l, 0.1, 0);
    train_once(l, 0.1, 0);
    cr_assert(slots.predict(l, KD_OF_TEST, NULL, FEATURE_TESTS, second[0], &err));
    cr_assert_arr_eq(first, second, sizeof first);
    learner_destroy(l);
    rig_close(r);
}

TEST(learner, stops_when_the_user_wants) {
    rig *r = rig_open();
    kd_error err = KD_ERROR_INIT;
    float out[FEATURE_TESTS][WIDTH];
    kd_learner *l = open_learner(r);
    r->cancel_after = 2;
    train_once(l, 0.1, 0);
    cr_assert_not(slots.predict(l, KD_OF_TEST, NULL, FEATURE_TESTS, out[0], &err));
    cr_assert_eq(err.code, KD_E_CANCELLED);
    learner_destroy(l);
    rig_close(r);
}

static kd_tensor *one_number(void *context, kd_scope s, const kd_encoder *encoder,
                             kd_tensor *images) {
    return kd_sum(features_themselves(context, s, encoder, images));
}

static void expect_refusal(const learner_host *host, const kd_learner_spec *spec,
                           const char *message) {
    kd_error err = KD_ERROR_INIT;
    kd_learner *l = NULL;
    cr_assert_not(learner_create(host, spec, NULL, &l, &err));
    cr_assert(strstr(err.message, message), "%s", err.message);
    cr_assert_null(l);
}

TEST(learner, refuses) {
    rig *r = rig_open();
    kd_learner_spec spec = spec_of(r);
    kd_augment grey = r->images.view, bad = r->images.view;
    grey.channels = 1;
    bad.op[0] = KD_AUGMENT_FLIP;
    spec.optimizer = "adam";
    expect_refusal(&r->host, &spec, "no optimizer adam for a learner");
    spec = spec_of(r);
    spec.batch = 0;
    expect_refusal(&r->host, &spec, "needs a batch, a loss and predictions");
    spec = spec_of(r);
    spec.test_view = &grey;
    expect_refusal(&r->host, &spec, "images have 3 channels, the view 1");
    spec.test_view = &bad;
    expect_refusal(&r->host, &spec, "begins with flip, which is not a cut");
    spec.test_view = NULL;
    expect_refusal(&r->host, &spec, "a view for steps and for predictions");
    spec = spec_of(r);
    spec.predict = one_number;
    expect_refusal(&r->host, &spec, "predictions are not [batch, n]");
    spec = spec_of(r);
    learner_host alone = r->host;
    alone.set[KD_OF_TRAIN].from = NULL;
    expect_refusal(&alone, &spec, "needs a training set");

    kd_error err = KD_ERROR_INIT;
    float out[WIDTH];
    kd_learner *l = open_learner(r);
    cr_assert_not(slots.predict(l, KD_OF_TEST, (int64_t[]){FEATURE_TESTS}, 1, out, &err));
    cr_assert_str_eq(err.message, "row 200 of set 1: there is none");
    cr_assert_not(slots.predict(l, 2, (int64_t[]){0}, 1, out, &err));
    learner_destroy(l);
    rig_close(r);
}
