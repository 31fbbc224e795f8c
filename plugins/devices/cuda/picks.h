/* SPDX-License-Identifier: Apache-2.0
 * Rows that are named by their index, for kernels that move or add whole rows. An index that names
 * no row is a fault. */
#ifndef CUDA_PICKS_H
#define CUDA_PICKS_H

#include "elements.h"
#include "faults.h"

namespace {

/* i32 indices of rows, and where one that names none is reported. */
struct picks {
    const int32_t *index;
    int64_t count, rows;
    fault_word *fault;
    int32_t watch;
};

__device__ __forceinline__ bool names_row(const picks &p, int64_t i) {
    return p.index[i] >= 0 && p.index[i] < p.rows;
}

/* Elements of a row, all axes but the first. */
int64_t width_of(const kd_spec *spec) {
    int64_t width = 1;
    for (int axis = 1; axis < spec->rank; axis++) {
        width *= spec->dim[axis];
    }
    return width;
}

/* The widest unit that rows of so many bytes are made of. */
int unit_of(int64_t bytes) {
    int unit = 16;
    while (bytes % unit) {
        unit /= 2;
    }
    return unit;
}

picks picks_of(kd_device *device, const kd_spec *indices, const kd_spec *rows, const void *index,
               const void *state) {
    picks p = {};
    p.index = (const int32_t *)index;
    p.count = indices->dim[0];
    p.rows = rows->dim[0];
    p.fault = device->fault;
    p.watch = ((const watched *)state)->number;
    return p;
}

/* with(unit, width): the unit that rows are moved by, and how many of them a row is. */
template <class With> void for_units_of(const kd_spec *rows, const With &with) {
    const int64_t bytes = width_of(rows) * (int64_t)kd_dtype_bytes(rows->dtype);
    for_wide_unit_of((size_t)unit_of(bytes),
                     [&](auto unit) { with(unit, bytes / (int64_t)sizeof unit); });
}

/* [prepare] Of an op that moves rows of input 0 by the indices of input 1. */
bool picks_prepare(kd_device *device, const kd_node *node, void **ret_state, kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err) &&
           fault_watch(device, node, "index", node->inputs[0].dim[0], "rows", ret_state, err);
}

} // namespace

#endif
