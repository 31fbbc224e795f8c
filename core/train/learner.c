/* SPDX-License-Identifier: Apache-2.0
 * One engine, two programs: a step, and predictions. */
#include "train/learner.h"

#include "graph/graph.h"
#include "train/recipe.h"

#include <kindred/ops.h>
#include <kindred/update.h>

#include <math.h>
#include <stdlib.h>

struct kd_learner {
    const learner_host *host;
    engine *engine;
    kd_program *step, *predictor;
    image_batch images;
    int64_t *samples; /* [images.count] positions */
    int32_t *labels;  /* [images.count] */
    float *values;    /* [images.count, width] */
    int64_t width;    /* of a prediction */
    int64_t steps;    /* since the last reset */
    bool draws;       /* the step has a key of its own */
};

/* torch's defaults, as in `optimizer:` of a run. */
static const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;

static bool check_view(const learner_host *host, const kd_augment *view, kd_error *err) {
    if (!view) {
        return kd_fail(err, KD_E_INVALID, "a learner needs a view for steps and for predictions");
    }
    for (int i = 0; i < 2; i++) {
        const source *s = host->set[i].from;
        if (s && s->store->channels > view->channels) {
            return kd_fail(err, KD_E_INVALID, "its images have %d channels, the view %d",
                           s->store->channels, view->channels);
        }
    }
    return kd_augment_check(view, err);
}

static bool check_spec(const learner_host *host, const kd_learner_spec *spec, kd_error *err) {
    if (spec->size < KD_END(kd_learner_spec, predict) || spec->batch < 1 || !spec->loss ||
        !spec->predict) {
        return kd_fail(err, KD_E_INVALID, "a learner needs a batch, a loss and predictions");
    }
    if (!spec->optimizer ||
        (strcmp(spec->optimizer, "sgd") != 0 && strcmp(spec->optimizer, "adamw") != 0)) {
        kd_fail(err, KD_E_INVALID, "no optimizer %s for a learner",
                spec->optimizer ? spec->optimizer : "at all");
        return kd_hint(err, "sgd or adamw");
    }
    if (!host->set[KD_OF_TRAIN].from) {
        return kd_fail(err, KD_E_INVALID, "a learner needs a training set");
    }
    return check_view(host, spec->train_view, err) && check_view(host, spec->test_view, err) &&
           (spec->train_view->channels == spec->test_view->channels ||
            kd_fail(err, KD_E_INVALID, "the views of a learner have unlike channels"));
}

static void plan_images(kd_learner *l, const kd_learner_spec *spec) {
    int64_t largest = 0;
    for (int i = 0; i < 2; i++) {
        const source *s = l->host->set[i].from;
        const int64_t bytes = s ? image_batch_largest(s, spec->train_view->channels) : 0;
        largest = bytes > largest ? bytes : largest;
    }
    l->images = (image_batch){.count = spec->batch,
                              .bytes = spec->batch * largest,
                              .channels = spec->train_view->channels};
}

/* Images of a batch that the host writes, cut as `view` says. */
static kd_tensor *give_images(const kd_learner *l, kd_scope s, const kd_augment *view) {
    const int64_t count = l->images.count;
    kd_tensor *pixels = kd_input(s, "pixels", (kd_spec){KD_U8, 1, {l->images.bytes}});
    kd_tensor *rows = kd_input(s, "rows", (kd_spec){KD_I64, 2, {count, 4}});
    kd_tensor *key = kd_input(s, "key", (kd_spec){KD_I64, 1, {2}});
    return recipe_emit(view, pixels, rows, key);
}

static bool compile_step(kd_learner *l, const kd_learner_spec *spec, void *context, kd_error *err) {
    const optimizer how = {.name = spec->optimizer,
                           .momentum = spec->momentum,
                           .nesterov = spec->momentum > 0,
                           .beta1 = beta1,
                           .beta2 = beta2,
                           .eps = eps};
    graph_options options = l->host->graph;
    options.draws = true;
    graph *g = graph_create(&options);
    kd_scope s = graph_root(g);
    kd_tensor *images = give_images(l, s, spec->train_view);
    kd_tensor *labels = kd_input(s, "labels", (kd_spec){KD_I32, 1, {l->images.count}});
    graph_minimize(g, spec->loss(context, s, l->host->encoder, images, labels), &how);
    return engine_compile(l->engine, g, "learner's step", &l->step, err);
}

static bool compile_predictor(kd_learner *l, const kd_learner_spec *spec, void *context,
                              kd_error *err) {
    graph *g = graph_create(&l->host->graph);
    kd_scope s = graph_root(g);
    kd_tensor *images = give_images(l, s, spec->test_view);
    kd_tensor *out = spec->predict(context, s, l->host->encoder, images);
    if (graph_check(g, &(kd_error)KD_ERROR_INIT)) {
        if (kd_rank(out) != 2 || kd_dim(out, 0) != l->images.count) {
            graph_destroy(g);
            return kd_fail(err, KD_E_INVALID, "predictions are not [batch, n]");
        }
        l->width = kd_dim(out, 1);
        kd_output(s, "predictions", kd_cast(out, KD_F32));
    }
    return engine_compile(l->engine, g, "learner's predictions", &l->predictor, err);
}

static void take_buffers(kd_learner *l) {
    const size_t count = (size_t)l->images.count;
    l->samples = kd_alloc(count * sizeof *l->samples);
    l->labels = kd_alloc(count * sizeof *l->labels);
    l->values = kd_alloc(count * (size_t)l->width * sizeof *l->values);
    image_batch_open(&l->images);
    if (l->host->rehearsed) {
        memset(l->images.pixels, 1, (size_t)l->images.bytes); /* so that it is really taken */
    }
}

/* Copies what the run's encoder has under the same names. */
static bool copy_encoder(kd_learner *l, kd_error *err) {
    static const char scope[] = "encoder.";
    for (int i = 0; i < engine_variables(l->engine); i++) {
        const variable *v = engine_variable(l->engine, i);
        const int k = strncmp(v->name, scope, sizeof scope - 1) == 0
                          ? engine_find_variable(l->host->from, v->name)
                          : -1;
        if (k < 0) {
            continue;
        }
        const size_t bytes = kd_bytes(&v->spec);
        void *values = kd_alloc(bytes);
        const bool ok = engine_read_variable(l->host->from, k, values, bytes, err) &&
                        engine_write_variable(l->engine, i, values, bytes, err);
        free(values);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool reset(kd_learner *l, kd_error *err) {
    l->steps = 0;
    return l->host->rehearsed ||
           (engine_restart(l->engine, err) && (!l->host->from || copy_encoder(l, err)));
}

bool learner_create(const learner_host *host, const kd_learner_spec *spec, void *context,
                    kd_learner **ret, kd_error *err) {
    if (!check_spec(host, spec, err)) {
        return false;
    }
    kd_learner *l = kd_alloc(sizeof *l);
    l->host = host;
    l->engine = engine_create(host->table, host->device, host->seed);
    engine_use_ops(l->engine, host->graph.ops);
    plan_images(l, spec);
    if (!compile_step(l, spec, context, err) || !compile_predictor(l, spec, context, err)) {
        goto fail;
    }
    kd_spec drawn;
    l->draws = program_input_spec(l->step, "step_key", &drawn);
    take_buffers(l);
    if (!host->rehearsed && !engine_allocate(l->engine, err)) {
        kd_hint(err, "lower the batch of this eval; `kindred plan` shows what a run needs");
        goto fail;
    }
    if (!reset(l, err)) {
        goto fail;
    }
    *ret = l;
    return true;

fail:
    learner_destroy(l);
    return false;
}

void learner_destroy(kd_learner *l) {
    if (!l) {
        return;
    }
    engine_destroy(l->engine);
    image_batch_close(&l->images);
    free(l->samples);
    free(l->labels);
    free(l->values);
    free(l);
}

/* Rows of a set, or its first ones, as the batch's images. */
static bool gather(kd_learner *l, int32_t of, const int64_t *rows, int64_t first, int64_t count,
                   kd_error *err) {
    const learner_set *set = of == KD_OF_TRAIN || of == KD_OF_TEST ? &l->host->set[of] : NULL;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = rows ? rows[first + i] : first + i;
        if (!set || !set->from || at < 0 || at >= set->rows) {
            return kd_fail(err, KD_E_INVALID, "row %lld of set %d: there is none", (long long)at,
                           of);
        }
        l->samples[i] = set->position[at];
        l->labels[i] = set->from->samples.label[l->samples[i]];
    }
    if (!l->host->rehearsed) {
        image_batch_gather(&l->images, set->from, l->samples, count);
    }
    return true;
}

static bool write_step(kd_learner *l, int64_t epoch, double lr, double weight_decay,
                       kd_error *err) {
    const double t = (double)(l->steps + 1);
    const double hyper[KD_RATES] = {lr, weight_decay, 1 - pow(beta1, t), 1 - pow(beta2, t), 1};
    const int64_t key[2] = {(int64_t)l->host->seed, l->steps};
    return image_batch_write(&l->images, l->step, l->host->seed, epoch, err) &&
           program_write(l->step, "labels", l->labels, (size_t)l->images.count * sizeof *l->labels,
                         err) &&
           program_write_reals(l->step, "hyper", hyper, KD_RATES, err) &&
           (!l->draws || program_write(l->step, "step_key", key, sizeof key, err));
}

static bool go_on(const kd_learner *l, const char *what, int64_t done, kd_error *err) {
    char text[64];
    snprintf(text, sizeof text, "%s %lld", what, (long long)done);
    return l->host->go_on(l->host->context, text, err);
}

static bool train(kd_learner *l, const int64_t *rows, int64_t epoch, double lr, double weight_decay,
                  kd_error *err) {
    if (!go_on(l, "training a copy, step", l->steps, err) ||
        !gather(l, KD_OF_TRAIN, rows, 0, l->images.count, err)) {
        return false;
    }
    const bool ok = l->host->rehearsed ||
                    (write_step(l, epoch, lr, weight_decay, err) && program_run(l->step, err));
    l->steps++;
    return ok;
}

static bool predict_batch(kd_learner *l, kd_error *err) {
    const size_t bytes = (size_t)(l->images.count * l->width) * sizeof *l->values;
    return image_batch_write(&l->images, l->predictor, 0, 0, err) &&
           program_run(l->predictor, err) &&
           program_read(l->predictor, "predictions", l->values, bytes, err);
}

static bool predict(kd_learner *l, int32_t of, const int64_t *rows, int64_t count, float *ret,
                    kd_error *err) {
    const int64_t batch = l->images.count;
    for (int64_t first = 0; first < count; first += batch) {
        const int64_t now = count - first < batch ? count - first : batch;
        if (!go_on(l, "predicting, row", first, err) || !gather(l, of, rows, first, now, err) ||
            !(l->host->rehearsed || predict_batch(l, err))) {
            return false;
        }
        memcpy(ret + first * l->width, l->values, (size_t)(now * l->width) * sizeof *l->values);
    }
    return true;
}

void learner_memory(const kd_learner *l, program_memory *ret) {
    engine_plan plan;
    engine_get_plan(l->engine, &plan);
    *ret = (program_memory){.bytes = plan.total_bytes};
    for (int i = 0; i < engine_variables(l->engine); i++) {
        const size_t bytes = kd_bytes(&engine_variable(l->engine, i)->spec);
        ret->start_bytes = bytes > ret->start_bytes ? bytes : ret->start_bytes;
    }
}

kd_learners learner_slots(const kd_augment *view,
                          bool (*open)(const kd_eval_input *in, const kd_learner_spec *spec,
                                       void *context, kd_learner **ret, kd_error *err),
                          void (*close)(const kd_eval_input *in, kd_learner *l)) {
    return (kd_learners){.size = sizeof(kd_learners),
                         .view = view,
                         .open = open,
                         .close = close,
                         .reset = reset,
                         .train = train,
                         .predict = predict};
}
