/* SPDX-License-Identifier: Apache-2.0
 * What an eval's functions do in a run; rehearsal.c has what they do in a plan. */
#include "train/eval_programs.h"

#include "train/interrupt.h"

#include <stdlib.h>

/* One of the two. */
typedef struct opened {
    kd_program *program;
    kd_learner *learner;
    struct opened *next;
} opened;

/* What an eval is given; it sees the first member. */
typedef struct given {
    kd_eval_input in;
    assembly *assembly;
    opened *open;
    const char *name; /* of the eval */
    learner_host host;
    kd_learners learners;
} given;

uint32_t eval_flags(const eval_part *eval) {
    return ((const kd_eval *)eval->part.plugin->table)->flags;
}

bool eval_takes_pixels(const eval_part *eval) {
    return !(eval_flags(eval) & KD_EVAL_IMAGES);
}

bool eval_compile(const assembly *a, const char *name, void (*build)(void *context, kd_scope s),
                  void *context, kd_program **ret, kd_error *err) {
    /* Heads and neighbours are small: they compute in the real type whatever the run does. */
    const graph_options options = {.real = a->machine.graph.real, .ops = a->ops};
    graph *described = graph_create(&options);
    build(context, graph_root(described));
    return engine_compile(a->engine, described, name, ret, err);
}

learner_host eval_learner_host(const assembly *a, const eval_input *input) {
    return (learner_host){.table = a->machine.table,
                          .device = a->machine.device,
                          .graph = a->machine.graph,
                          .encoder = &a->encoder.base,
                          .from = a->engine,
                          .set = {input->set[0], input->set[1]},
                          .seed = input->in.seed};
}

static void keep(given *g, kd_program *program, kd_learner *learner) {
    opened *o = kd_alloc(sizeof *o);
    *o = (opened){.program = program, .learner = learner, .next = g->open};
    g->open = o;
}

static void forget(given *g, const void *what) {
    for (opened **at = &g->open; *at; at = &(*at)->next) {
        opened *o = *at;
        if (o->program == what || o->learner == what) {
            *at = o->next;
            program_close(o->program);
            learner_destroy(o->learner);
            free(o);
            return;
        }
    }
}

/* The host's own, which the eval was given as constant. */
static given *given_of(const kd_eval_input *in) {
    return (given *)(uintptr_t)in;
}

static bool open_program(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    given *g = given_of(in);
    if (!eval_compile(g->assembly, name, build, context, ret, err)) {
        return false;
    }
    keep(g, *ret, NULL);
    return true;
}

static void close_program(const kd_eval_input *in, kd_program *program) {
    forget(given_of(in), program);
}

static bool open_learner(const kd_eval_input *in, const kd_learner_spec *spec, void *context,
                         kd_learner **ret, kd_error *err) {
    given *g = given_of(in);
    if (!learner_create(&g->host, spec, context, ret, err)) {
        return false;
    }
    keep(g, NULL, *ret);
    return true;
}

static void close_learner(const kd_eval_input *in, kd_learner *learner) {
    forget(given_of(in), learner);
}

static bool cancelled(const kd_eval_input *in) {
    (void)in;
    return interrupt_signal() != 0;
}

static bool go_on(void *context, const char *doing, kd_error *err) {
    given *g = context;
    char text[256];
    if (interrupt_signal()) {
        return kd_fail(err, KD_E_CANCELLED, "stopped");
    }
    snprintf(text, sizeof text, "%s: %s", g->name, doing);
    progress_note(&g->assembly->progress, text, progress_now());
    return true;
}

bool eval_run(assembly *a, const eval_part *eval, const eval_input *input, kd_eval_output *out,
              kd_error *err) {
    given g = {.in = input->in,
               .assembly = a,
               .name = eval->keys.name,
               .host = eval_learner_host(a, input),
               .learners = learner_slots(&a->features.view, open_learner, close_learner)};
    g.host.go_on = go_on;
    g.host.context = &g;
    g.in.program_open = open_program;
    g.in.program_close = close_program;
    g.in.write = program_write;
    g.in.run = program_run;
    g.in.read = program_read;
    g.in.cancelled = cancelled;
    g.in.learners = &g.learners;
    const kd_eval *table = eval->part.plugin->table;
    const bool ok = table->run(eval->part.config, &g.in, out, err);
    while (g.open) {
        forget(&g, g.open->program ? (void *)g.open->program : (void *)g.open->learner);
    }
    return ok;
}
