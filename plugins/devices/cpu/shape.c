/* SPDX-License-Identifier: Apache-2.0
 * Ops that move elements and compute nothing, so they take any type. */
#include "kernels.h"

#include "numbers.h"

#define PIECE ((size_t)1 << 16) /* bytes: the least that a thread is given */

bool prepare_any(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                 kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err);
}

/* `count` blocks of `bytes` each, so many bytes apart at either end. */
typedef struct blocks {
    const char *from;
    char *to;
    int64_t count;
    size_t bytes, from_step, to_step;
    int64_t pieces; /* of a block: large ones are split between threads */
} blocks;

static void move_span(const void *work, int64_t begin, int64_t end) {
    const blocks *b = work;
    for (int64_t i = begin; i < end; i++) {
        const size_t block = (size_t)(i / b->pieces), piece = (size_t)(i % b->pieces) * PIECE;
        const size_t left = b->bytes - piece;
        memcpy(b->to + block * b->to_step + piece, b->from + block * b->from_step + piece,
               b->pieces > 1 && left > PIECE ? PIECE : left);
    }
}

static void move_blocks(const kd_device *device, blocks b) {
    if (b.bytes == 0) {
        return;
    }
    b.pieces = (int64_t)((b.bytes + PIECE - 1) / PIECE);
    const int64_t grain = (int64_t)(PIECE / b.bytes) + 1;
    span_for(device, b.count * b.pieces, grain, move_span, &b);
}

void run_copy(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const size_t bytes = kd_bytes(&node->outputs[0]);
    move_blocks(device, (blocks){in[0], out[0], 1, bytes, bytes, bytes});
}

static int axis_of(const kd_node *node) {
    const int axis = (int)kd_attr_int(node, "axis", 0);
    return axis < 0 ? axis + node->inputs[0].rank : axis;
}

/* Blocks in front of an axis, and bytes of one element of it: what lies behind. */
static int64_t outer_of(const kd_spec *spec, int axis) {
    int64_t count = 1;
    for (int i = 0; i < axis; i++) {
        count *= spec->dim[i];
    }
    return count;
}

static size_t inner_bytes(const kd_spec *spec, int axis) {
    size_t bytes = kd_dtype_bytes(spec->dtype);
    for (int i = axis + 1; i < spec->rank; i++) {
        bytes *= (size_t)spec->dim[i];
    }
    return bytes;
}

void run_slice(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    const int axis = axis_of(node);
    const size_t unit = inner_bytes(x, axis), start = (size_t)kd_attr_int(node, "start", 0);
    move_blocks(device, (blocks){(const char *)in[0] + start * unit, out[0], outer_of(x, axis),
                                 unit * (size_t)y->dim[axis], unit * (size_t)x->dim[axis],
                                 unit * (size_t)y->dim[axis]});
}

static void zero_span(const void *work, int64_t begin, int64_t end) {
    memset((char *)(uintptr_t)work + begin, 0, (size_t)(end - begin));
}

void run_pad(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
             void *scratch) {
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    const int axis = axis_of(node);
    const size_t unit = inner_bytes(x, axis), before = (size_t)kd_attr_int(node, "before", 0);
    span_for(device, (int64_t)kd_bytes(y), (int64_t)PIECE, zero_span, out[0]);
    move_blocks(device, (blocks){in[0], (char *)out[0] + before * unit, outer_of(x, axis),
                                 unit * (size_t)x->dim[axis], unit * (size_t)x->dim[axis],
                                 unit * (size_t)y->dim[axis]});
}

void run_concat(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    const int axis = axis_of(node);
    const size_t unit = inner_bytes(y, axis);
    char *to = out[0];
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const size_t bytes = unit * (size_t)node->inputs[i].dim[axis];
        move_blocks(device, (blocks){in[i], to, outer_of(y, axis), bytes, bytes,
                                     unit * (size_t)y->dim[axis]});
        to += bytes;
    }
}

/* Every axis of the output, with its stride in the input, in elements; neighbours merged. */
typedef struct permutation {
    const char *from;
    char *to;
    size_t bytes; /* of an element */
    int rank;
    int64_t dim[KD_MAX_RANK + 1], stride[KD_MAX_RANK + 1]; /* all axes, and the one begun with */
} permutation;

/* y[i] = x[i * stride] */
static void collect(const permutation *p, int64_t to, int64_t from) {
    const int64_t count = p->dim[p->rank - 1], stride = p->stride[p->rank - 1];
    const char *x = p->from + (size_t)from * p->bytes;
    char *y = p->to + (size_t)to * p->bytes;
    if (stride == 1) {
        memcpy(y, x, (size_t)count * p->bytes);
    } else if (p->bytes == 4) {
        for (int64_t i = 0; i < count; i++) {
            ((uint32_t *)y)[i] = ((const uint32_t *)x)[i * stride];
        }
    } else if (p->bytes == 2) {
        for (int64_t i = 0; i < count; i++) {
            ((uint16_t *)y)[i] = ((const uint16_t *)x)[i * stride];
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            memcpy(y + (size_t)i * p->bytes, x + (size_t)(i * stride) * p->bytes, p->bytes);
        }
    }
}

/* Runs along the output's last axis, [begin, end) of them. */
static void transpose_span(const void *work, int64_t begin, int64_t end) {
    const permutation *p = work;
    for (int64_t run = begin; run < end; run++) {
        int64_t from = 0, rest = run;
        for (int axis = p->rank - 2; axis >= 0; axis--) {
            from += rest % p->dim[axis] * p->stride[axis];
            rest /= p->dim[axis];
        }
        collect(p, run * p->dim[p->rank - 1], from);
    }
}

/* Of an input that is not empty. */
static permutation permutation_of(const kd_spec *x, const int64_t *order, const void *from,
                                  void *to) {
    int64_t own[KD_MAX_RANK], step = 1;
    for (int axis = x->rank - 1; axis >= 0; axis--) {
        own[axis] = step;
        step *= x->dim[axis];
    }
    permutation p = {.from = from,
                     .to = to,
                     .bytes = kd_dtype_bytes(x->dtype),
                     .rank = 1,
                     .dim = {1},
                     .stride = {step}};
    for (int axis = 0; axis < x->rank; axis++) {
        const int64_t dim = x->dim[order[axis]], stride = own[order[axis]];
        if (p.stride[p.rank - 1] == stride * dim) {
            p.dim[p.rank - 1] *= dim;
            p.stride[p.rank - 1] = stride;
        } else {
            p.dim[p.rank] = dim;
            p.stride[p.rank++] = stride;
        }
    }
    return p;
}

void run_transpose(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    uint32_t rank;
    const int64_t *order = kd_attr_ints(node, "order", &rank);
    const int64_t count = kd_elements(&node->inputs[0]);
    if (count > 0) {
        const permutation p = permutation_of(&node->inputs[0], order, in[0], out[0]);
        const int64_t run = p.dim[p.rank - 1];
        span_for(device, count / run, 16384 / run + 1, transpose_span, &p);
    }
}
