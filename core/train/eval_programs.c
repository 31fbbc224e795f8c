/* SPDX-License-Identifier: Apache-2.0
 * What an eval's functions do in a run; rehearsal.c has what they do in a plan. */
#include "train/eval_programs.h"

#include "train/interrupt.h"

#include <stdlib.h>

typedef struct opened {
    kd_program *program;
    struct opened *next;
} opened;

/* What an eval is given; it sees the first member. */
typedef struct given {
    kd_eval_input in;
    const assembly *assembly;
    opened **open;
} given;

uint32_t eval_flags(const eval_part *eval) {
    return ((const kd_eval *)eval->part.plugin->table)->flags;
}

bool eval_compile(const assembly *a, const char *name, void (*build)(void *context, kd_scope s),
                  void *context, kd_program **ret, kd_error *err) {
    /* Heads and neighbours are small: they compute in the real type whatever the run does. */
    const graph_options options = {.real = a->machine.graph.real, .ops = a->ops};
    graph *described = graph_create(&options);
    build(context, graph_root(described));
    return engine_compile(a->engine, described, name, ret, err);
}

static bool open_program(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    const given *g = (const given *)in;
    kd_program *program = NULL;
    if (!eval_compile(g->assembly, name, build, context, &program, err)) {
        return false;
    }
    opened *o = kd_alloc(sizeof *o);
    *o = (opened){.program = program, .next = *g->open};
    *g->open = o;
    *ret = program;
    return true;
}

static void close_program(const kd_eval_input *in, kd_program *program) {
    for (opened **at = ((const given *)in)->open; *at; at = &(*at)->next) {
        opened *o = *at;
        if (o->program == program) {
            *at = o->next;
            program_close(program);
            free(o);
            return;
        }
    }
}

static bool cancelled(const kd_eval_input *in) {
    (void)in;
    return interrupt_signal() != 0;
}

bool eval_run(const assembly *a, const eval_part *eval, const kd_eval_input *in,
              kd_eval_output *out, kd_error *err) {
    opened *open = NULL;
    given g = {.in = *in, .assembly = a, .open = &open};
    g.in.program_open = open_program;
    g.in.program_close = close_program;
    g.in.write = program_write;
    g.in.run = program_run;
    g.in.read = program_read;
    g.in.cancelled = cancelled;
    const kd_eval *table = eval->part.plugin->table;
    const bool ok = table->run(eval->part.config, &g.in, out, err);
    while (open) {
        close_program(&g.in, open->program);
    }
    return ok;
}
