/* SPDX-License-Identifier: Apache-2.0
 * Elementwise ops: out[i] = f(in[i]), with numpy's broadcasting where there are several inputs.
 *
 * A NaN in gives a NaN out, through relu and maximum too: what is broken must stay visible. */
#include "element.h"
#include "kernels.h"

static double negative(double x) {
    return -x;
}

static double relu(double x) {
    return x < 0 ? 0 : x;
}

static double gelu(double x) {
    return x * 0.5 * erfc(-x * M_SQRT1_2);
}

typedef struct unary {
    const char *op;
    double (*of)(double x);
    uint32_t types;
} unary;

static const unary unaries[] = {
    {"neg", negative, FLOATS | 1u << KD_I32},
    {"abs", fabs, FLOATS | 1u << KD_I32},
    {"relu", relu, FLOATS},
    {"gelu", gelu, FLOATS},
    {"exp", exp, FLOATS},
    {"log", log, FLOATS},
    {"sqrt", sqrt, FLOATS},
};

static double add(double a, double b) {
    return a + b;
}

static double subtract(double a, double b) {
    return a - b;
}

static double multiply(double a, double b) {
    return a * b;
}

static double divide(double a, double b) {
    return a / b;
}

static double maximum(double a, double b) {
    return a >= b || isnan(a) ? a : b;
}

typedef struct binary {
    const char *op;
    double (*of)(double a, double b);
    uint32_t types;
} binary;

static const binary binaries[] = {
    {"add", add, FLOATS | 1u << KD_I32},         {"sub", subtract, FLOATS | 1u << KD_I32},
    {"mul", multiply, FLOATS | 1u << KD_I32},    {"div", divide, FLOATS},
    {"maximum", maximum, FLOATS | 1u << KD_I32},
};

bool prepare_unary(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                   kd_error *err) {
    const unary *op = unaries;
    while (strcmp(op->op, node->op) != 0) {
        op++;
    }
    *ret_state = (void *)op;
    return accept_types(node, op->types, err);
}

void run_unary(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const unary *op = state;
    const int32_t type = node->inputs[0].dtype;
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        put(out[0], type, i, op->of(get(in[0], type, i)));
    }
}

void run_gelu_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    const int32_t type = node->inputs[0].dtype;
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        const double dy = get(in[0], type, i), x = get(in[1], type, i);
        const double density = exp(-x * x / 2) * M_2_SQRTPI * M_SQRT1_2 / 2;
        put(out[0], type, i, dy * (0.5 * erfc(-x * M_SQRT1_2) + x * density));
    }
}

bool prepare_binary(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    const binary *op = binaries;
    while (strcmp(op->op, node->op) != 0) {
        op++;
    }
    *ret_state = (void *)op;
    return accept_types(node, op->types, err);
}

void run_binary(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const binary *op = state;
    const kd_spec *a = &node->inputs[0], *b = &node->inputs[1], *y = &node->outputs[0];
    int64_t a_stride[KD_MAX_RANK], b_stride[KD_MAX_RANK];
    broadcast_strides(a, y, a_stride);
    broadcast_strides(b, y, b_stride);
    const int64_t count = kd_elements(y);
    for (int64_t i = 0; i < count; i++) {
        const double left = get(in[0], a->dtype, locate(y, a_stride, i));
        const double right = get(in[1], b->dtype, locate(y, b_stride, i));
        put(out[0], y->dtype, i, op->of(left, right));
    }
}

bool prepare_compare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                     kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err);
}

/* equal and greater: a <=> b as -1, 0 or 1; 2 when one of them is NaN. */
static int compare(const void *a, int32_t a_type, int64_t i, const void *b, int32_t b_type,
                   int64_t j) {
    if (is_integer(a_type) && is_integer(b_type)) {
        const int64_t left = get_integer(a, a_type, i), right = get_integer(b, b_type, j);
        return (left > right) - (left < right);
    }
    const double left = get(a, a_type, i), right = get(b, b_type, j);
    return isnan(left) || isnan(right) ? 2 : (left > right) - (left < right);
}

void run_compare(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *scratch) {
    const int holds = strcmp(node->op, "greater") == 0 ? 1 : 0;
    const kd_spec *a = &node->inputs[0], *b = &node->inputs[1], *y = &node->outputs[0];
    int64_t a_stride[KD_MAX_RANK], b_stride[KD_MAX_RANK];
    broadcast_strides(a, y, a_stride);
    broadcast_strides(b, y, b_stride);
    const int64_t count = kd_elements(y);
    for (int64_t i = 0; i < count; i++) {
        const int order = compare(in[0], a->dtype, locate(y, a_stride, i), in[1], b->dtype,
                                  locate(y, b_stride, i));
        ((uint8_t *)out[0])[i] = order == holds;
    }
}

void run_affine(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const double scale = kd_attr_float(node, "scale", 1), shift = kd_attr_float(node, "shift", 0);
    const int32_t type = node->inputs[0].dtype;
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        put(out[0], type, i, scale * get(in[0], type, i) + shift);
    }
}

void run_where(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    const size_t bytes = kd_dtype_bytes(y->dtype);
    int64_t stride[3][KD_MAX_RANK];
    for (int input = 0; input < 3; input++) {
        broadcast_strides(&node->inputs[input], y, stride[input]);
    }
    const int64_t count = kd_elements(y);
    for (int64_t i = 0; i < count; i++) {
        const int chosen = ((const uint8_t *)in[0])[locate(y, stride[0], i)] ? 1 : 2;
        const int64_t from = locate(y, stride[chosen], i);
        memmove((char *)out[0] + (size_t)i * bytes, (char *)in[chosen] + (size_t)from * bytes,
                bytes);
    }
}

bool prepare_cast(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                  kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS | 1u << KD_BF16, err);
}

void run_cast(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const int32_t from = node->inputs[0].dtype, to = node->outputs[0].dtype;
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        if (is_integer(from) && is_integer(to)) {
            put_integer(out[0], to, i, get_integer(in[0], from, i));
        } else {
            put(out[0], to, i, get(in[0], from, i));
        }
    }
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

void run_copy(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    memcpy(out[0], in[0], kd_bytes(&node->outputs[0]));
}
