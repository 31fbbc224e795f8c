/* SPDX-License-Identifier: Apache-2.0
 * Linear classifiers side by side: the program, its minibatches, and what it scores. */
#include "heads.h"

#include "split.h"

#include <math.h>
#include <stdlib.h>

static const double momentum = 0.9;

struct heads {
    const kd_eval_input *in;
    head *head;
    int64_t count, columns; /* heads, and heads * classes */
    heads_plan plan;
    kd_program *program;
    double *mean, *scale; /* [width]: a feature becomes (x - mean) scale */
    /* Of one batch. */
    float *x;        /* [batch, width] */
    int32_t *labels; /* [batch, heads] */
    float *logits;   /* [batch, heads, classes] */
    float *rate;     /* [columns, 1] */
};

/* weight -= rate momentum, momentum = 0.9 momentum + gradient + decay weight */
static void descend(kd_scope s, const char *name, kd_tensor *weight, kd_tensor *gradient,
                    kd_tensor *rate) {
    kd_tensor *moment = kd_state(kd_child(s, "momentum"), name, kd_spec_of(weight), (kd_init){0});
    kd_tensor *now = kd_add(kd_scale(moment, momentum), gradient);
    kd_assign(moment, now);
    kd_assign(weight, kd_sub(weight, kd_mul(rate, now)));
}

/* One step of all heads. With a rate of 0 it only gives the logits: so it scores, too. */
static void build_step(void *context, kd_scope s) {
    const heads *h = context;
    const int64_t batch = h->plan.batch, width = h->in->train.width, columns = h->columns;
    const kd_spec per_column = {KD_F32, 2, {columns, 1}};
    kd_tensor *x = kd_cast(kd_input(s, "x", (kd_spec){KD_F32, 2, {batch, width}}), KD_REAL);
    kd_tensor *labels = kd_input(s, "labels", (kd_spec){KD_I32, 1, {batch * h->count}});
    kd_tensor *rate = kd_cast(kd_input(s, "rate", per_column), KD_REAL);
    kd_tensor *decay = kd_cast(kd_input(s, "decay", per_column), KD_REAL);

    kd_scope own = kd_child(s, "linear_eval");
    kd_tensor *variable[] = {
        kd_state(own, "weight", (kd_spec){KD_REAL, 2, {columns, width}}, (kd_init){0}),
        kd_state(own, "bias", (kd_spec){KD_REAL, 2, {columns, 1}}, (kd_init){0}),
    };
    kd_tensor *logits = kd_matmul_with(x, variable[0], false, true); /* [batch, columns] */
    logits = kd_add(logits, KD_RESHAPE(variable[1], 1, columns));
    kd_output(s, "logits", kd_cast(logits, KD_F32));

    logits = KD_RESHAPE(logits, batch * h->count, h->in->classes);
    kd_tensor *loss = kd_scale(kd_cross_entropy(logits, labels), (double)h->count);
    kd_tensor *gradient[2];
    s->api->gradients(loss, variable, 2, gradient);
    gradient[0] = kd_add(gradient[0], kd_mul(decay, variable[0]));
    descend(own, "weight", variable[0], gradient[0], rate);
    descend(own, "bias", variable[1], gradient[1], rate);
}

/* Mean and deviation of every feature; one that does not vary becomes 0. */
static void measure(heads *h) {
    const kd_feature_set *set = &h->in->train;
    const int64_t width = set->width, rows = set->rows;
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < width; k++) {
            h->mean[k] += (double)set->features[i * width + k];
        }
    }
    for (int64_t k = 0; k < width; k++) {
        h->mean[k] /= (double)rows;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < width; k++) {
            const double d = (double)set->features[i * width + k] - h->mean[k];
            h->scale[k] += d * d;
        }
    }
    for (int64_t k = 0; k < width; k++) {
        const double deviation = sqrt(h->scale[k] / (double)rows);
        h->scale[k] = deviation > 1e-6 * fabs(h->mean[k]) ? 1 / deviation : 0;
    }
}

static bool allocate(heads *h) {
    const size_t batch = (size_t)h->plan.batch, width = (size_t)h->in->train.width;
    h->mean = calloc(width, sizeof *h->mean);
    h->scale = calloc(width, sizeof *h->scale);
    h->x = calloc(batch * width, sizeof *h->x);
    h->labels = calloc(batch * (size_t)h->count, sizeof *h->labels);
    h->logits = calloc(batch * (size_t)h->columns, sizeof *h->logits);
    h->rate = calloc((size_t)h->columns, sizeof *h->rate);
    return h->mean && h->scale && h->x && h->labels && h->logits && h->rate;
}

/* Uploads `factor` times each head's learning rate, or its weight decay. */
static bool write_columns(heads *h, const char *name, double factor, kd_error *err) {
    const bool rate = strcmp(name, "rate") == 0;
    for (int64_t i = 0; i < h->columns; i++) {
        const head *of = &h->head[i / h->in->classes];
        h->rate[i] = (float)(factor * (rate ? of->learning_rate : of->weight_decay));
    }
    return h->in->write(h->program, name, h->rate, (size_t)h->columns * sizeof *h->rate, err);
}

bool heads_open(const kd_eval_input *in, head *head_, int64_t count, const heads_plan *plan,
                int64_t samples, heads **ret, kd_error *err) {
    heads *h = calloc(1, sizeof *h);
    if (!h) {
        return kd_fail(err, KD_E_MEMORY, "out of host memory");
    }
    *h = (heads){.in = in, .head = head_, .count = count, .plan = *plan};
    h->columns = count * in->classes;
    h->plan.batch = plan->batch < samples ? plan->batch : samples;
    if (!allocate(h)) {
        kd_fail(err, KD_E_MEMORY, "out of host memory");
        goto fail;
    }
    measure(h);
    if (!in->program_open(in, "linear", build_step, h, &h->program, err) ||
        !write_columns(h, "decay", 1, err)) {
        goto fail;
    }
    *ret = h;
    return true;

fail:
    heads_close(h);
    return false;
}

void heads_close(heads *h) {
    if (!h) {
        return;
    }
    if (h->program) {
        h->in->program_close(h->in, h->program);
    }
    free(h->mean);
    free(h->scale);
    free(h->x);
    free(h->labels);
    free(h->logits);
    free(h->rate);
    free(h);
}

/* Row k of the batch: sample `row` of the set, standardised, and its label for every head. */
static void put_row(heads *h, int64_t k, const kd_feature_set *set, int64_t row) {
    const int64_t width = set->width;
    for (int64_t i = 0; i < width; i++) {
        const double x = (double)set->features[row * width + i];
        h->x[k * width + i] = (float)((x - h->mean[i]) * h->scale[i]);
    }
    for (int64_t i = 0; i < h->count; i++) {
        h->labels[k * h->count + i] = set->labels[row];
    }
}

/* The step on the rows that were put. */
static bool run_batch(heads *h, kd_error *err) {
    const kd_eval_input *in = h->in;
    if (in->cancelled(in)) {
        return kd_fail(err, KD_E_CANCELLED, "stopped");
    }
    const size_t rows = (size_t)h->plan.batch, width = (size_t)in->train.width;
    const size_t labels = rows * (size_t)h->count;
    return in->write(h->program, "x", h->x, rows * width * sizeof *h->x, err) &&
           in->write(h->program, "labels", h->labels, labels * sizeof *h->labels, err) &&
           in->run(h->program, err);
}

bool heads_train(heads *h, int64_t *rows, int64_t count, kd_error *err) {
    const int64_t batch = h->plan.batch, epoch = count / batch;
    int64_t steps = h->plan.epochs * epoch;
    steps = steps < h->plan.min_steps ? h->plan.min_steps : steps;
    steps = kd_in_rehearsal(h->in) ? 1 : steps; /* the first takes all that the others do */
    for (int64_t step = 0; step < steps; step++) {
        if (step % epoch == 0) {
            shuffle(rows, count, h->plan.seed, (uint32_t)(step / epoch + 1));
        }
        for (int64_t k = 0; k < batch; k++) {
            put_row(h, k, &h->in->train, rows[step % epoch * batch + k]);
        }
        const double factor = 0.5 * (1 + cos(acos(-1) * (double)step / (double)steps));
        if (!write_columns(h, "rate", factor, err) || !run_batch(h, err)) {
            return false;
        }
    }
    return true;
}

bool heads_score(heads *h, const kd_feature_set *set, const int64_t *rows, int64_t count,
                 kd_error *err) {
    const int64_t batch = h->plan.batch, classes = h->in->classes;
    const size_t bytes = (size_t)(batch * h->columns) * sizeof *h->logits;
    for (int64_t i = 0; i < h->count; i++) {
        h->head[i].score = (score){0};
    }
    if (!write_columns(h, "rate", 0, err)) {
        return false;
    }
    count = kd_in_rehearsal(h->in) && count > batch ? batch : count;
    for (int64_t first = 0; first < count; first += batch) {
        const int64_t real = count - first < batch ? count - first : batch;
        for (int64_t k = 0; k < real; k++) {
            put_row(h, k, set, rows ? rows[first + k] : first + k);
        }
        if (!run_batch(h, err) || !h->in->read(h->program, "logits", h->logits, bytes, err)) {
            return false;
        }
        for (int64_t i = 0; i < real * h->count; i++) {
            score_add(&h->head[i % h->count].score, h->logits + i * classes, (int32_t)classes,
                      h->labels[i]);
        }
    }
    for (int64_t i = 0; i < h->count; i++) {
        score_finish(&h->head[i].score, count);
    }
    return true;
}
