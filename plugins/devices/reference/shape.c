/* SPDX-License-Identifier: Apache-2.0
 * Ops that move elements and compute nothing, so they take any type. */
#include "element.h"
#include "kernels.h"

/* out[i] = in[offset + where i's coordinates lead by `stride`] */
static void collect(const kd_spec *shape, char *out, const char *in, int64_t offset,
                    const int64_t stride[KD_MAX_RANK]) {
    const size_t bytes = kd_dtype_bytes(shape->dtype);
    const int64_t count = kd_elements(shape);
    for (int64_t i = 0; i < count; i++) {
        const int64_t from = offset + locate(shape, stride, i);
        memcpy(out + (size_t)i * bytes, in + (size_t)from * bytes, bytes);
    }
}

void run_transpose(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    uint32_t rank;
    const int64_t *order = kd_attr_ints(node, "order", &rank);
    int64_t own[KD_MAX_RANK], stride[KD_MAX_RANK];
    strides_of(&node->inputs[0], own);
    for (uint32_t axis = 0; axis < rank; axis++) {
        stride[axis] = own[order[axis]];
    }
    collect(&node->outputs[0], out[0], in[0], 0, stride);
}

void run_broadcast(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    int64_t stride[KD_MAX_RANK];
    broadcast_strides(&node->inputs[0], &node->outputs[0], stride);
    collect(&node->outputs[0], out[0], in[0], 0, stride);
}

void run_slice(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const int64_t axis = axis_of(node), start = kd_attr_int(node, "start", 0);
    int64_t stride[KD_MAX_RANK];
    strides_of(&node->inputs[0], stride);
    collect(&node->outputs[0], out[0], in[0], start * stride[axis], stride);
}

/* Puts all of `in` into `out` with its first element at `offset`: what slice does, backwards. */
static void spread(const kd_spec *shape, char *out, const char *in, int64_t offset,
                   const int64_t stride[KD_MAX_RANK]) {
    const size_t bytes = kd_dtype_bytes(shape->dtype);
    const int64_t count = kd_elements(shape);
    for (int64_t i = 0; i < count; i++) {
        const int64_t to = offset + locate(shape, stride, i);
        memcpy(out + (size_t)to * bytes, in + (size_t)i * bytes, bytes);
    }
}

void run_pad(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
             void *scratch) {
    const int64_t axis = axis_of(node), before = kd_attr_int(node, "before", 0);
    int64_t stride[KD_MAX_RANK];
    strides_of(&node->outputs[0], stride);
    memset(out[0], 0, kd_bytes(&node->outputs[0]));
    spread(&node->inputs[0], out[0], in[0], before * stride[axis], stride);
}

void run_concat(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const int64_t axis = axis_of(node);
    int64_t stride[KD_MAX_RANK], start = 0;
    strides_of(&node->outputs[0], stride);
    for (uint32_t input = 0; input < node->n_inputs; input++) {
        spread(&node->inputs[input], out[0], in[input], start * stride[axis], stride);
        start += node->inputs[input].dim[axis];
    }
}

/* Elements of one row, all axes but the first. */
static int64_t row_length(const kd_spec *spec) {
    int64_t length = 1;
    for (int axis = 1; axis < spec->rank; axis++) {
        length *= spec->dim[axis];
    }
    return length;
}

/* -1, and a failure that `wait` reports, when the index names no row. */
static int64_t row_at(kd_device *device, const kd_node *node, const kd_spec *indices,
                      const void *data, int64_t i, int64_t rows) {
    const int64_t row = get_integer(data, indices->dtype, i);
    if (row < 0 || row >= rows) {
        device_fail(device, "%s: %s: index %lld (at %lld) is outside of %lld rows", node->path,
                    node->op, (long long)row, (long long)i, (long long)rows);
        return -1;
    }
    return row;
}

void run_gather(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0], *indices = &node->inputs[1];
    const size_t bytes = (size_t)row_length(x) * kd_dtype_bytes(x->dtype);
    const int64_t count = kd_elements(indices);
    memset(out[0], 0, kd_bytes(&node->outputs[0]));
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = row_at(device, node, indices, in[1], i, x->dim[0]);
        if (row >= 0) {
            memcpy((char *)out[0] + (size_t)i * bytes, (char *)in[0] + (size_t)row * bytes, bytes);
        }
    }
}

bool prepare_scatter_add(kd_device *device, const kd_node *node, void **ret_state,
                         size_t *ret_scratch, kd_error *err) {
    *ret_scratch = (size_t)kd_elements(&node->outputs[0]) * sizeof(double);
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

void run_scatter_add(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *scratch) {
    const kd_spec *indices = &node->inputs[0], *source = &node->inputs[1], *y = &node->outputs[0];
    const int64_t length = row_length(y), added = kd_elements(indices), count = kd_elements(y);
    double *sum = scratch;
    memset(sum, 0, (size_t)count * sizeof *sum);
    for (int64_t i = 0; i < added; i++) {
        const int64_t row = row_at(device, node, indices, in[0], i, y->dim[0]);
        for (int64_t j = 0; row >= 0 && j < length; j++) {
            sum[row * length + j] += get(in[1], source->dtype, i * length + j);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        put(out[0], y->dtype, i, sum[i]);
    }
}

void run_scatter_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
                      void *const *out, void *scratch) {
    const kd_spec *base = &node->inputs[0], *indices = &node->inputs[1];
    const size_t bytes = (size_t)row_length(base) * kd_dtype_bytes(base->dtype);
    const int64_t count = kd_elements(indices);
    if (out[0] != in[0]) {
        memcpy(out[0], in[0], kd_bytes(base));
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = row_at(device, node, indices, in[1], i, base->dim[0]);
        if (row >= 0) {
            memcpy((char *)out[0] + (size_t)row * bytes, (char *)in[2] + (size_t)i * bytes, bytes);
        }
    }
}
