/* SPDX-License-Identifier: Apache-2.0
 * where: a or b by a condition, element by element, of any type, with numpy's broadcasting. */
#include "elements.h"
#include "kernels.h"
#include "walk.h"

namespace {

/* T: an unsigned type as large as an element. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    choose_all(walk w, const uint8_t *condition, const T *a, const T *b, T *y) {
    for (EACH(i, w.count)) {
        int64_t at[3];
        walk_locate(w, (uint32_t)i, at);
        const pack<uint8_t, N> holds = load<N>(condition + at[0], w.repeats[0]);
        const pack<T, N> left = load<N>(a + at[1], w.repeats[1]);
        const pack<T, N> right = load<N>(b + at[2], w.repeats[2]);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            to.at[k] = holds.at[k] ? left.at[k] : right.at[k];
        }
        store(y + i * N, to);
    }
}

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    walk w = {};
    if (!accept_types(node, FLOATS | INTEGERS, err) ||
        !walk_of_inputs(node, (int)(16 / kd_dtype_bytes(node->outputs[0].dtype)), &w, err)) {
        return false;
    }
    walk *state = (walk *)state_create(sizeof w, err);
    if (!state) {
        return false;
    }
    *state = w;
    *ret_state = state;
    return true;
}

template <class T>
void choose_of(kd_device *device, const walk *w, void *const *in, void *const *out) {
    const uint8_t *condition = (const uint8_t *)in[0];
    const T *a = (const T *)in[1], *b = (const T *)in[2];
    T *y = (T *)out[0];
    if (w->elements == PACK<T>) {
        KD_LAUNCH(device, (choose_all<T, PACK<T>>), blocks_for(w->count), THREADS, 0, *w, condition,
                  a, b, y);
    } else {
        KD_LAUNCH(device, (choose_all<T, 1>), blocks_for(w->count), THREADS, 0, *w, condition, a, b,
                  y);
    }
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *) {
    const walk *w = (const walk *)state;
    if (w->count == 0) {
        return;
    }
    for_unit_of(kd_dtype_bytes(node->outputs[0].dtype),
                [&](auto unit) { choose_of<decltype(unit)>(device, w, in, out); });
}

} // namespace

extern "C" const kd_kernel cuda_where[] = {
    {sizeof(kd_kernel), 6, "where", prepare, run, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
