/* SPDX-License-Identifier: Apache-2.0
 * Fine-tuning: how far do labels get when the encoder is where training begins?
 *
 * A copy of the encoder and a linear layer on its features, from zero weights, are trained on all
 * labels or on a share of them, with random crops and flips, and meet the test set once. When
 * several learning rates are given, each trains on part of the samples, and the part held out
 * chooses.
 *
 * source  Chen et al. 2020, https://arxiv.org/abs/2002.05709, appendix B.5: SGD with Nesterov's
 *         momentum 0.9, a rate of 0.05 for 256 images, no warm-up, no weight decay, crops and
 * flips. Differs: the rate falls to 0 along a cosine, and few labels get more than 60 epochs */
#include "score.h"
#include "split.h"

#include <math.h>
#include <stdlib.h>

struct finetune {
    double labels;
    int labels_per_class;
    kd_floats learning_rates;
    double weight_decay, held_out;
    int optimizer;
    int epochs, min_steps, batch;
    double crop, flip;
};

KD_PLUGIN(EVAL, "finetune", "1.0.0", struct finetune,
          "accuracy after training all weights of a copy of the encoder",
          "https://arxiv.org/abs/2002.05709, appendix B.5")
KD_FLOAT(struct finetune, labels, 1, 1e-6, 1,
         "share of the training labels that is used, of each class, at least one")
KD_INT(struct finetune, labels_per_class, 0, 0, 1000000, "at most so many of each class; 0: all")
KD_FLOATS(struct finetune, learning_rates, "[0.05]", 0, 1000,
          "of several, samples that are held out choose one")
KD_FLOAT(struct finetune, weight_decay, 0, 0, 10, "not applied to biases and norms")
KD_FLOAT(struct finetune, held_out, 0.2, 0.01, 0.9,
         "share of the labels in use that chooses between learning rates")
KD_CHOICE(struct finetune, optimizer, "sgd", "sgd|adamw",
          "sgd with Nesterov's momentum 0.9; adamw wants rates near 0.001")
KD_INT(struct finetune, epochs, 30, 1, 10000, "passes over the labels in use")
KD_INT(struct finetune, min_steps, 300, 1, 1000000, "but at least so many steps")
KD_INT(struct finetune, batch, 256, 1, 65536, "images a step, or all when there are fewer")
KD_FLOAT(struct finetune, crop, 0.08, 1e-6, 1,
         "least area of a random crop, as a share of the image's; 1: the centre, as in tests")
KD_FLOAT(struct finetune, flip, 0.5, 0, 1, "how often an image is flipped")

static const char *const optimizers[] = {"sgd", "adamw"};

/* One measurement. */
typedef struct tuning {
    const struct finetune *self;
    const kd_eval_input *in;
    const kd_learners *learners;
    kd_learner *learner;
    split part;
    int64_t batch;
    float *logits; /* [batch, classes] */
    int64_t *rows; /* [batch] */
} tuning;

/* The classifier, of the same names wherever it is described. */
static kd_tensor *classify(const tuning *t, kd_scope s, kd_tensor *features) {
    const int64_t width = kd_dim(features, 1), classes = t->in->classes;
    kd_scope own = kd_child(s, "classifier");
    kd_tensor *x = kd_cast(features, KD_REAL);
    kd_tensor *weight =
        kd_param(own, "weight", (kd_spec){KD_REAL, 2, {classes, width}}, (kd_init){0});
    kd_tensor *bias = kd_param(own, "bias", (kd_spec){KD_REAL, 1, {classes}}, (kd_init){0});
    return kd_add(kd_matmul_with(x, weight, false, true), bias);
}

static kd_tensor *loss_of(void *context, kd_scope s, const kd_encoder *encoder, kd_tensor *images,
                          kd_tensor *labels) {
    kd_tensor *features = kd_encode(encoder, kd_child(s, "encoder"), images);
    return kd_cross_entropy(classify(context, s, features), labels);
}

static kd_tensor *predict(void *context, kd_scope s, const kd_encoder *encoder, kd_tensor *images) {
    kd_features features = {.size = sizeof features};
    encoder->encode(encoder, kd_child(s, "encoder"), images, false, &features);
    return classify(context, s, features.pooled);
}

/* What training images go through: the test's view with a crop and flips that are drawn. */
static kd_augment view_of(const struct finetune *self, const kd_augment *test) {
    kd_augment view = *test;
    if (self->crop < 1) {
        const double crop[KD_AUGMENT_ARGS] = {self->crop, 1, 3.0 / 4, 4.0 / 3, 1};
        view.op[0] = KD_AUGMENT_RANDOM_RESIZED_CROP;
        memcpy(view.arg[0], crop, sizeof crop);
    }
    if (self->flip > 0) { /* between the cut and what follows it */
        const size_t after = (size_t)(view.n_ops - 1);
        memmove(view.op + 2, view.op + 1, after * sizeof *view.op);
        memmove(view.arg + 2, view.arg + 1, after * sizeof *view.arg);
        memset(view.arg[1], 0, sizeof view.arg[1]);
        view.op[1] = KD_AUGMENT_FLIP;
        view.arg[1][0] = self->flip;
        view.n_ops++;
    }
    return view;
}

static bool open_learner(tuning *t, kd_error *err) {
    const kd_augment train = view_of(t->self, t->learners->view);
    const kd_learner_spec spec = {.size = sizeof spec,
                                  .batch = (int32_t)t->batch,
                                  .train_view = &train,
                                  .test_view = t->learners->view,
                                  .optimizer = optimizers[t->self->optimizer],
                                  .momentum = 0.9,
                                  .loss = loss_of,
                                  .predict = predict};
    return t->learners->open(t->in, &spec, t, &t->learner, err);
}

/* Trains from the run's encoder on the first `count` rows of the split, which it reorders. */
static bool train(tuning *t, int64_t count, double lr, kd_error *err) {
    const int64_t epoch = count / t->batch;
    int64_t steps = t->self->epochs * epoch;
    steps = steps < t->self->min_steps ? t->self->min_steps : steps;
    steps = kd_in_rehearsal(t->in) ? 1 : steps;
    if (!t->learners->reset(t->learner, err)) {
        return false;
    }
    for (int64_t step = 0; step < steps; step++) {
        const int64_t pass = step / epoch;
        if (step % epoch == 0) {
            shuffle(t->part.rows, count, t->in->seed, (uint32_t)pass + 1);
        }
        const double rate = lr * 0.5 * (1 + cos(acos(-1) * (double)step / (double)steps));
        if (!t->learners->train(t->learner, t->part.rows + step % epoch * t->batch, pass, rate,
                                t->self->weight_decay, err)) {
            return false;
        }
    }
    return true;
}

/* Scores on rows of a set; rows NULL: its first `count`. */
static bool measure(tuning *t, int32_t of, const int64_t *rows, int64_t count, score *ret,
                    kd_error *err) {
    const kd_feature_set *set = of == KD_OF_TRAIN ? &t->in->train : &t->in->test;
    const int32_t classes = t->in->classes;
    *ret = (score){0};
    for (int64_t first = 0; first < count; first += t->batch) {
        const int64_t now = count - first < t->batch ? count - first : t->batch;
        for (int64_t i = 0; i < now; i++) {
            t->rows[i] = rows ? rows[first + i] : first + i;
        }
        if (!t->learners->predict(t->learner, of, t->rows, now, t->logits, err)) {
            return false;
        }
        for (int64_t i = 0; i < now; i++) {
            score_add(ret, t->logits + i * classes, classes, set->labels[t->rows[i]]);
        }
    }
    score_finish(ret, count);
    return true;
}

/* The learning rate that does best on the samples held out. */
static bool choose(tuning *t, double *ret, kd_error *err) {
    const kd_floats *rates = &t->self->learning_rates;
    const split *part = &t->part;
    score best = {.loss = (double)INFINITY};
    *ret = rates->value[0];
    for (int64_t i = 0; part->held > 0 && i < rates->count; i++) {
        score now;
        if (!train(t, part->fit, rates->value[i], err) ||
            !measure(t, KD_OF_TRAIN, part->rows + part->fit, part->held, &now, err)) {
            return false;
        }
        if (score_is_better(&now, &best)) {
            best = now;
            *ret = rates->value[i];
        }
    }
    if (part->held > 0 && !isfinite(best.loss)) {
        kd_fail(err, KD_E_INVALID, "finetune: no learning rate gave a finite loss");
        return kd_hint(err, "add lower ones to learning_rates");
    }
    return true;
}

static void report(kd_eval_output *out, const char *name, double value, const tuning *t,
                   double lr) {
    const struct finetune *self = t->self;
    kd_eval_result *r = &out->results[out->n_results++];
    char chosen[96] = "", labels[64] = "";
    const int64_t samples = t->part.fit + t->part.held;
    if (t->part.held > 0) {
        snprintf(chosen, sizeof chosen, " chosen of %lld on %lld of them",
                 (long long)self->learning_rates.count, (long long)t->part.held);
    }
    if (self->labels < 1) {
        snprintf(labels, sizeof labels, " (%g %% of the labels)", 100 * self->labels);
    }
    if (self->labels_per_class) {
        snprintf(labels + strlen(labels), sizeof labels - strlen(labels), " (%d labels a class)",
                 self->labels_per_class);
    }
    r->value = value;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->protocol, sizeof r->protocol,
             "all weights, from the encoder's, and a linear layer from zero weights; %s, batch "
             "%lld, %d epochs, at least %d steps, cosine, weight decay %g; crops from %g of the "
             "area, flips %g; learning rate %g%s; trained on %lld samples%s, seed %llu; %lld test "
             "samples, %d classes, once",
             self->optimizer ? "AdamW" : "SGD, Nesterov momentum 0.9", (long long)t->batch,
             self->epochs, self->min_steps, self->weight_decay, self->crop, self->flip, lr, chosen,
             (long long)samples, labels, (unsigned long long)t->in->seed,
             (long long)t->in->test.rows, t->in->classes);
}

static bool tune(tuning *t, kd_eval_output *out, kd_error *err) {
    const int64_t tests = t->in->test.rows;
    score result;
    double lr;
    if (!open_learner(t, err) || !choose(t, &lr, err) ||
        !train(t, t->part.fit + t->part.held, lr, err) ||
        !measure(t, KD_OF_TEST, NULL, kd_in_rehearsal(t->in) && tests > t->batch ? t->batch : tests,
                 &result, err)) {
        return false;
    }
    if (!isfinite(result.loss)) {
        kd_fail(err, KD_E_INVALID, "finetune: a learning rate of %g does not give a finite loss",
                lr);
        return kd_hint(err, "lower learning_rates");
    }
    report(out, "accuracy", result.accuracy, t, lr);
    if (t->in->classes >= 10) {
        report(out, "top5", result.top5, t, lr);
    }
    return true;
}

static bool check_input(const tuning *t, kd_error *err) {
    if (!t->learners) {
        kd_fail(err, KD_E_UNSUPPORTED, "finetune: this kindred does not let evals train");
        return kd_hint(err, "it takes a newer kindred");
    }
    if (t->self->learning_rates.count < 1) {
        kd_fail(err, KD_E_INVALID, "finetune: no learning rate");
        return kd_hint(err, "give at least one in learning_rates");
    }
    return (t->in->classes >= 2 && t->in->train.rows >= 2 && t->in->test.rows >= 1) ||
           kd_fail(err, KD_E_INVALID,
                   "finetune: needs two classes, two training samples and a "
                   "test sample");
}

static bool take_memory(tuning *t, kd_error *err) {
    t->batch = t->part.fit < t->self->batch ? t->part.fit : t->self->batch;
    t->logits = malloc((size_t)t->batch * (size_t)t->in->classes * sizeof *t->logits);
    t->rows = malloc((size_t)t->batch * sizeof *t->rows);
    return (t->logits && t->rows) || kd_fail(err, KD_E_MEMORY, "out of host memory");
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct finetune *self = config;
    const bool chooses = self->learning_rates.count > 1;
    const split_plan labels = {.labels = self->labels,
                               .labels_per_class = self->labels_per_class,
                               .held_out = chooses ? self->held_out : 0};
    tuning t = {.self = self, .in = in, .learners = kd_learners_of(in)};
    if (!check_input(&t, err) ||
        !split_draw(&t.part, &in->train, in->classes, &labels, in->seed, err)) {
        return false;
    }
    bool done = t.part.held > 0 || !chooses ||
                kd_fail(err, KD_E_INVALID,
                        "finetune: no class has two labelled training samples, so none can be held "
                        "out to choose between learning rates");
    done = done && take_memory(&t, err) && tune(&t, out, err);
    if (t.learner) {
        t.learners->close(in, t.learner);
    }
    free(t.logits);
    free(t.rows);
    split_finish(&t.part);
    return done;
}

KD_EVAL(.flags = KD_EVAL_IMAGES, .run = run)
