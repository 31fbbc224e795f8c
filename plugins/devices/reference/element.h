/* SPDX-License-Identifier: Apache-2.0
 * One element of a tensor of any type as a double, and where it lies: what lets every op of this
 * device be a single loop. A double holds every f32, i32 and u8 exactly, and a sum, product,
 * quotient or root of two f32 that is rounded to double and then to f32 is the correctly rounded
 * one. */
#ifndef REFERENCE_ELEMENT_H
#define REFERENCE_ELEMENT_H

#include <kindred/op.h>

#include <math.h>

/* To nearest, ties to even: bf16 is a float cut after 8 significant bits. */
static inline uint16_t bf16_of(double value) {
    float rounded = (float)value;
    if (isfinite(value) && value != 0) {
        const int exponent = ilogb(value) < -126 ? -126 : ilogb(value);
        rounded = (float)ldexp(rint(ldexp(value, 7 - exponent)), exponent - 7);
    }
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return (uint16_t)(isnan(value) ? bits >> 16 | 0x40 : bits >> 16);
}

static inline double bf16_value(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static inline double get(const void *data, int32_t dtype, int64_t i) {
    switch (dtype) {
    case KD_F32:
        return (double)((const float *)data)[i];
    case KD_F64:
        return ((const double *)data)[i];
    case KD_BF16:
        return bf16_value(((const uint16_t *)data)[i]);
    case KD_I32:
        return ((const int32_t *)data)[i];
    case KD_I64:
        return (double)((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static inline void put(void *data, int32_t dtype, int64_t i, double value) {
    switch (dtype) {
    case KD_F32:
        ((float *)data)[i] = (float)value;
        break;
    case KD_F64:
        ((double *)data)[i] = value;
        break;
    case KD_BF16:
        ((uint16_t *)data)[i] = bf16_of(value);
        break;
    case KD_I32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case KD_I64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)(int32_t)value;
    }
}

/* The same for integers, i64 included: a double holds those only up to 2^53. */
static inline bool is_integer(int32_t dtype) {
    return dtype == KD_I32 || dtype == KD_I64 || dtype == KD_U8;
}

static inline int64_t get_integer(const void *data, int32_t dtype, int64_t i) {
    return dtype == KD_I64 ? ((const int64_t *)data)[i] : (int64_t)get(data, dtype, i);
}

static inline void put_integer(void *data, int32_t dtype, int64_t i, int64_t value) {
    if (dtype == KD_I64) {
        ((int64_t *)data)[i] = value;
    } else if (dtype == KD_I32) {
        ((int32_t *)data)[i] = (int32_t)value;
    } else {
        ((uint8_t *)data)[i] = (uint8_t)value;
    }
}

/* An axis counts from the end when negative. */
static inline int64_t from_start(int64_t axis, const kd_spec *spec) {
    return axis < 0 ? axis + spec->rank : axis;
}

static inline int64_t axis_of(const kd_node *node) {
    return from_start(kd_attr_int(node, "axis", 0), &node->inputs[0]);
}

/* How far apart neighbours along each axis lie, in elements. */
static inline void strides_of(const kd_spec *spec, int64_t stride[KD_MAX_RANK]) {
    int64_t step = 1;
    for (int axis = spec->rank - 1; axis >= 0; axis--) {
        stride[axis] = step;
        step *= spec->dim[axis];
    }
}

/* Where element i of a dense tensor of this shape lies when its axes have other strides. */
static inline int64_t locate(const kd_spec *shape, const int64_t stride[KD_MAX_RANK], int64_t i) {
    int64_t at = 0;
    for (int axis = shape->rank - 1; axis >= 0; axis--) {
        at += i % shape->dim[axis] * stride[axis];
        i /= shape->dim[axis];
    }
    return at;
}

/* Strides that read `in` as if it had the shape of `out`: numpy's rule, missing axes in front. */
static inline void broadcast_strides(const kd_spec *in, const kd_spec *out,
                                     int64_t stride[KD_MAX_RANK]) {
    int64_t own[KD_MAX_RANK];
    strides_of(in, own);
    const int missing = out->rank - in->rank;
    for (int axis = 0; axis < out->rank; axis++) {
        const bool repeats = axis < missing || in->dim[axis - missing] == 1;
        stride[axis] = repeats ? 0 : own[axis - missing];
    }
}

#endif
