/* SPDX-License-Identifier: Apache-2.0
 * pad: zeros before and after along one axis, in one pass, of any type, in units of up to 16 bytes.
 */
#include "elements.h"
#include "kernels.h"
#include "walk.h"

namespace {

/* y [outer, after] is x [outer, before] from `begin` on in each row, else zero; units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    pad_all(const T *x, T *y, int64_t count, divider after, uint32_t before, uint32_t begin) {
    for (EACH(i, count)) {
        uint32_t along;
        const uint32_t row = divide((uint32_t)i, after, &along);
        const bool inside = along >= begin && along - begin < before;
        y[i] = inside ? x[(int64_t)row * before + (along - begin)] : T();
    }
}

/* ---- On the host. ---- */

struct padding {
    int64_t count; /* all in units */
    divider after;
    uint32_t before, begin;
    int bytes;
};

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    if (!accept_types(node, FLOATS | INTEGERS, err)) {
        return false;
    }
    const int given = (int)kd_attr_int(node, "axis", 0), axis = given < 0 ? given + x->rank : given;
    int64_t strides[KD_MAX_RANK];
    dense_strides(x, strides);
    const int64_t inner = strides[axis] * (int64_t)kd_dtype_bytes(y->dtype);
    const int64_t row = y->dim[axis] * inner, begin = kd_attr_int(node, "before", 0) * inner;
    const int64_t filled = x->dim[axis] * inner;
    int bytes = 16;
    while (row % bytes || begin % bytes || filled % bytes) {
        bytes /= 2;
    }
    const int64_t count = (int64_t)kd_bytes(y) / bytes;
    if (count > INT32_MAX) {
        return refuse(node, "has 2^31 elements or more", err);
    }
    padding *p = (padding *)state_create(sizeof *p, err);
    if (!p) {
        return false;
    }
    *p = {count, divider_of(row ? row / bytes : 1), (uint32_t)(filled / bytes),
          (uint32_t)(begin / bytes), bytes};
    *ret_state = p;
    return true;
}

template <class T> void pad_of(kd_device *device, const padding *p, const void *x, void *y) {
    KD_LAUNCH(device, pad_all<T>, blocks_for(p->count), THREADS, 0, (const T *)x, (T *)y, p->count,
              p->after, p->before, p->begin);
}

void run(kd_device *device, const kd_node *, void *state, void *const *in, void *const *out,
         void *) {
    const padding *p = (const padding *)state;
    if (p->count == 0) {
        return;
    }
    for_wide_unit_of((size_t)p->bytes,
                     [&](auto unit) { pad_of<decltype(unit)>(device, p, in[0], out[0]); });
}

} // namespace

extern "C" const kd_kernel cuda_pad[] = {
    {sizeof(kd_kernel), 0, "pad", prepare, run, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
