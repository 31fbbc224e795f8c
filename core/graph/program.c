/* SPDX-License-Identifier: Apache-2.0
 * A compiled program: where its values lie, what goes in and out, and the loop that runs it. */
#include "graph/engine_internal.h"

#include <stdlib.h>

int program_input_index(const kd_program *p, const struct value *v) {
    for (int i = 0; i < p->g->inputs.count; i++) {
        if (p->g->inputs.item[i] == v) {
            return i;
        }
    }
    return -1;
}

static void *input_address(const kd_program *p, const struct value *v) {
    const int i = program_input_index(p, v);
    const void *bound = p->bound[i];
    void *room = prefetch_room(p, i);
    if (room) {
        return room;
    }
    if (p->shared[i]) {
        return input_address(p->shared[i], graph_find(&p->shared[i]->g->inputs, v->name));
    }
    return bound ? (void *)(uintptr_t)bound : (char *)p->inputs.base + v->offset;
}

void *program_address(const kd_program *p, struct value *v) {
    v = plan_owner(v);
    if (v->home == HOME_INPUT) {
        return input_address(p, v);
    }
    if (v->home == HOME_ARENA) {
        const memory *shared = p->arena.base ? &p->arena : &p->e->arena;
        return (char *)shared->base + p->plan.offset[v->id];
    }
    const memory *region = v->own ? &p->own[v->home] : &p->e->region[v->home];
    return (char *)region->base + v->offset;
}

static void forget_recording(kd_program *p) {
    if (p->recording) {
        p->e->table->capture_release(p->e->device, p->recording);
        p->recording = NULL;
    }
}

void program_link(kd_program *p) {
    forget_recording(p); /* it holds the pointers of before */
    for (int i = 0; i < p->count; i++) {
        const struct node *n = p->g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            p->code[i].in[k] = program_address(p, n->in[k]);
        }
        for (uint32_t k = 0; k < n->view.n_outputs; k++) {
            p->code[i].out[k] = program_address(p, n->out[k]);
        }
    }
    p->linked = true;
}

static void run_nodes(const kd_program *p) {
    void *scratch = p->scratch.base ? p->scratch.base : p->e->scratch.base;
    feed_fetch(p);
    prefetch_begin(p);
    for (int i = 0; i < p->count; i++) {
        const instruction *c = &p->code[i];
        if (c->runs) {
            kernel_run(&p->e->on, &c->kernel, c->node, c->state, c->in, c->out, scratch);
        }
    }
    prefetch_end(p);
    feed_advance(p);
}

static bool record(kd_program *p, kd_error *err) {
    const kd_device_plugin *table = p->e->table;
    if (!table->capture_begin(p->e->device, err)) {
        return kd_while(err, "program '%s'", p->name);
    }
    run_nodes(p);
    const bool ended = table->capture_end(p->e->device, &p->recording, err);
    if (!op_device_take_failure(&p->e->on, err)) {
        forget_recording(p);
        return kd_while(err, "program '%s'", p->name);
    }
    return ended || kd_while(err, "program '%s'", p->name);
}

/* The first run goes node by node: libraries load what they need then. The second records, and from
 * there on a run is one launch, which nobody waits for: reads do. */
bool program_run(kd_program *p, kd_error *err) {
    const kd_device_plugin *table = p->e->table;
    if (!feed_supply(p, err)) {
        return false;
    }
    prefetch_supply(p);
    if (!p->ran || !KD_HAS(kd_device_plugin, table, capture_release)) {
        run_nodes(p);
        p->ran = true;
        p->launched = false;
        const bool done = table->wait(p->e->device, err);
        return op_device_take_failure(&p->e->on, err) && done;
    }
    if (!p->recording && !record(p, err)) {
        return false;
    }
    table->launch(p->e->device, p->recording);
    p->launched = true;
    return true;
}

bool program_launched(const kd_program *p) {
    return p->launched;
}

void program_free(kd_program *p) {
    forget_recording(p);
    feed_free(p);
    prefetch_free(p);
    value_copy_free(p);
    for (int i = 0; p->code && i < p->count; i++) {
        const instruction *c = &p->code[i];
        if (c->runs) {
            kernel_release(&p->e->on, &c->kernel, c->state);
        }
    }
    memory *const all[] = {&p->inputs, &p->arena, &p->scratch};
    for (int i = 0; i < 3; i++) {
        device_release(p->e, all[i]);
    }
    for (int h = 0; h < HOME_COUNT; h++) {
        device_release(p->e, &p->own[h]);
    }
    free(p->code);
    graph_destroy(p->g);
    free(p);
}

void program_close(kd_program *p) {
    if (!p) {
        return;
    }
    list *programs = &p->e->programs;
    int kept = 0;
    for (int i = 0; i < programs->count; i++) {
        if (programs->item[i] != p) {
            programs->item[kept++] = programs->item[i];
        }
    }
    programs->count = kept;
    program_free(p);
}

static struct value *find_named(const list *l, const char *name) {
    for (int i = 0; i < l->count; i++) {
        const named *n = l->item[i];
        if (strcmp(n->name, name) == 0) {
            return n->value;
        }
    }
    return NULL;
}

struct value *program_readable(const kd_program *p, const char *name) {
    struct value *v = find_named(&p->g->outputs, name);
    v = v ? v : find_named(&p->g->reports, name);
    v = v ? v : graph_find(&p->g->states, name);
    return v ? v : graph_find(&p->g->parameters, name);
}

static struct value *writable(const kd_program *p, const char *name) {
    struct value *v = graph_find(&p->g->inputs, name);
    v = v ? v : graph_find(&p->g->states, name);
    return v ? v : graph_find(&p->g->parameters, name);
}

static bool check(const kd_program *p, const struct value *v, const char *name, size_t bytes,
                  kd_error *err) {
    if (!v) {
        return kd_fail(err, KD_E_INVALID, "program '%s' has no '%s'", p->name, name);
    }
    if (!p->linked) {
        return kd_fail(err, KD_E_INTERNAL, "program '%s' has no memory yet", p->name);
    }
    if (bytes != kd_bytes(&v->spec)) {
        return kd_fail(err, KD_E_INVALID, "'%s' of program '%s' has %zu bytes, not %zu", name,
                       p->name, kd_bytes(&v->spec), bytes);
    }
    return true;
}

void program_write_inputs(kd_program *p, size_t offset, const void *data, size_t bytes) {
    if (p->feed) {
        memcpy(feed_row(p) + offset, data, bytes);
    } else {
        p->e->table->upload(p->e->device, (char *)p->inputs.base + offset, data, bytes);
    }
}

static bool write_value(kd_program *p, struct value *v, const char *name, const void *data,
                        size_t bytes, kd_error *err) {
    if (v->home == HOME_INPUT &&
        (p->bound[program_input_index(p, v)] || p->shared[program_input_index(p, v)])) {
        return kd_fail(err, KD_E_INTERNAL, "'%s' is bound to memory of the caller's", name);
    }
    if (v->home == HOME_INPUT) {
        program_write_inputs(p, (size_t)v->offset, data, bytes);
    } else {
        p->e->table->upload(p->e->device, program_address(p, v), data, bytes);
    }
    return true;
}

bool program_write(kd_program *p, const char *name, const void *data, size_t bytes, kd_error *err) {
    struct value *v = writable(p, name);
    return check(p, v, name, bytes, err) && write_value(p, v, name, data, bytes, err);
}

bool program_write_first(kd_program *p, const char *name, const void *data, size_t bytes,
                         kd_error *err) {
    struct value *v = writable(p, name);
    const size_t whole = v ? kd_bytes(&v->spec) : 0;
    return check(p, v, name, bytes < whole ? whole : bytes, err) &&
           write_value(p, v, name, data, bytes, err);
}

bool program_write_reals(kd_program *p, const char *name, const double *data, int64_t count,
                         kd_error *err) {
    const struct value *v = writable(p, name);
    if (v && v->spec.dtype == KD_F32) {
        float narrow[count > 0 ? count : 1];
        for (int64_t i = 0; i < count; i++) {
            narrow[i] = (float)data[i];
        }
        return program_write(p, name, narrow, (size_t)count * sizeof(float), err);
    }
    return program_write(p, name, data, (size_t)count * sizeof(double), err);
}

bool program_read(kd_program *p, const char *name, void *data, size_t bytes, kd_error *err) {
    struct value *v = program_readable(p, name);
    if (!check(p, v, name, bytes, err)) {
        return false;
    }
    p->e->table->download(p->e->device, data, program_address(p, v), bytes);
    return p->e->table->wait(p->e->device, err);
}

bool program_read_scalar(kd_program *p, const char *name, double *ret, kd_error *err) {
    const struct value *v = program_readable(p, name);
    union {
        double f64;
        float f32;
        uint16_t bf16;
    } raw = {0};
    if (v && v->spec.dtype != KD_F32 && v->spec.dtype != KD_F64 && v->spec.dtype != KD_BF16) {
        return kd_fail(err, KD_E_INVALID, "'%s' is not a floating scalar", name);
    }
    if (!program_read(p, name, &raw, v ? kd_dtype_bytes(v->spec.dtype) : 0, err)) {
        return false;
    }
    if (v->spec.dtype == KD_BF16) {
        const uint32_t bits = (uint32_t)raw.bf16 << 16;
        memcpy(&raw.f32, &bits, 4);
    }
    *ret = v->spec.dtype == KD_F64 ? raw.f64 : (double)raw.f32;
    return true;
}

bool program_bind(kd_program *p, const char *name, const void *memory_, kd_error *err) {
    const struct value *v = graph_find(&p->g->inputs, name);
    if (!v) {
        return kd_fail(err, KD_E_INVALID, "program '%s' has no input '%s'", p->name, name);
    }
    if (p->linked &&
        (!p->bound[program_input_index(p, v)] || p->shared[program_input_index(p, v)])) {
        return kd_fail(err, KD_E_INTERNAL, "'%s' has memory of its own already", name);
    }
    p->bound[program_input_index(p, v)] = memory_;
    if (p->linked) {
        program_link(p);
    }
    return true;
}

bool program_share_input(kd_program *p, const char *name, kd_program *with, kd_error *err) {
    const struct value *v = graph_find(&p->g->inputs, name);
    const struct value *other = graph_find(&with->g->inputs, name);
    if (!v || !other || p->linked || kd_bytes(&v->spec) != kd_bytes(&other->spec)) {
        return kd_fail(err, KD_E_INTERNAL, "programs '%s' and '%s' cannot share an input '%s'",
                       p->name, with->name, name);
    }
    p->shared[program_input_index(p, v)] = with;
    return true;
}

bool program_input_spec(const kd_program *p, const char *name, kd_spec *ret) {
    const struct value *v = graph_find(&p->g->inputs, name);
    if (v) {
        *ret = v->spec;
    }
    return v != NULL;
}

int program_reports(const kd_program *p) {
    return graph_reports(p->g);
}

const char *program_report_name(const kd_program *p, int i) {
    return graph_report_name(p->g, i);
}
