/* SPDX-License-Identifier: Apache-2.0
 * A graph that runs each op as it is emitted and watches the kernel while it does. */
#include "check/eager.h"

#include "check/guarded.h"
#include "check/numbers.h"
#include "graph/graph.h"
#include "graph/layers.h"

#include <kindred/ops.h>
#include <math.h>
#include <stdlib.h>

typedef struct tensor {
    kd_tensor base;
    eager *owner;
    kd_spec spec;
    block block;
    unsigned char *bytes; /* what the block should hold */
    double *values;
    struct tensor *next;
} tensor;

struct eager {
    kd_place root; /* the only scope; first, so that a scope is an eager graph */
    const check_device *device;
    op_device on; /* the same, with kernels that plugins bring */
    int32_t real, compute;
    int status;
    char why[1400];
    tensor poison, *tensors;
    arena memory;
};

__attribute__((format(printf, 3, 4))) static void fault(eager *e, int status, const char *format,
                                                        ...) {
    if (e->status == EAGER_FINE) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(e->why, sizeof e->why, format, arguments);
        va_end(arguments);
        e->status = status;
    }
}

static const kd_graph_api eager_api;

static tensor *tensor_create(eager *e, const kd_spec *spec) {
    tensor *t = arena_alloc(&e->memory, sizeof *t);
    t->base.api = &eager_api;
    t->owner = e;
    t->spec = *spec;
    kd_error err = KD_ERROR_INIT;
    if (!block_create(e->device, kd_bytes(spec), &t->block, &err)) {
        fault(e, EAGER_WRONG, "%s", err.message);
    }
    t->bytes = arena_alloc(&e->memory, kd_bytes(spec));
    t->next = e->tensors;
    e->tensors = t;
    return t;
}

static tensor *as_tensor(const kd_tensor *t) {
    return (tensor *)(uintptr_t)t;
}

static eager *as_eager(kd_scope s) {
    return (eager *)(void *)s;
}

static int32_t resolve(const eager *e, int32_t dtype) {
    return dtype == KD_REAL ? e->real : dtype == KD_COMPUTE ? e->compute : dtype;
}

kd_tensor *eager_tensor(eager *e, kd_spec spec, const double *values) {
    spec.dtype = resolve(e, spec.dtype);
    tensor *t = tensor_create(e, &spec);
    const int64_t count = kd_elements(&spec);
    for (int64_t i = 0; values && i < count; i++) {
        number_put(t->bytes, spec.dtype, i, values[i]);
    }
    block_write(e->device, &t->block, t->bytes);
    return &t->base;
}

const double *eager_read(kd_tensor *handle) {
    tensor *t = as_tensor(handle);
    const int64_t count = kd_elements(&t->spec);
    if (!t->values) {
        t->values = arena_alloc(&t->owner->memory, (size_t)count * sizeof *t->values);
        for (int64_t i = 0; i < count; i++) {
            t->values[i] = number_get(t->bytes, t->spec.dtype, i);
        }
    }
    return t->values;
}

#define MAX_OPERANDS 64

/* An op on its way through a kernel. */
typedef struct call {
    eager *e;
    kd_node node;
    op_kernel kernel;
    void *state;
    block scratch;
    tensor *in[MAX_OPERANDS], *out[MAX_OPERANDS];
    kd_spec in_specs[MAX_OPERANDS], out_specs[MAX_OPERANDS];
    kd_attr attrs[MAX_OPERANDS];
} call;

/* The input whose memory an optimizer's output is: param, then the moments. -1: none. */
static int owner_input(const call *c, uint32_t output) {
    static const char *const updates[] = {"sgd", "lars", "adamw", "average", "unit_rows"};
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        if (strcmp(c->node.op, updates[i]) == 0) {
            return output == 0 ? 0 : (int)output + 1;
        }
    }
    return -1;
}

/* Runs the kernel once, its outputs full of `byte` before, output 0 over input `over` (-1: over
 * none), and reads the outputs to `to`. */
static void run_once(call *c, int byte, int over, unsigned char *const *to) {
    eager *e = c->e;
    void *in[MAX_OPERANDS], *out[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_inputs; i++) {
        in[i] = c->in[i]->block.data;
    }
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        const int owner = i == 0 && over >= 0 ? over : owner_input(c, i);
        out[i] = c->out[i]->block.data;
        block_fill(e->device, &c->out[i]->block, byte);
        if (owner >= 0) {
            block_write(e->device, &c->out[i]->block, c->in[owner]->bytes);
            in[owner] = out[i];
        }
    }
    block_fill(e->device, &c->scratch, byte);
    kd_error err = KD_ERROR_INIT;
    kernel_run(&e->on, &c->kernel, &c->node, c->state, in, out, c->scratch.data);
    if (!e->device->table->wait(e->device->handle, &err)) {
        fault(e, EAGER_WRONG, "%s: %s", c->node.op, err.message);
    }
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        if (!block_read(e->device, &c->out[i]->block, to[i])) {
            fault(e, EAGER_WRONG, "%s writes outside of output %u", c->node.op, i);
        }
    }
}

/* Runs again, in another way, and compares bits. */
static void run_again(call *c, int byte, int over) {
    unsigned char *again[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        again[i] = kd_alloc(c->out[i]->block.bytes);
    }
    run_once(c, byte, over, again);
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        if (memcmp(again[i], c->out[i]->bytes, c->out[i]->block.bytes) != 0) {
            fault(c->e, EAGER_WRONG,
                  over < 0 ? "%s: output %u differs from run to run, or is not all written"
                           : "%s: output %u differs when it lies over input %d",
                  c->node.op, i, over);
        }
        free(again[i]);
    }
}

static void check_inputs(call *c) {
    for (uint32_t i = 0; i < c->node.n_inputs; i++) {
        unsigned char *now = kd_alloc(c->in[i]->block.bytes);
        const bool whole = block_read(c->e->device, &c->in[i]->block, now);
        if (!whole || memcmp(now, c->in[i]->bytes, c->in[i]->block.bytes) != 0) {
            fault(c->e, EAGER_WRONG, "%s writes to input %u, or next to it", c->node.op, i);
        }
        free(now);
    }
    unsigned char *scratch = kd_alloc(c->scratch.bytes);
    if (!block_read(c->e->device, &c->scratch, scratch)) {
        fault(c->e, EAGER_WRONG, "%s writes outside of its scratch", c->node.op);
    }
    free(scratch);
}

static void run_all_ways(call *c) {
    unsigned char *to[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        to[i] = c->out[i]->bytes;
    }
    run_once(c, 0xff, -1, to);
    run_again(c, 0, -1);
    for (uint32_t i = 0; i < c->node.n_inputs && owner_input(c, 0) < 0; i++) {
        if ((kernel_in_place(&c->kernel) >> i & 1u) &&
            c->in[i]->block.bytes == c->out[0]->block.bytes &&
            kd_elements(&c->in_specs[i]) == kd_elements(&c->out_specs[0])) {
            run_again(c, 0, (int)i);
        }
    }
    check_inputs(c);
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        block_write(c->e->device, &c->out[i]->block, c->out[i]->bytes);
    }
}

static void run_kernel(call *c) {
    eager *e = c->e;
    size_t scratch = 0;
    kd_error err = KD_ERROR_INIT;
    if (!kernel_find(&e->on, c->node.op, &c->kernel, NULL)) {
        fault(e, EAGER_UNSUPPORTED, "%s has no kernel for %s", e->device->name, c->node.op);
        return;
    }
    if (!kernel_prepare(&e->on, &c->kernel, &c->node, &c->state, &scratch, &err)) {
        fault(e, err.code == KD_E_UNSUPPORTED ? EAGER_UNSUPPORTED : EAGER_WRONG, "%s: %s",
              c->node.op, err.message);
        return;
    }
    if (block_create(e->device, scratch, &c->scratch, &err)) {
        run_all_ways(c);
    } else {
        fault(e, EAGER_WRONG, "%s: its scratch: %s", c->node.op, err.message);
    }
    block_destroy(e->device, &c->scratch);
    kernel_release(&e->on, &c->kernel, c->state);
}

static bool describe(call *c, const kd_op *op, kd_tensor *const *inputs, uint32_t n_inputs,
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
        fault(c->e, EAGER_WRONG, "%s: %s", op->name, err.message);
        return false;
    }
    for (uint32_t i = 0; i < n_outputs; i++) {
        c->out_specs[i].dtype = resolve(c->e, c->out_specs[i].dtype);
    }
    if (!op_specs_are_sound(c->out_specs, n_outputs, &err)) {
        fault(c->e, EAGER_WRONG, "%s: %s", op->name, err.message);
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
        fault(e, EAGER_WRONG, "%s is no op, or not of %u inputs and %u outputs", name, n_inputs,
              n_outputs);
    }
    call *c = kd_alloc(sizeof *c);
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
            run_kernel(c);
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
        fault(e, EAGER_WRONG, "%s is no layer", layer);
    }
}

static kd_scope scope_of(kd_tensor *t) {
    return &as_tensor(t)->owner->root;
}

static void spec_of(const kd_tensor *t, kd_spec *ret) {
    *ret = as_tensor(t)->spec;
}

static void reject(kd_scope scope, const char *message) {
    fault(as_eager(scope), EAGER_WRONG, "%s", message);
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
    for (tensor *t = e->tensors; t; t = t->next) {
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
