/* SPDX-License-Identifier: Apache-2.0
 * Linear classification of frozen features: how far does one linear layer get?
 *
 * All pairs of a learning rate and a weight decay are trained at once, on part of the training
 * samples; the part held out chooses the pair; one classifier with that pair is trained on both
 * parts and meets the test set once.
 *
 * source  the frozen-feature protocol of Chen et al. 2020, https://arxiv.org/abs/2002.05709,
 *         appendix B.6, on cached features without augmentation; the choice as in Kornblith et al.
 *         2019, https://arxiv.org/abs/1805.08974, appendix A
 */
#include "heads.h"
#include "split.h"

#include <math.h>

struct linear {
    int labels_per_class;
    double held_out;
    kd_floats learning_rates, weight_decays;
    int epochs, min_steps, batch;
};

KD_PLUGIN(EVAL, "linear", "1.0.0", struct linear, "accuracy of a linear layer on frozen features",
          "https://arxiv.org/abs/2002.05709, appendix B.6")
KD_INT(struct linear, labels_per_class, 0, 0, 1000000,
       "use so many training labels of each class; 0: all")
KD_FLOAT(struct linear, held_out, 0.2, 0.01, 0.9,
         "share of those training labels that chooses the learning rate and the weight decay")
KD_FLOATS(struct linear, learning_rates, "[0.001, 0.003, 0.01, 0.03, 0.1, 0.3]", 0, 1000,
          "tried with every weight decay; features are standardised")
KD_FLOATS(struct linear, weight_decays, "[0, 0.0001, 0.001, 0.01]", 0, 10,
          "tried with every learning rate; not applied to biases")
KD_INT(struct linear, epochs, 20, 1, 10000, "passes over the labelled training samples")
KD_INT(struct linear, min_steps, 500, 1, 1000000, "but at least so many steps of SGD")
KD_INT(struct linear, batch, 256, 1, 65536, "training samples a step, or all when there are fewer")

enum { MAX_HEADS = 256 };

static bool check_input(const struct linear *self, const kd_eval_input *in, kd_error *err) {
    const int64_t pairs = self->learning_rates.count * self->weight_decays.count;
    if (in->classes < 2 || in->train.rows < 2 || in->test.rows < 1 ||
        in->train.width != in->test.width) {
        return kd_fail(err, KD_E_INVALID,
                       "linear: needs two classes, test samples and features of one width");
    }
    if (pairs < 1 || pairs > MAX_HEADS) {
        kd_fail(err, KD_E_INVALID, "linear: %lld learning rates times %lld weight decays",
                (long long)self->learning_rates.count, (long long)self->weight_decays.count);
        return kd_hint(err, "give at least one of each, and at most %d pairs", MAX_HEADS);
    }
    return true;
}

/* The head that does best on the samples held out, and of equals the first. */
static const head *best_head(const head *all, int64_t count) {
    const head *best = all;
    for (int64_t i = 1; i < count; i++) {
        best = score_is_better(&all[i].score, &best->score) ? &all[i] : best;
    }
    return best;
}

/* Trains a head for every pair on the part that fits; the winner on the part held out. */
static bool choose(const struct linear *self, const kd_eval_input *in, const heads_plan *plan,
                   const split *part, head *ret, kd_error *err) {
    head all[MAX_HEADS];
    int64_t count = 0;
    for (int64_t i = 0; i < self->learning_rates.count; i++) {
        for (int64_t k = 0; k < self->weight_decays.count; k++) {
            all[count++] = (head){.learning_rate = self->learning_rates.value[i],
                                  .weight_decay = self->weight_decays.value[k]};
        }
    }
    heads *h = NULL;
    const bool done = heads_open(in, all, count, plan, part->fit, &h, err) &&
                      heads_train(h, part->rows, part->fit, err) &&
                      heads_score(h, &in->train, part->rows + part->fit, part->held, err);
    heads_close(h);
    if (!done) {
        return false;
    }
    *ret = *best_head(all, count);
    if (!isfinite(ret->score.loss)) {
        kd_fail(err, KD_E_INVALID, "linear: no learning rate gave a finite loss");
        return kd_hint(err, "add lower ones to learning_rates");
    }
    return true;
}

/* One head with the chosen pair, trained on both parts, on the test set. */
static bool measure(const kd_eval_input *in, const heads_plan *plan, const split *part,
                    head *chosen, kd_error *err) {
    const int64_t samples = part->fit + part->held;
    heads *h = NULL;
    const bool done = heads_open(in, chosen, 1, plan, samples, &h, err) &&
                      heads_train(h, part->rows, samples, err) &&
                      heads_score(h, &in->test, NULL, in->test.rows, err);
    heads_close(h);
    return done;
}

static void report(kd_eval_output *out, const char *name, double value, const struct linear *self,
                   const kd_eval_input *in, const split *part, const head *chosen) {
    kd_eval_result *r = &out->results[out->n_results++];
    char labels[64] = "";
    if (self->labels_per_class) {
        snprintf(labels, sizeof labels, " (%d labels a class)", self->labels_per_class);
    }
    r->value = value;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(
        r->protocol, sizeof r->protocol,
        "linear layer on frozen features, standardised on training features; SGD, momentum "
        "0.9, batch %d, %d epochs, at least %d steps, cosine, from zero weights; learning rate "
        "%g and weight decay %g chosen of %lld pairs on %lld held out of %lld training "
        "samples%s by class, seed %llu; trained on all of them; %lld test samples, %d classes, "
        "once",
        self->batch, self->epochs, self->min_steps, chosen->learning_rate, chosen->weight_decay,
        (long long)(self->learning_rates.count * self->weight_decays.count), (long long)part->held,
        (long long)(part->fit + part->held), labels, (unsigned long long)in->seed,
        (long long)in->test.rows, in->classes);
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct linear *self = config;
    const heads_plan plan = {.batch = self->batch,
                             .epochs = self->epochs,
                             .min_steps = self->min_steps,
                             .seed = in->seed};
    const split_plan labels = {.labels_per_class = self->labels_per_class,
                               .held_out = self->held_out};
    split part = {0};
    head chosen;
    if (!check_input(self, in, err) ||
        !split_draw(&part, &in->train, in->classes, &labels, in->seed, err)) {
        return false;
    }
    bool done = part.held > 0 || kd_fail(err, KD_E_INVALID,
                                         "linear: no class has two labelled training samples, so "
                                         "none can be held out");
    done = done && choose(self, in, &plan, &part, &chosen, err) &&
           measure(in, &plan, &part, &chosen, err);
    if (done) {
        report(out, "accuracy", chosen.score.accuracy, self, in, &part, &chosen);
        if (in->classes >= 10) {
            report(out, "top5", chosen.score.top5, self, in, &part, &chosen);
        }
    }
    split_finish(&part);
    return done;
}

KD_EVAL(.run = run)
