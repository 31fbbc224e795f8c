/* SPDX-License-Identifier: Apache-2.0
 * Evals one after another on features that they share. */
#include "train/evaluation.h"

#include "train/eval_labels.h"
#include "train/eval_programs.h"

#include <stdlib.h>

/* Features that have been taken already in this evaluation. */
typedef struct taken {
    const source *from;
    bool labels_alone;
    features features;
} taken;

typedef struct work {
    const evaluation *e;
    bool rehearsed; /* features are zeros */
    int count;
    taken *taken;         /* [2 n_evals + 1] */
    kd_variants variants; /* of the test set of the eval that runs */
} work;

/* The features of a set for an eval, or its labels alone for one that needs no features. */
static bool take(work *w, const source *from, const eval_part *eval, const features **ret,
                 kd_error *err) {
    const bool labels_alone = eval_flags(eval) & KD_EVAL_IMAGES;
    const bool labelled = eval_takes_labelled(eval, from);
    for (int i = 0; i < w->count; i++) {
        if (w->taken[i].from == from && w->taken[i].labels_alone == labels_alone) {
            *ret = &w->taken[i].features;
            return true;
        }
    }
    taken *t = &w->taken[w->count];
    if (labels_alone) {
        features_label(from, &t->features);
    } else if (w->rehearsed) {
        if (!features_rehearse(w->e->program, from, labelled, &t->features, err)) {
            return false;
        }
    } else if (!features_take(w->e->assembly, w->e->program, from, labelled, eval->keys.name,
                              &t->features, err)) {
        return false;
    }
    t->from = from;
    t->labels_alone = labels_alone;
    w->count++;
    *ret = &t->features;
    return true;
}

static kd_feature_set as_set(const features *f) {
    return (kd_feature_set){
        .rows = f->rows, .width = f->width, .features = f->value, .labels = f->label};
}

static kd_variants variants_of(const source *from, const features *f) {
    return (kd_variants){.size = sizeof(kd_variants),
                         .factors = from->variants.factors,
                         .base = f->base,
                         .factor = f->factor,
                         .factor_name = from->variants.factor_name};
}

static learner_set as_learner_set(const source *from, const features *f) {
    return (learner_set){.from = from, .rows = f->rows, .position = f->position};
}

/* What eval `index` is given. */
static bool take_input(work *w, int index, eval_input *ret, kd_error *err) {
    static const features none;
    const assembly *a = w->e->assembly;
    const eval_part *eval = &a->run->evals[index];
    const eval_data *data = &a->eval_data[index];
    const bool test_alone = eval_flags(eval) & KD_EVAL_TEST_ALONE;
    const features *train = &none, *test = NULL;
    if ((!test_alone && !take(w, data->train, eval, &train, err)) ||
        !take(w, data->test, eval, &test, err)) {
        return false;
    }
    w->variants = variants_of(data->test, test);
    *ret = (eval_input){.in = {.size = sizeof ret->in,
                               .classes = data->train->samples.classes,
                               .seed = (uint64_t)a->run->keys.seed,
                               .train = as_set(train),
                               .test = as_set(test),
                               .host = registry_host(a->plugins),
                               .test_variants = test->base ? &w->variants : NULL},
                        .set = {[KD_OF_TRAIN] = as_learner_set(data->train, train),
                                [KD_OF_TEST] = as_learner_set(data->test, test)}};
    return true;
}

static bool run_eval(work *w, int index, kd_eval_output *out, kd_error *err) {
    assembly *a = w->e->assembly;
    const eval_part *eval = &a->run->evals[index];
    eval_input in;
    if (!take_input(w, index, &in, err)) {
        return false;
    }
    progress_note(&a->progress, eval->keys.name, progress_now());
    return eval_run(a, eval, &in, out, err);
}

static work work_begin(const evaluation *e, bool rehearsed) {
    const size_t sets = (size_t)(2 * e->assembly->run->n_evals + 1);
    return (work){.e = e, .rehearsed = rehearsed, .taken = kd_alloc(sets * sizeof(taken))};
}

static void work_end(work *w) {
    for (int i = 0; i < w->count; i++) {
        features_free(&w->taken[i].features);
    }
    free(w->taken);
    features_finish(w->e->program);
}

bool evaluate(const evaluation *e, const evaluation_sink *sink, kd_error *err) {
    const run *r = e->assembly->run;
    work w = work_begin(e, false);
    bool ok = true;
    for (int i = 0; ok && i < r->n_evals; i++) {
        if (!e->wanted[i]) {
            continue;
        }
        kd_eval_output out = {.size = sizeof out};
        const double begin = progress_now();
        ok = run_eval(&w, i, &out, err);
        progress_break(&e->assembly->progress);
        if (ok) {
            sink->result(sink->context, e, &r->evals[i], &out, progress_now() - begin);
        } else {
            kd_while(err, "eval %s", r->evals[i].keys.name);
        }
    }
    work_end(&w);
    return ok;
}

static bool rehearse(const evaluation *e, rehearsal *r, kd_error *err) {
    work w = work_begin(e, true);
    bool ok = true;
    for (int i = 0; ok && i < e->assembly->run->n_evals; i++) {
        eval_input in;
        if (e->wanted[i]) {
            ok = take_input(&w, i, &in, err);
            if (ok) {
                rehearsal_run(r, &e->assembly->run->evals[i], &in);
            }
        }
    }
    work_end(&w);
    return ok;
}

bool evaluation_rehearse_all(assembly *a, rehearsal *r, kd_error *err) {
    const int count = a->run->n_evals;
    bool *wanted = kd_alloc((size_t)count + 1), ok = true;
    if (assembly_compares(a)) {
        for (int i = 0; i < count; i++) {
            wanted[i] = a->run->evals[i].keys.before && eval_takes_pixels(&a->run->evals[i]);
        }
        const evaluation pixels = {.assembly = a, .program = &a->pixels, .wanted = wanted};
        ok = rehearse(&pixels, r, err);
    }
    memset(wanted, true, (size_t)count);
    const evaluation all = {.assembly = a, .program = &a->features, .wanted = wanted};
    ok = ok && rehearse(&all, r, err);
    free(wanted);
    return ok;
}
