/* SPDX-License-Identifier: Apache-2.0
 * An engine's life: compile programs (plan memory, prepare kernels), then take all memory at once.
 */
#include "graph/engine_internal.h"

#include <assert.h>
#include <stdlib.h>

engine *engine_create(const kd_device_plugin *table, kd_device *device, uint64_t seed) {
    engine *e = kd_alloc(sizeof *e);
    e->table = table;
    e->device = device;
    e->seed = seed;
    e->on = op_device_of(table, device, NULL);
    return e;
}

void engine_destroy(engine *e) {
    if (!e) {
        return;
    }
    while (e->programs.count) {
        program_close(e->programs.item[e->programs.count - 1]);
    }
    for (int h = 0; h < HOME_COUNT; h++) {
        device_release(e, &e->region[h]);
    }
    device_release(e, &e->arena);
    device_release(e, &e->scratch);
    copies_free(e);
    free(e->programs.item);
    free(e->variables.item);
    arena_free(&e->memory);
    free(e);
}

void engine_use_ops(engine *e, const op_set *ops) {
    e->on = op_device_of(e->table, e->device, ops);
}

static uint32_t in_place_mask(const void *context, const char *op) {
    const engine *e = context;
    op_kernel k;
    return kernel_find(&e->on, op, &k, NULL) ? kernel_in_place(&k) : 0;
}

static bool has_kernel(const void *context, const char *op) {
    const engine *e = context;
    op_kernel k;
    return kernel_find(&e->on, op, &k, NULL);
}

static bool prepare_node(kd_program *p, const struct node *n, instruction *to, kd_error *err) {
    engine *e = p->e;
    to->node = &n->view;
    to->in = arena_alloc(&p->g->memory, (n->view.n_inputs + 1) * sizeof(void *));
    to->out = arena_alloc(&p->g->memory, n->view.n_outputs * sizeof(void *));
    if (n->op->flags & KD_OP_ALIAS) {
        return true;
    }
    op_kernel found;
    if (!kernel_find(&e->on, n->op->name, &found, err)) {
        return kd_while(err, "%s", n->view.path);
    }
    size_t scratch = 0;
    if (!kernel_prepare(&e->on, &found, &n->view, &to->state, &scratch, err)) {
        return kd_while(err, "%s: %s", n->view.path, n->op->name);
    }
    to->kernel = found;
    to->runs = true;
    p->scratch_bytes = scratch > p->scratch_bytes ? scratch : p->scratch_bytes;
    return true;
}

static bool prepare(kd_program *p, kd_error *err) {
    p->code = kd_alloc((size_t)(p->g->nodes.count + 1) * sizeof *p->code);
    for (int i = 0; i < p->g->nodes.count; i++) {
        if (!prepare_node(p, p->g->nodes.item[i], &p->code[i], err)) {
            return false;
        }
        p->count = i + 1;
    }
    return true;
}

bool device_allocate(engine *e, memory *m, size_t bytes, const char *what, kd_error *err) {
    m->bytes = bytes;
    if (bytes == 0) {
        return true;
    }
    if (!e->table->allocate(e->device, bytes, &m->base, err)) {
        m->base = NULL;
        kd_while(err, "%.1f MiB of device memory for %s", (double)bytes / 1048576, what);
        return kd_hint(err, "lower train.batch, the view size or the backbone's width; `kindred "
                            "plan` shows what a run needs");
    }
    return true;
}

void device_release(engine *e, memory *m) {
    if (m->base) {
        e->table->release(e->device, m->base);
        m->base = NULL;
    }
}

/* Inputs that are not bound lie one after another. Writes their offsets; returns the bytes. */
static size_t place_inputs(kd_program *p) {
    const size_t alignment = p->e->table->alignment;
    size_t end = 0;
    for (int i = 0; i < p->g->inputs.count; i++) {
        struct value *v = p->g->inputs.item[i];
        if (!p->bound[i] && !p->shared[i]) {
            v->offset = (int64_t)end;
            end += (kd_bytes(&v->spec) + alignment - 1) / alignment * alignment;
        }
    }
    return prefetch_place(p, end);
}

/* How much memory of its own a program needs. A late one takes what does not fit in the engine's
 * shared memory for itself. */
static void size_program(kd_program *p) {
    const engine *e = p->e;
    p->inputs.bytes = place_inputs(p);
    if (p->late) {
        p->arena.bytes = p->plan.arena_bytes > e->arena.bytes ? p->plan.arena_bytes : 0;
        p->scratch.bytes = p->scratch_bytes > e->scratch.bytes ? p->scratch_bytes : 0;
    }
}

static bool allocate_program(kd_program *p, kd_error *err) {
    engine *e = p->e;
    size_program(p);
    if (!device_allocate(e, &p->inputs, p->inputs.bytes, "inputs", err) || !feed_allocate(p, err) ||
        !prefetch_allocate(p, err) || !value_copy_allocate(p, err) ||
        !device_allocate(e, &p->arena, p->arena.bytes, "an eval's values", err) ||
        !device_allocate(e, &p->scratch, p->scratch.bytes, "an eval's scratch", err)) {
        return false;
    }
    for (int h = 0; h < HOME_COUNT; h++) {
        if (!device_allocate(e, &p->own[h], p->own[h].bytes, "an eval's variables", err)) {
            return false;
        }
    }
    if (p->late && !program_initialise_own(p, err)) {
        return false;
    }
    program_link(p);
    return true;
}

/* A late program is ready at once; in a rehearsal it is only sized. */
static bool finish_late(kd_program *p, kd_error *err) {
    if (p->e->allocated) {
        return allocate_program(p, err);
    }
    size_program(p);
    return true;
}

bool engine_compile(engine *e, graph *g, const char *name, kd_program **ret, kd_error *err) {
    kd_program *p = kd_alloc(sizeof *p);
    p->e = e;
    p->g = g;
    p->late = e->allocated || e->rehearsed;
    p->name = arena_text(&g->memory, name);
    list_add(&e->programs, p);
    graph_finish(g);
    graph_lower(g, has_kernel, e);
    p->bound = arena_alloc(&g->memory, (size_t)(g->inputs.count + 1) * sizeof *p->bound);
    p->shared = arena_alloc(&g->memory, (size_t)(g->inputs.count + 1) * sizeof *p->shared);
    if (!graph_check(g, err) || !variables_merge(e, p, err)) {
        goto fail;
    }
    plan_make(g, e->table->alignment, in_place_mask, e, &p->plan);
    if (!prepare(p, err) || (p->late && !finish_late(p, err))) {
        goto fail;
    }
    *ret = p;
    return true;

fail:
    kd_while(err, "program '%s'", name);
    program_close(p);
    return false;
}

static void largest(const engine *e, size_t *ret_arena, size_t *ret_scratch) {
    *ret_arena = *ret_scratch = 0;
    for (int i = 0; i < e->programs.count; i++) {
        const kd_program *p = e->programs.item[i];
        *ret_arena = p->plan.arena_bytes > *ret_arena ? p->plan.arena_bytes : *ret_arena;
        *ret_scratch = p->scratch_bytes > *ret_scratch ? p->scratch_bytes : *ret_scratch;
    }
}

bool engine_allocate(engine *e, kd_error *err) {
    size_t arena_bytes, scratch_bytes;
    largest(e, &arena_bytes, &scratch_bytes);
    static const char *const what[HOME_COUNT] = {"values",  "parameters", "gradients", "moments",
                                                 "moments", "averages",   "states",    "inputs"};
    for (int h = 0; h < HOME_COUNT; h++) {
        if (!device_allocate(e, &e->region[h], e->region[h].bytes, what[h], err)) {
            return false;
        }
    }
    if (!device_allocate(e, &e->arena, arena_bytes, "intermediate values", err) ||
        !device_allocate(e, &e->scratch, scratch_bytes, "kernels' scratch", err) ||
        !copies_allocate(e, err)) {
        return false;
    }
    e->allocated = true;
    for (int i = 0; i < e->programs.count; i++) {
        if (!allocate_program(e->programs.item[i], err)) {
            return false;
        }
    }
    return variables_initialise(e, err);
}

bool engine_restart(engine *e, kd_error *err) {
    return variables_initialise(e, err);
}

void engine_rehearse(engine *e) {
    assert(!e->allocated);
    largest(e, &e->arena.bytes, &e->scratch.bytes);
    e->rehearsed = true;
}

void engine_rehearse_end(engine *e) {
    e->arena.bytes = e->scratch.bytes = 0;
    e->rehearsed = false;
}

void program_get_memory(const kd_program *p, program_memory *ret) {
    *ret = (program_memory){.bytes = p->inputs.bytes + p->arena.bytes + p->scratch.bytes};
    for (int h = 0; h < HOME_COUNT; h++) {
        ret->bytes += p->own[h].bytes;
    }
    const list *const variables[] = {&p->g->parameters, &p->g->states};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < variables[l]->count; i++) {
            const struct value *v = variables[l]->item[i];
            const size_t bytes = v->own ? kd_bytes(&v->spec) : 0;
            ret->start_bytes = bytes > ret->start_bytes ? bytes : ret->start_bytes;
        }
    }
}

void engine_get_plan(const engine *e, engine_plan *ret) {
    *ret =
        (engine_plan){.parameter_bytes = e->region[HOME_PARAMETER].bytes,
                      .gradient_bytes = e->region[HOME_GRADIENT].bytes,
                      .moment_bytes = e->region[HOME_MOMENT1].bytes + e->region[HOME_MOMENT2].bytes,
                      .state_bytes = e->region[HOME_STATE].bytes + e->region[HOME_AVERAGE].bytes,
                      .copy_bytes = copies_device_bytes(e),
                      .host_copy_bytes = copies_host_bytes(e)};
    largest(e, &ret->arena_bytes, &ret->scratch_bytes);
    for (int i = 0; i < e->programs.count; i++) {
        kd_program *p = e->programs.item[i];
        p->inputs.bytes = place_inputs(p);
        ret->input_bytes += p->inputs.bytes + feed_device_bytes(p);
        ret->host_bytes += feed_host_bytes(p);
        ret->room_bytes += prefetch_device_bytes(p);
        ret->copy_bytes += value_copy_bytes(p);
        ret->host_copy_bytes += value_copy_bytes(p);
    }
    for (int i = 0; i < e->variables.count; i++) {
        const stored_variable *v = e->variables.item[i];
        if (v->shown.kind == VARIABLE_PARAMETER) {
            ret->parameters += kd_elements(&v->shown.spec);
        }
    }
    ret->total_bytes = ret->parameter_bytes + ret->gradient_bytes + ret->moment_bytes +
                       ret->state_bytes + ret->input_bytes + ret->arena_bytes + ret->scratch_bytes +
                       ret->copy_bytes + ret->room_bytes;
}
