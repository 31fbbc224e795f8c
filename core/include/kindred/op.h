/* SPDX-License-Identifier: Apache-2.0
 * What an op is: its name, its rule for shapes and its rule for gradients. Kernels are a device's
 * (kindred/device.h). The built-in ops are defined through this header and nothing else. */
#ifndef KINDRED_OP_H
#define KINDRED_OP_H

#include <kindred/graph.h>

/* One use of an op: what shape rules and kernels see of it. Inputs have their real types here. */
typedef struct kd_node {
    uint32_t size;
    uint32_t n_inputs, n_outputs, n_attrs;
    const char *op;
    const char *path; /* of the scope that emitted it, for messages */
    const kd_spec *inputs, *outputs;
    const kd_attr *attrs;
} kd_node;

/* Inputs of one elementwise op broadcast as in numpy; the gradient rule ignores that: the host sums
 * each input's gradient back to its shape. */
#define KD_OP_BROADCAST 1u
/* The output is the first input's memory under another shape: no kernel, no copy. */
#define KD_OP_ALIAS 2u
/* By definition no gradient flows through; `gradient` is NULL. */
#define KD_OP_CONSTANT 4u
/* The host widens bf16 inputs to the run's real type first, so that products of tensors,
 * normalisations, exponentials, losses and sums are never rounded to the compute type. */
#define KD_OP_WIDEN 8u
/* The host brings floating-point inputs that differ in type to the widest of them. */
#define KD_OP_PROMOTE 16u
/* The host adds the attribute `dtype`, the run's real type, when it is absent: for ops whose output
 * is real whatever they take. */
#define KD_OP_REAL 32u
/* The host puts it in the place of other ops where a device has a kernel for it, and no graph says
 * it: a device may do without. */
#define KD_OP_INSTEAD 64u

typedef struct kd_op {
    uint32_t size, flags;
    const char *name;
    uint32_t min_inputs, max_inputs, max_outputs, reserved;

    /* Writes outputs[0, node->n_outputs) from the node's inputs and attributes. */
    bool (*shape)(const kd_node *node, kd_spec *outputs, kd_error *err);

    /* Emits d loss / d input from d loss / d output 0, dout[0]. A loss that depends on another
     * output of a floating type (statistics, sums) is refused. din[] starts NULL; leave it so where
     * no gradient flows. NULL without KD_OP_CONSTANT: there is one, but not here, so a loss whose
     * gradient would have to pass is refused. */
    void (*gradient)(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                     kd_tensor *const *dout, kd_tensor **din);
} kd_op;

static inline const kd_attr *kd_find_attr(const kd_node *node, const char *name) {
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        if (strcmp(node->attrs[i].name, name) == 0) {
            return &node->attrs[i];
        }
    }
    return NULL;
}

static inline int64_t kd_attr_int(const kd_node *node, const char *name, int64_t otherwise) {
    const kd_attr *a = kd_find_attr(node, name);
    return a ? a->i : otherwise;
}

static inline double kd_attr_float(const kd_node *node, const char *name, double otherwise) {
    const kd_attr *a = kd_find_attr(node, name);
    return a ? a->f : otherwise;
}

static inline const char *kd_attr_text(const kd_node *node, const char *name,
                                       const char *otherwise) {
    const kd_attr *a = kd_find_attr(node, name);
    return a ? (const char *)a->p : otherwise;
}

/* NULL, and count 0, when absent. */
static inline const int64_t *kd_attr_ints(const kd_node *node, const char *name,
                                          uint32_t *ret_count) {
    const kd_attr *a = kd_find_attr(node, name);
    *ret_count = a ? a->count : 0;
    return a ? (const int64_t *)a->p : NULL;
}

static inline const double *kd_attr_floats(const kd_node *node, const char *name,
                                           uint32_t *ret_count) {
    const kd_attr *a = kd_find_attr(node, name);
    *ret_count = a ? a->count : 0;
    return a ? (const double *)a->p : NULL;
}

static inline int64_t kd_elements(const kd_spec *spec) {
    int64_t count = 1;
    for (int i = 0; i < spec->rank; i++) {
        count *= spec->dim[i];
    }
    return count;
}

static inline size_t kd_dtype_bytes(int32_t dtype) {
    return dtype == KD_F64 || dtype == KD_I64 ? 8 : dtype == KD_BF16 ? 2 : dtype == KD_U8 ? 1 : 4;
}

/* "f32", for messages. */
static inline const char *kd_dtype_name(int32_t dtype) {
    static const char *const names[] = {"real", "f32", "f64", "bf16", "i32", "i64", "u8"};
    return dtype >= 0 && dtype <= KD_U8 ? names[dtype] : "an unknown type";
}

static inline size_t kd_bytes(const kd_spec *spec) {
    return (size_t)kd_elements(spec) * kd_dtype_bytes(spec->dtype);
}

#endif
