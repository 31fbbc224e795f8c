/* SPDX-License-Identifier: Apache-2.0
 * Checks and copies the ops that a plugin brings. */
#include "plugin/custom_ops.h"

/* What its ops may ask of the host. Memory of one op in another is for kindred's own. */
#define FLAGS (KD_OP_BROADCAST | KD_OP_CONSTANT | KD_OP_WIDEN | KD_OP_PROMOTE | KD_OP_REAL)
enum { MOST = 4096, MOST_OPERANDS = 64 };

/* An array whose elements are as long as the other side's headers say. */
typedef struct elements {
    const void *first;
    uint32_t count, stride;
    size_t own; /* size of one here */
    size_t least;
} elements;

/* In this host's size; what the other side does not know reads 0. NULL: there are none, or one is
 * too short. */
static void *copy_elements(const elements *e, arena *a) {
    char *to = arena_alloc(a, ((size_t)e->count + 1) * e->own);
    if (e->count > 0 && !e->first) {
        return NULL;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        const char *from = (const char *)e->first + (size_t)i * e->stride;
        uint32_t size;
        memcpy(&size, from, sizeof size);
        if (size < e->least || size > e->stride) {
            return NULL;
        }
        memcpy(to + i * e->own, from, size < e->own ? size : e->own);
    }
    return to;
}

bool words_have(const char *words, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length) {
        const bool starts = at == words || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == 0)) {
            return true;
        }
    }
    return false;
}

static const note_op *noted(const plugin_note *note, const char *name) {
    for (int i = 0; i < note->n_ops; i++) {
        if (name && strcmp(note->ops[i].name, name) == 0) {
            return &note->ops[i];
        }
    }
    return NULL;
}

static bool op_is_sound(const kd_op *op, const plugin_note *note, kd_error *err) {
    const char *name = op->name ? op->name : "(unnamed)";
    if (!noted(note, op->name)) {
        return kd_fail(err, KD_E_INTERNAL, "it brings the op %s, of which its note says nothing",
                       name);
    }
    if (op->flags & ~FLAGS) {
        return kd_fail(err, KD_E_INTERNAL, "its op %s has flags that are not for plugins", name);
    }
    if (!op->shape || op->min_inputs < 1 || op->min_inputs > op->max_inputs ||
        op->max_inputs > MOST_OPERANDS || op->max_outputs < 1 || op->max_outputs > MOST_OPERANDS) {
        return kd_fail(err, KD_E_INTERNAL,
                       "its op %s has no shape rule, or no sound number of inputs and outputs",
                       name);
    }
    return true;
}

static bool kernel_is_sound(const kd_op_kernel *k, const plugin_note *note, kd_error *err) {
    const note_op *op = noted(note, k->op);
    if (!op || !k->run || !k->device) {
        return kd_fail(err, KD_E_INTERNAL, "a kernel of its for %s has no such op, device or run",
                       k->op ? k->op : "(unnamed)");
    }
    return words_have(op->devices, k->device) ||
           kd_fail(err, KD_E_INTERNAL, "it has a kernel of %s for %s, and its note says \"%s\"",
                   k->op, k->device, op->devices);
}

static bool has_op(const custom_ops *ops, const char *name) {
    for (int i = 0; i < ops->n_ops; i++) {
        if (strcmp(ops->ops[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Twice the same op is a mistake: which one would it be? */
static bool ops_are_sound(const custom_ops *ops, const plugin_note *note, kd_error *err) {
    for (int i = 0; i < ops->n_ops; i++) {
        if (!op_is_sound(&ops->ops[i], note, err)) {
            return false;
        }
        const custom_ops before = {.n_ops = i, .ops = ops->ops};
        if (has_op(&before, ops->ops[i].name)) {
            return kd_fail(err, KD_E_INTERNAL, "it brings the op %s twice", ops->ops[i].name);
        }
    }
    for (int i = 0; i < ops->n_kernels; i++) {
        if (!kernel_is_sound(&ops->kernels[i], note, err)) {
            return false;
        }
    }
    for (int i = 0; i < ops->n_cases; i++) {
        const kd_op_case *c = &ops->cases[i];
        if (!c->op || !has_op(ops, c->op) || c->n_inputs < 1 || !c->inputs) {
            return kd_fail(err, KD_E_INTERNAL, "its case %d is of no op of its, or has no input",
                           i);
        }
    }
    for (int i = 0; i < note->n_ops; i++) {
        if (!has_op(ops, note->ops[i].name)) {
            return kd_fail(err, KD_E_INTERNAL, "its note names the op %s, and its code does not",
                           note->ops[i].name);
        }
    }
    return true;
}

const kd_op_kernel *op_kernels_copy(const kd_op_kernel *first, uint32_t count, uint32_t stride,
                                    const plugin_note *note, arena *a, kd_error *err) {
    const elements all = {first, count, stride, sizeof(kd_op_kernel),
                          KD_END(kd_op_kernel, release)};
    const kd_op_kernel *kernels = count <= MOST ? copy_elements(&all, a) : NULL;
    if (!kernels) {
        kd_fail(err, KD_E_INTERNAL, "a kernel does not begin with its size");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!kernel_is_sound(&kernels[i], note, err)) {
            return NULL;
        }
    }
    return kernels;
}

bool custom_ops_copy(const kd_custom_ops *from, const plugin_note *note, arena *a, custom_ops *ret,
                     kd_error *err) {
    custom_ops ops = {0};
    if (from && from->size < KD_END(kd_custom_ops, cases)) {
        return kd_fail(err, KD_E_INTERNAL, "its table of ops is cut off");
    }
    if (from) {
        const elements all[] = {
            {from->ops, from->n_ops, from->op_stride, sizeof(kd_op), KD_END(kd_op, gradient)},
            {from->kernels, from->n_kernels, from->kernel_stride, sizeof(kd_op_kernel),
             KD_END(kd_op_kernel, release)},
            {from->cases, from->n_cases, from->case_stride, sizeof(kd_op_case),
             KD_END(kd_op_case, tolerance)}};
        void *copies[3];
        for (int i = 0; i < 3; i++) {
            copies[i] = all[i].count <= MOST ? copy_elements(&all[i], a) : NULL;
            if (!copies[i]) {
                return kd_fail(err, KD_E_INTERNAL,
                               "an op, kernel or case of its is missing or does not begin with its "
                               "size");
            }
        }
        ops = (custom_ops){.n_ops = (int)from->n_ops,
                           .n_kernels = (int)from->n_kernels,
                           .n_cases = (int)from->n_cases,
                           .ops = copies[0],
                           .kernels = copies[1],
                           .cases = copies[2]};
    }
    if (!ops_are_sound(&ops, note, err)) {
        return false;
    }
    *ret = ops;
    return true;
}
