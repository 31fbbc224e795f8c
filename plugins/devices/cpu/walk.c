/* SPDX-License-Identifier: Apache-2.0
 * Reading operands tile by tile, converted and broadcast; see walk.h. */
#include "walk.h"

static void strides_in(const kd_spec *in, const kd_spec *out, int64_t stride[KD_MAX_RANK]) {
    const int missing = out->rank - in->rank;
    int64_t step = 1;
    for (int axis = out->rank - 1; axis >= 0; axis--) {
        const int64_t dim = axis < missing ? 1 : in->dim[axis - missing];
        stride[axis] = dim == 1 ? 0 : step;
        step *= dim;
    }
}

/* May axis `next` (stride, dim) be taken for the inner part of the last axis of w? */
static bool merges(const walk *w, int64_t next_stride[MAX_OPERANDS][KD_MAX_RANK], int axis,
                   int64_t dim) {
    for (int i = 0; i < w->operands; i++) {
        if (w->stride[i][w->rank - 1] != next_stride[i][axis] * dim) {
            return false;
        }
    }
    return true;
}

walk walk_of(const kd_node *node) {
    const kd_spec *out = &node->outputs[0];
    int64_t stride[MAX_OPERANDS][KD_MAX_RANK];
    walk w = {.operands = (int)node->n_inputs, .count = kd_elements(out)};
    for (int i = 0; i < w.operands; i++) {
        strides_in(&node->inputs[i], out, stride[i]);
        w.dense[i] = kd_elements(&node->inputs[i]) == w.count;
    }
    for (int axis = 0; axis < out->rank; axis++) {
        const int64_t dim = out->dim[axis];
        if (dim == 1) {
            continue;
        }
        if (w.rank && merges(&w, stride, axis, dim)) {
            w.dim[w.rank - 1] *= dim;
        } else {
            w.dim[w.rank++] = dim;
        }
        for (int i = 0; i < w.operands; i++) {
            w.stride[i][w.rank - 1] = stride[i][axis];
        }
    }
    return w;
}

/* count elements from `from`, `stride` (0 or more) apart, converted. */
static void convert_run(const void *data, int32_t dtype, int as, int64_t from, int64_t stride,
                        int64_t count, void *to) {
    float *f = to;
    int64_t *n = to;
    if (as == AS_BYTE) {
        for (int64_t i = 0; i < count; i++) {
            ((uint8_t *)to)[i] = ((const uint8_t *)data)[from + i * stride];
        }
    } else if (dtype == KD_F32) {
        for (int64_t i = 0; i < count; i++) {
            f[i] = ((const float *)data)[from + i * stride];
        }
    } else if (dtype == KD_BF16) {
        for (int64_t i = 0; i < count; i++) {
            f[i] = bf16_value(((const uint16_t *)data)[from + i * stride]);
        }
    } else if (dtype == KD_I32) {
        for (int64_t i = 0; i < count; i++) {
            n[i] = ((const int32_t *)data)[from + i * stride];
        }
    } else if (dtype == KD_I64) {
        for (int64_t i = 0; i < count; i++) {
            n[i] = ((const int64_t *)data)[from + i * stride];
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            n[i] = ((const uint8_t *)data)[from + i * stride];
        }
    }
}

/* The two strides that matter, as constants, so that their loops become vector code. */
static void read_run(const void *data, int32_t dtype, int as, int64_t from, int64_t stride,
                     int64_t count, void *to) {
    if (stride == 1) {
        convert_run(data, dtype, as, from, 1, count, to);
    } else if (stride == 0) {
        convert_run(data, dtype, as, from, 0, count, to);
    } else {
        convert_run(data, dtype, as, from, stride, count, to);
    }
}

static size_t tile_bytes(int as) {
    return as == AS_FLOAT ? sizeof(float) : as == AS_INT ? sizeof(int64_t) : 1;
}

static bool holds(int32_t dtype, int as) {
    return as == AS_FLOAT ? dtype == KD_F32 : as == AS_INT ? dtype == KD_I64 : dtype == KD_U8;
}

static void read_broadcast(const walk *w, int operand, const void *data, int32_t dtype, int as,
                           int64_t begin, int64_t count, char *buffer) {
    const int64_t *stride = w->stride[operand];
    const int last = w->rank - 1;
    int64_t at[KD_MAX_RANK], from = 0, rest = begin;
    for (int axis = last; axis >= 0; axis--) {
        at[axis] = rest % w->dim[axis];
        rest /= w->dim[axis];
        from += at[axis] * stride[axis];
    }
    for (int64_t done = 0; done < count;) {
        const int64_t left = w->dim[last] - at[last];
        const int64_t run = left < count - done ? left : count - done;
        read_run(data, dtype, as, from, stride[last], run, buffer + (size_t)done * tile_bytes(as));
        done += run;
        at[last] += run;
        from += run * stride[last];
        for (int axis = last; axis > 0 && at[axis] == w->dim[axis]; axis--) {
            from += stride[axis - 1] - w->dim[axis] * stride[axis];
            at[axis] = 0;
            at[axis - 1]++;
        }
    }
}

const void *walk_read(const walk *w, int operand, const void *data, int32_t dtype, int as,
                      int64_t begin, int64_t count, void *buffer) {
    if (w->dense[operand] && holds(dtype, as)) {
        return (const char *)data + (size_t)begin * kd_dtype_bytes(dtype);
    }
    if (w->dense[operand] || w->rank == 0) {
        read_run(data, dtype, as, begin, 1, count, buffer);
    } else {
        read_broadcast(w, operand, data, dtype, as, begin, count, buffer);
    }
    return buffer;
}

void *walk_target(void *data, int32_t dtype, int as, int64_t begin, void *buffer) {
    return holds(dtype, as) ? (char *)data + (size_t)begin * kd_dtype_bytes(dtype) : buffer;
}

void walk_write(void *data, int32_t dtype, int as, int64_t begin, int64_t count, const void *tile) {
    if (holds(dtype, as)) {
        return;
    }
    const float *f = tile;
    const int64_t *n = tile;
    if (dtype == KD_BF16) {
        for (int64_t i = 0; i < count; i++) {
            ((uint16_t *)data)[begin + i] = bf16_of(f[i]);
        }
    } else if (dtype == KD_I32) {
        for (int64_t i = 0; i < count; i++) {
            ((int32_t *)data)[begin + i] = (int32_t)n[i];
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            ((uint8_t *)data)[begin + i] = (uint8_t)n[i];
        }
    }
}
