/* SPDX-License-Identifier: Apache-2.0
 * Runs evals on features, and gives them the programs that they ask for. */
#include "train/evaluation.h"

#include "train/interrupt.h"

#include <stdlib.h>

/* What an eval is given; it sees the first member. */
typedef struct given {
    kd_eval_input in;
    const assembly *assembly;
} given;

static bool open_program(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    const given *g = (const given *)in;
    /* Heads and neighbours are small: they compute in the real type whatever the run does. */
    const graph_options options = {.real = g->assembly->machine.graph.real};
    graph *described = graph_create(&options);
    build(context, graph_root(described));
    return engine_compile(g->assembly->engine, described, name, ret, err);
}

static void close_program(const kd_eval_input *in, kd_program *program) {
    (void)in;
    program_close(program);
}

static bool cancelled(const kd_eval_input *in) {
    (void)in;
    return interrupt_signal() != 0;
}

/* Features that have been taken already in this evaluation. */
typedef struct taken {
    const source *from;
    features features;
} taken;

typedef struct work {
    const evaluation *e;
    int count;
    taken *taken; /* [2 n_evals] */
} work;

static bool take(work *w, const source *from, const char *what, const features **ret,
                 kd_error *err) {
    for (int i = 0; i < w->count; i++) {
        if (w->taken[i].from == from) {
            *ret = &w->taken[i].features;
            return true;
        }
    }
    taken *t = &w->taken[w->count];
    if (!features_take(w->e->assembly, w->e->program, from, true, what, &t->features, err)) {
        return false;
    }
    t->from = from;
    w->count++;
    *ret = &t->features;
    return true;
}

static kd_feature_set as_set(const features *f) {
    return (kd_feature_set){
        .rows = f->rows, .width = f->width, .features = f->value, .labels = f->label};
}

static bool run_eval(work *w, int index, kd_eval_output *out, kd_error *err) {
    assembly *a = w->e->assembly;
    const eval_part *eval = &a->run->evals[index];
    const features *train = NULL, *test = NULL;
    if (!take(w, a->eval_data[index].train, eval->keys.name, &train, err) ||
        !take(w, a->eval_data[index].test, eval->keys.name, &test, err)) {
        return false;
    }
    progress_note(&a->progress, eval->keys.name, progress_now());
    const given g = {.in = {.size = sizeof g.in,
                            .classes = a->eval_data[index].train->store->classes,
                            .seed = (uint64_t)a->run->keys.seed,
                            .train = as_set(train),
                            .test = as_set(test),
                            .host = registry_host(a->plugins),
                            .program_open = open_program,
                            .program_close = close_program,
                            .write = program_write,
                            .run = program_run,
                            .read = program_read,
                            .cancelled = cancelled},
                     .assembly = a};
    const kd_eval *table = eval->part.plugin->table;
    return table->run(eval->part.config, &g.in, out, err);
}

bool evaluate(const evaluation *e, const evaluation_sink *sink, kd_error *err) {
    const run *r = e->assembly->run;
    work w = {.e = e, .taken = kd_alloc(sizeof *w.taken * (size_t)(2 * r->n_evals + 1))};
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
    for (int i = 0; i < w.count; i++) {
        features_free(&w.taken[i].features);
    }
    free(w.taken);
    return ok;
}
