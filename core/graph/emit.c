/* SPDX-License-Identifier: Apache-2.0
 * Appending an op: brings inputs to the types the op wants, asks its shape rule, makes the values.
 *
 * The precision of a run is decided here, at emission, so that gradients follow the same rules: an
 * op that the table marks WIDEN never sees bf16, one marked PROMOTE sees one floating type. */
#include "graph/internal.h"

static kd_tensor *cast_to(graph *g, kd_tensor *t, int32_t dtype) {
    kd_tensor *out = NULL;
    graph_emit(&as_value(t)->scope->base, "cast", &t, 1, (kd_attr[]){KD_I("dtype", dtype)}, 1, &out,
               1);
    (void)g;
    return out;
}

static bool is_float(int32_t dtype) {
    return dtype == KD_F32 || dtype == KD_F64 || dtype == KD_BF16;
}

static int width_of(int32_t dtype) {
    return dtype == KD_F64 ? 3 : dtype == KD_F32 ? 2 : 1;
}

static bool has_flag(const kd_attr *attrs, uint32_t n, const char *name) {
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(attrs[i].name, name) == 0) {
            return attrs[i].i != 0;
        }
    }
    return false;
}

/* Writes `to` with the inputs, cast where the op's flags ask for it. */
static void adapt(graph *g, const kd_op *op, kd_tensor *const *inputs, uint32_t n_inputs,
                  bool native, kd_tensor **to) {
    int32_t widest = 0;
    for (uint32_t i = 0; i < n_inputs; i++) {
        const int32_t t = as_value(inputs[i])->spec.dtype;
        if (is_float(t) && (!widest || width_of(t) > width_of(widest))) {
            widest = t;
        }
    }
    for (uint32_t i = 0; i < n_inputs; i++) {
        const int32_t t = as_value(inputs[i])->spec.dtype;
        to[i] = inputs[i];
        if ((op->flags & KD_OP_WIDEN) && t == KD_BF16 && !native) {
            to[i] = cast_to(g, inputs[i], g->real);
        } else if ((op->flags & KD_OP_PROMOTE) && is_float(t) && t != widest) {
            to[i] = cast_to(g, inputs[i], widest);
        }
    }
}

static size_t attr_bytes(const kd_attr *a) {
    switch (a->type) {
    case KD_ATTR_TEXT:
        return strlen(a->p) + 1;
    case KD_ATTR_INTS:
        return a->count * sizeof(int64_t);
    case KD_ATTR_FLOATS:
        return a->count * sizeof(double);
    default:
        return 0;
    }
}

static void copy_attrs(graph *g, struct node *n, const kd_attr *attrs, uint32_t n_attrs) {
    n->attrs = arena_alloc(&g->memory, (n_attrs + 1) * sizeof *n->attrs);
    bool has_dtype = false;
    for (uint32_t i = 0; i < n_attrs; i++) {
        kd_attr *a = &n->attrs[i];
        *a = attrs[i];
        a->name = arena_text(&g->memory, attrs[i].name);
        const size_t bytes = attr_bytes(&attrs[i]);
        a->p = bytes ? arena_copy(&g->memory, attrs[i].p, bytes) : NULL;
        if (a->type == KD_ATTR_INT && strcmp(a->name, "dtype") == 0) {
            a->i = graph_dtype(g, (int32_t)a->i);
            has_dtype = true;
        }
    }
    if ((n->op->flags & KD_OP_REAL) && !has_dtype) {
        n->attrs[n_attrs++] = KD_I("dtype", g->real);
    }
    n->view.n_attrs = n_attrs;
    n->view.attrs = n->attrs;
}

static void make_outputs(graph *g, struct node *n, place *scope, kd_tensor **outputs) {
    for (uint32_t i = 0; i < n->view.n_outputs; i++) {
        struct value *v = graph_value(g, &n->out_specs[i], HOME_ARENA);
        v->producer = n;
        v->scope = scope;
        v->latest = v;
        if ((n->op->flags & KD_OP_ALIAS) && i == 0) {
            v->alias_of = n->in[0];
        }
        n->out[i] = v;
        outputs[i] = &v->base;
    }
}

/* An op that would change nothing is its input. */
static bool is_identity(const struct node *n) {
    const kd_spec *a = &n->in_specs[0], *b = &n->out_specs[0];
    const bool shape_only = strcmp(n->op->name, "cast") == 0 ||
                            strcmp(n->op->name, "reshape") == 0 ||
                            strcmp(n->op->name, "broadcast") == 0;
    return shape_only && a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static struct node *make_node(graph *g, const kd_op *op, const char *path, kd_tensor *const *in,
                              uint32_t n_inputs, uint32_t n_outputs) {
    struct node *n = arena_alloc(&g->memory, sizeof *n);
    n->op = op;
    n->in = arena_alloc(&g->memory, (n_inputs + 1) * sizeof *n->in);
    n->out = arena_alloc(&g->memory, n_outputs * sizeof *n->out);
    n->in_specs = arena_alloc(&g->memory, (n_inputs + 1) * sizeof *n->in_specs);
    n->out_specs = arena_alloc(&g->memory, n_outputs * sizeof *n->out_specs);
    for (uint32_t i = 0; i < n_inputs; i++) {
        n->in[i] = as_value(in[i]);
        n->in_specs[i] = n->in[i]->spec;
    }
    n->view = (kd_node){.size = sizeof(kd_node),
                        .n_inputs = n_inputs,
                        .n_outputs = n_outputs,
                        .op = op->name,
                        .path = path,
                        .inputs = n->in_specs,
                        .outputs = n->out_specs};
    return n;
}

/* The outputs' specs, with KD_REAL resolved. */
static bool ask_shape(const graph *g, struct node *n, kd_error *err) {
    if (!n->op->shape(&n->view, n->out_specs, err)) {
        return false;
    }
    for (uint32_t i = 0; i < n->view.n_outputs; i++) {
        n->out_specs[i].dtype = graph_dtype(g, n->out_specs[i].dtype);
    }
    return op_specs_are_sound(n->out_specs, n->view.n_outputs, err);
}

/* Why the call cannot be: NULL when it can. */
static const char *refuse(const kd_op *op, const graph *g, kd_tensor *const *inputs,
                          uint32_t n_inputs, uint32_t n_outputs) {
    if (n_inputs < op->min_inputs || n_inputs > op->max_inputs) {
        return "has a wrong number of inputs";
    }
    if (n_outputs < 1 || n_outputs > op->max_outputs) {
        return "has a wrong number of outputs";
    }
    for (uint32_t i = 0; i < n_inputs; i++) {
        if (!inputs[i] || as_value(inputs[i])->g != g) {
            return "has an input that is NULL or of another graph";
        }
    }
    return NULL;
}

void graph_emit(kd_scope scope, const char *op_name, kd_tensor *const *inputs, uint32_t n_inputs,
                const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs, uint32_t n_outputs) {
    graph *g = scope ? as_place(scope)->g : as_value(inputs[0])->g;
    place *p = scope ? as_place(scope) : g->inside ? g->inside : as_value(inputs[0])->scope;
    const char *path = g->path ? g->path : p->path;
    for (uint32_t i = 0; i < n_outputs; i++) {
        outputs[i] = &g->poison.base;
    }
    const kd_op *op = op_set_find(g->options.ops, op_name);
    const char *why = g->failed ? ""
                      : op      ? refuse(op, g, inputs, n_inputs, n_outputs)
                                : op_set_absence(g->options.ops, op_name);
    if (why) {
        graph_fail(g, path, "%s %s", op_name, why);
        return;
    }
    kd_tensor *in[n_inputs + 1];
    adapt(g, op, inputs, n_inputs, has_flag(attrs, n_attrs, "native"), in);
    struct node *n = make_node(g, op, path, in, n_inputs, n_outputs);
    copy_attrs(g, n, attrs, n_attrs);
    kd_error err = KD_ERROR_INIT;
    if (!g->failed && !ask_shape(g, n, &err)) {
        graph_fail(g, path, "%s: %s", op_name, err.message);
    }
    if (g->failed) {
        return;
    }
    if (n_inputs == 1 && n_outputs == 1 && is_identity(n)) {
        outputs[0] = in[0];
        return;
    }
    make_outputs(g, n, p, outputs);
    list_add(&g->nodes, n);
}
