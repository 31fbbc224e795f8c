/* SPDX-License-Identifier: Apache-2.0
 * Programs that only have a size, and what this process holds while an eval has them. */
#include "train/rehearsal.h"

#include "train/process_memory.h"

#include <stdlib.h>

static const double most_seconds = 5; /* for an eval whose loops do not end on zeros */

/* What an eval is given; it sees the first member. */
typedef struct given {
    kd_eval_input in;
    struct performance *performance;
    learner_host host;
    kd_learners learners;
} given;

/* One eval's. */
typedef struct performance {
    rehearsal *rehearsal;
    size_t open_bytes; /* device memory of programs that are open */
    double end;        /* when it is over */
    struct stand_in *open;
} performance;

/* What an eval holds in place of a program; or what stands for a learner, which it holds itself. */
typedef struct stand_in {
    performance *performance;
    kd_program *program;
    kd_learner *learner;
    size_t bytes;
    struct stand_in *next;
} stand_in;

static void raise_to(size_t *most, size_t bytes) {
    *most = bytes > *most ? bytes : *most;
}

/* Notes the most that was held since the last note, while the same programs were open; and
 * `passing` bytes of host memory that a real run holds for a moment besides what it has now. */
static void note(const performance *p, size_t passing) {
    rehearsal *r = p->rehearsal;
    const size_t now = process_memory() + passing;
    size_t most = r->marks ? process_memory_peak() : now;
    raise_to(&most, now);
    const size_t host = most > r->begin_bytes ? most - r->begin_bytes : 0;
    raise_to(&r->host_bytes, host);
    raise_to(&r->device_bytes, p->open_bytes);
    raise_to(&r->both_bytes, host + p->open_bytes);
    r->marks = process_memory_mark();
}

static stand_in *keep(performance *p, stand_in what, const program_memory *memory) {
    stand_in *s = kd_alloc(sizeof *s);
    *s = what;
    s->performance = p;
    s->bytes = memory->bytes;
    s->next = p->open;
    note(p, 0);
    p->open = s;
    p->open_bytes += s->bytes;
    note(p, memory->start_bytes);
    return s;
}

/* what  as the eval holds it */
static void forget(performance *p, const void *what) {
    note(p, 0);
    for (stand_in **at = &p->open; *at; at = &(*at)->next) {
        stand_in *s = *at;
        if (s == what || (s->learner && s->learner == what)) {
            *at = s->next;
            p->open_bytes -= s->bytes;
            program_close(s->program);
            learner_destroy(s->learner);
            free(s);
            return;
        }
    }
}

static bool open_program(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    performance *p = ((const given *)in)->performance;
    kd_program *program = NULL;
    if (!eval_compile(p->rehearsal->assembly, name, build, context, &program, err)) {
        return false;
    }
    program_memory memory;
    program_get_memory(program, &memory);
    *ret = (kd_program *)keep(p, (stand_in){.program = program}, &memory);
    return true;
}

static void close_program(const kd_eval_input *in, kd_program *program) {
    forget(((const given *)in)->performance, program);
}

static bool open_learner(const kd_eval_input *in, const kd_learner_spec *spec, void *context,
                         kd_learner **ret, kd_error *err) {
    const given *g = (const given *)in;
    kd_learner *learner = NULL;
    if (!learner_create(&g->host, spec, context, &learner, err)) {
        return false;
    }
    program_memory memory;
    learner_memory(learner, &memory);
    keep(g->performance, (stand_in){.learner = learner}, &memory);
    *ret = learner;
    return true;
}

static void close_learner(const kd_eval_input *in, kd_learner *learner) {
    forget(((const given *)in)->performance, learner);
}

static bool go_on(const performance *p, kd_error *err) {
    if (!p->rehearsal->marks) {
        note(p, 0);
    }
    return progress_now() < p->end || kd_fail(err, KD_E_CANCELLED, "stopped");
}

static bool write_program(kd_program *program, const char *name, const void *data, size_t bytes,
                          kd_error *err) {
    (void)name;
    (void)data;
    (void)bytes;
    return go_on(((const stand_in *)program)->performance, err);
}

static bool run_program(kd_program *program, kd_error *err) {
    return go_on(((const stand_in *)program)->performance, err);
}

static bool read_program(kd_program *program, const char *name, void *data, size_t bytes,
                         kd_error *err) {
    (void)name;
    memset(data, 0, bytes);
    return go_on(((const stand_in *)program)->performance, err);
}

static bool cancelled(const kd_eval_input *in) {
    return !go_on(((const given *)in)->performance, NULL);
}

void rehearsal_begin(rehearsal *r, assembly *a) {
    *r = (rehearsal){.assembly = a, .early = KD_ERROR_INIT};
    engine_rehearse(a->engine);
    r->begin_bytes = process_memory();
    r->marks = process_memory_mark();
}

void rehearsal_end(const rehearsal *r) {
    engine_rehearse_end(r->assembly->engine);
}

static bool learner_goes_on(void *context, const char *doing, kd_error *err) {
    (void)doing;
    return go_on(context, err);
}

void rehearsal_run(rehearsal *r, const eval_part *eval, const eval_input *input) {
    performance p = {.rehearsal = r, .end = progress_now() + most_seconds};
    given g = {.in = input->in,
               .performance = &p,
               .host = eval_learner_host(r->assembly, input),
               .learners = learner_slots(&r->assembly->features.view, open_learner, close_learner)};
    g.host.rehearsed = true;
    g.host.go_on = learner_goes_on;
    g.host.context = &p;
    g.in.learners = &g.learners;
    g.in.program_open = open_program;
    g.in.program_close = close_program;
    g.in.write = write_program;
    g.in.run = run_program;
    g.in.read = read_program;
    g.in.cancelled = cancelled;
    g.in.rehearsal = true;
    kd_eval_output out = {.size = sizeof out};
    kd_error err = KD_ERROR_INIT;
    const kd_eval *table = eval->part.plugin->table;
    if (!table->run(eval->part.config, &g.in, &out, &err) && r->early.code == 0) {
        if (err.code == KD_E_CANCELLED) {
            kd_fail(&err, KD_E_CANCELLED, "not at its end after %g s", most_seconds);
        }
        kd_while(&err, "eval %s", eval->keys.name);
        r->early = err;
    }
    note(&p, 0);
    while (p.open) {
        forget(&p, p.open);
    }
}
