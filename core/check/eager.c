/* SPDX-License-Identifier: Apache-2.0
 * A graph that runs each op as it is emitted. */
#include "check/eager_call.h"

#include "check/numbers.h"
#include "graph/graph.h"
#include "graph/layers.h"

#include <kindred/ops.h>
#include <math.h>
#include <stdlib.h>

void eager_fault(eager *e, int status, const char *format, ...) {
    if (e->status == EAGER_FINE) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(e->why, sizeof e->why, format, arguments);
        va_end(arguments);
        e->status = status;
    }
}

static const kd_graph_api eager_api;

static eager_value *tensor_create(eager *e, const kd_spec *spec) {
    eager_value *t = arena_alloc(&e->memory, sizeof *t);
    t->base.api = &eager_api;
    t->owner = e;
    t->spec = *spec;
    kd_error err = KD_ERROR_INIT;
    if (!block_create(e->device, kd_bytes(spec), &t->block, &err)) {
        eager_fault(e, EAGER_WRONG, "%s", err.message);
    }
    t->bytes = arena_alloc(&e->memory, kd_bytes(spec));
    t->next = e->tensors;
    e->tensors = t;
    return t;
}

static eager_value *as_tensor(const kd_tensor *t) {
    return (eager_value *)(uintptr_t)t;
}

static eager *as_eager(kd_scope s) {
    return (eager *)(void *)s;
}

static int32_t resolve(const eager *e, int32_t dtype) {
    return dtype == KD_REAL ? e->real : dtype == KD_COMPUTE ? e->compute : dtype;
}

kd_tensor *eager_tensor(eager *e, kd_spec spec, const double *values) {
    spec.dtype = resolve(e, spec.dtype);
    eager_value *t = tensor_create(e, &spec);
    const int64_t count = kd_elements(&spec);
    for (int64_t i = 0; values && i < count; i++) {
        number_put(t->bytes, spec.dtype, i, values[i]);
    }
    block_write(e->device, &t->block, t->bytes);
    return &t->base;
}

const double *eager_read(kd_tensor *handle) {
    eager_value *t = as_tensor(handle);
    const int64_t count = kd_elements(&t->spec);
    if (!t->values) {
        t->values = arena_alloc(&t->owner->memory, (size_t)count * sizeof *t->values);
        for (int64_t i = 0; i < count; i++) {
            t->values[i] = number_get(t->bytes, t->spec.dtype, i);
        }
    }
    return t->values;
}

static bool describe(eager_call *c, const kd_op *op, kd_tensor *const *inputs, uint32_t n_inputs,
                     const kd_attr *attrs, uint32_t n_attrs, uint32_t n_outputs) {
    bool has_dtype = false;
    for (uint32_t i = 0; i < n_inputs; i++) {
        c->in[i] = as_tensor(inputs[i]);
        c->in_specs[i] = c->in[i]->spec;
    }
    for (uint32_t i = 0; i < n_attrs; i++) {
        c->attrs[i] = attrs[i];
        if (strcmp(attrs[i].name, "dtype") == 0) {
            c->attrs[i].i = resolve(c->e, (int32_t)attrs[i].i);
            has_dtype = true;
        }
    }
    if ((op->flags & KD_OP_REAL) && !has_dtype) {
        c->attrs[n_attrs++] = KD_I("dtype", c->e->real);
    }
    c->node = (kd_node){.size = sizeof(kd_node),
                        .n_inputs = n_inputs,
                        .n_outputs = n_outputs,
                        .n_attrs = n_attrs,
                        .op = op->name,
                        .path = "test",
                        .inputs = c->in_specs,
                        .outputs = c->out_specs,
                        .attrs = c->attrs};
    kd_error err = KD_ERROR_INIT;
    if (!op->shape(&c->node, c->out_specs, &err)) {
        eager_fault(c->e, EAGER_WRONG, "%s: %s", op->name, err.message);
        return false;
    }
    for (uint32_t i = 0; i < n_outputs; i++) {
        c->out_specs[i].dtype = resolve(c->e, c->out_specs[i].dtype);
    }
    if (!op_specs_are_sound(c->out_specs, n_outputs, &err)) {
        eager_fault(c->e, EAGER_WRONG, "%s: %s", op->name, err.message);
        return false;
    }
    return true;
}

static void emit(kd_scope scope, const char *name, kd_tensor *const *inputs, uint32_t n_inputs,
                 const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs, uint32_t n_outputs) {
    eager *e = scope ? as_eager(scope) : as_tensor(inputs[0])->owner;
    for (uint32_t i = 0; i < n_outputs; i++) {
        outputs[i] = &e->poison.base;
    }
    const kd_op *op = op_set_find(e->device->ops, name);
    if (!op || n_inputs < op->min_inputs || n_inputs > op->max_inputs || n_outputs < 1 ||
        n_outputs > op->max_outputs) {
        eager_fault(e, EAGER_WRONG, "%s is no op, or not of %u inputs and %u outputs", name,
                    n_inputs, n_outputs);
    }
    eager_call *c = kd_alloc(sizeof *c);
    c->e = e;
    if (e->status == EAGER_FINE && describe(c, op, inputs, n_inputs, attrs, n_attrs, n_outputs)) {
        for (uint32_t i = 0; i < n_outputs; i++) {
            c->out[i] = tensor_create(e, &c->out_specs[i]);
            outputs[i] = &c->out[i]->base;
        }
        if (e->status != EAGER_FINE) {
            /* There is no memory for its outputs. */
        } else if (op->flags & KD_OP_ALIAS) {
            memcpy(c->out[0]->bytes, c->in[0]->bytes, c->out[0]->block.bytes);
            block_write(e->device, &c->out[0]->block, c->out[0]->bytes);
        } else {
            eager_run(c);
        }
    }
    free(c);
}

static void compose(kd_scope scope, const char *layer, kd_tensor *const *inputs, uint32_t n_inputs,
                    const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs,
                    uint32_t n_outputs) {
    eager *e = as_eager(scope);
    outputs[0] = &e->poison.base;
    if (e->status == EAGER_FINE &&
        (n_outputs != 1 || !layer_build(scope, layer, inputs, n_inputs, attrs, n_attrs, outputs))) {
        eager_fault(e, EAGER_WRONG, "%s is no layer", layer);
    }
}

static kd_scope scope_of(kd_tensor *t) {
    return &as_tensor(t)->owner->root;
}

static void spec_of(const kd_tensor *t, kd_spec *ret) {
    *ret = as_tensor(t)->spec;
}

static void reject(kd_scope scope, const char *message) {
    eager_fault(as_eager(scope), EAGER_WRONG, "%s", message);
}

static const kd_graph_api eager_api = {
    .size = sizeof(kd_graph_api),
    .emit = emit,
    .compose = compose,
    .scope_of = scope_of,
    .spec = spec_of,
    .fail = reject,
};

eager *eager_create(const check_device *d, int32_t real, int32_t compute) {
    eager *e = kd_alloc(sizeof *e);
    e->root.api = &eager_api;
    e->device = d;
    e->on = op_device_of(d->table, d->handle, d->ops);
    e->real = real;
    e->compute = compute;
    e->poison.base.api = &eager_api;
    e->poison.owner = e;
    e->poison.spec = (kd_spec){.dtype = real};
    e->poison.bytes = arena_alloc(&e->memory, sizeof(double));
    return e;
}

void eager_destroy(eager *e) {
    for (eager_value *t = e->tensors; t; t = t->next) {
        block_destroy(e->device, &t->block);
    }
    arena_free(&e->memory);
    free(e);
}

kd_scope eager_root(eager *e) {
    return &e->root;
}

int eager_status(const eager *e, const char **ret_why) {
    if (ret_why) {
        *ret_why = e->why;
    }
    return e->status;
}
