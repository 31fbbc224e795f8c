/* SPDX-License-Identifier: Apache-2.0
 * Elementwise ops with broadcasting. Floats are computed in f32 and integers in i64, whatever they
 * are stored as: a tile of each operand is widened, so that an op is one loop.
 *
 * A NaN in gives a NaN out, through relu and maximum too: what is broken must stay visible. */
#include "kernels.h"

#include "walk.h"

#include <math.h>

#define GRAIN (16 * TILE)

/* What a tile function works on. */
typedef struct tiles {
    void *y;
    const void *in[MAX_OPERANDS];
    int64_t count;
    float scale, shift; /* of affine */
} tiles;

typedef void tile_function(const tiles *t);

/* A loop over one tile: y[i] of type T from a[i], b[i] of type T. Outputs may lie over inputs, at
 * the same index only. */
#define LOOP(name, R, T, expression)                                                               \
    static void name(const tiles *t) {                                                             \
        R *y = t->y;                                                                               \
        const T *a = t->in[0], *b = t->in[1];                                                      \
        (void)b;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < t->count; i++) {                               \
            y[i] = (R)(expression);                                                                \
        }                                                                                          \
    }

LOOP(neg_f, float, float, -a[i])
LOOP(neg_i, int64_t, int64_t, -a[i])
LOOP(abs_f, float, float, fabsf(a[i]))
LOOP(abs_i, int64_t, int64_t, a[i] < 0 ? -a[i] : a[i])
LOOP(relu_f, float, float, a[i] < 0 ? 0 : a[i])
LOOP(sqrt_f, float, float, sqrtf(a[i]))
LOOP(log_f, float, float, logf(a[i]))
LOOP(gelu_f, float, float, a[i] * normal_below(a[i], density_power(a[i])))
LOOP(gelu_grad_f, float, float, a[i] * gelu_slope(b[i]))
LOOP(exp_f, float, float, exp_of(a[i]))
LOOP(affine_f, float, float, t->scale *a[i] + t->shift)
LOOP(same_f, float, float, a[i])
LOOP(same_i, int64_t, int64_t, a[i])
LOOP(add_f, float, float, a[i] + b[i])
LOOP(add_i, int64_t, int64_t, a[i] + b[i])
LOOP(sub_f, float, float, a[i] - b[i])
LOOP(sub_i, int64_t, int64_t, a[i] - b[i])
LOOP(mul_f, float, float, a[i] * b[i])
LOOP(mul_i, int64_t, int64_t, a[i] * b[i])
LOOP(div_f, float, float, a[i] / b[i])
LOOP(maximum_f, float, float, a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i])
LOOP(maximum_i, int64_t, int64_t, a[i] >= b[i] ? a[i] : b[i])
LOOP(greater_f, uint8_t, float, a[i] > b[i])
LOOP(greater_i, uint8_t, int64_t, a[i] > b[i])
LOOP(equal_f, uint8_t, float, a[i] == b[i])
LOOP(equal_i, uint8_t, int64_t, a[i] == b[i])

#define WHERE(name, T)                                                                             \
    static void name(const tiles *t) {                                                             \
        T *y = t->y;                                                                               \
        const uint8_t *condition = t->in[0];                                                       \
        const T *a = t->in[1], *b = t->in[2];                                                      \
        _Pragma("omp simd") for (int64_t i = 0; i < t->count; i++) {                               \
            const T yes = a[i], no = b[i];                                                         \
            y[i] = condition[i] ? yes : no;                                                        \
        }                                                                                          \
    }
WHERE(where_f, float)
WHERE(where_i, int64_t)

typedef struct element_op {
    const char *name;
    tile_function *floats, *integers; /* NULL: not for those */
    bool compares, chooses;           /* output is u8; input 0 is a u8 condition */
} element_op;

static const element_op element_ops[] = {
    {"neg", neg_f, neg_i},
    {"abs", abs_f, abs_i},
    {"relu", relu_f},
    {"sqrt", sqrt_f},
    {"log", log_f},
    {"exp", exp_f},
    {"gelu", gelu_f},
    {"gelu_grad", gelu_grad_f},
    {"affine", affine_f},
    {"broadcast", same_f, same_i},
    {"add", add_f, add_i},
    {"sub", sub_f, sub_i},
    {"mul", mul_f, mul_i},
    {"div", div_f},
    {"maximum", maximum_f, maximum_i},
    {"greater", greater_f, greater_i, .compares = true},
    {"equal", equal_f, equal_i, .compares = true},
    {"where", where_f, where_i, .chooses = true},
};

static bool is_float(int32_t dtype) {
    return dtype == KD_F32 || dtype == KD_BF16;
}

bool prepare_elementwise(kd_device *device, const kd_node *node, void **ret_state,
                         size_t *ret_scratch, kd_error *err) {
    const element_op *op = element_ops;
    while (strcmp(op->name, node->op) != 0) {
        op++;
    }
    const uint32_t types = (op->floats ? FLOATS : 0) | (op->integers ? INTEGERS : 0) |
                           (op->compares || op->chooses ? 1u << KD_U8 : 0);
    if (!accept_types(node, types, err)) {
        return false;
    }
    *ret_state = (void *)op;
    return true;
}

typedef struct elementwise {
    const element_op *op;
    const kd_node *node;
    void *const *in;
    void *y;
    walk w;
} elementwise;

/* Elements [begin, end) of the output, tile by tile. */
static void elementwise_span(const void *work, int64_t begin, int64_t end) {
    const elementwise *e = work;
    const kd_node *node = e->node;
    const bool floats = is_float(node->inputs[node->n_inputs - 1].dtype);
    const int32_t y_type = node->outputs[0].dtype;
    const int as = floats ? AS_FLOAT : AS_INT, y_as = e->op->compares ? AS_BYTE : as;
    int64_t y_tile[TILE], in_tile[MAX_OPERANDS][TILE];
    tiles t = {.scale = (float)kd_attr_float(node, "scale", 1),
               .shift = (float)kd_attr_float(node, "shift", 0)};
    for (int64_t at = begin; at < end; at += TILE) {
        t.count = end - at < TILE ? end - at : TILE;
        for (int i = 0; i < (int)node->n_inputs; i++) {
            t.in[i] = walk_read(&e->w, i, e->in[i], node->inputs[i].dtype,
                                e->op->chooses && i == 0 ? AS_BYTE : as, at, t.count, in_tile[i]);
        }
        t.y = walk_target(e->y, y_type, y_as, at, y_tile);
        (floats ? e->op->floats : e->op->integers)(&t);
        walk_write(e->y, y_type, y_as, at, t.count, t.y);
    }
}

void run_elementwise(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *scratch) {
    const elementwise e = {state, node, in, out[0], walk_of(node)};
    span_for(device, e.w.count, GRAIN, elementwise_span, &e);
}

bool prepare_cast(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                  kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err);
}

/* float to int64_t, towards zero, or back */
static void convert_tile(void *y, const void *x, int as, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (as == AS_INT) {
            ((int64_t *)y)[i] = (int64_t)((const float *)x)[i];
        } else {
            ((float *)y)[i] = (float)((const int64_t *)x)[i];
        }
    }
}

static void cast_span(const void *work, int64_t begin, int64_t end) {
    const elementwise *e = work;
    const int32_t from = e->node->inputs[0].dtype, to = e->node->outputs[0].dtype;
    const int from_as = is_float(from) ? AS_FLOAT : AS_INT,
              to_as = is_float(to) ? AS_FLOAT : AS_INT;
    int64_t x_tile[TILE], y_tile[TILE];
    for (int64_t at = begin; at < end; at += TILE) {
        const int64_t count = end - at < TILE ? end - at : TILE;
        void *y = walk_target(e->y, to, to_as, at, y_tile);
        void *buffer = from_as == to_as ? y : x_tile;
        const void *x = walk_read(&e->w, 0, e->in[0], from, from_as, at, count, buffer);
        if (from_as != to_as) {
            convert_tile(y, x, to_as, count);
        } else if (y == y_tile) {
            y = (void *)x; /* walk_write narrows it from where it lies */
        } else if (y != x) {
            memcpy(y, x, (size_t)count * kd_dtype_bytes(to));
        }
        walk_write(e->y, to, to_as, at, count, y);
    }
}

void run_cast(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const elementwise e = {.node = node, .in = in, .y = out[0], .w = walk_of(node)};
    span_for(device, e.w.count, GRAIN, cast_span, &e);
}

void run_cast_all(kd_device *device, const kd_node *node, void *state, void *const *in,
                  void *const *out, void *scratch) {
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        kd_node one = *node;
        one.n_inputs = one.n_outputs = 1;
        one.inputs = &node->inputs[i];
        one.outputs = &node->outputs[i];
        run_cast(device, &one, state, in + i, out + i, scratch);
    }
}
