/* SPDX-License-Identifier: Apache-2.0
 * Ops that move elements and compute nothing, so they take any type: transpose, broadcast, slice,
 * concat.
 *
 * All but one are copies between two walks, in units of up to 16 bytes: as many elements as
 * are neighbours on both sides. A transposition of the innermost axis goes through tiles in shared
 * memory, so that both sides are read and written in runs. */
#include "elements.h"
#include "kernels.h"
#include "walk.h"

namespace {

enum { FROM, TO }; /* operands of a copy's walk */

/* T: an unsigned type as large as a step. Strides are in units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS) copy_all(walk w, const T *from, T *to) {
    for (EACH(i, w.count)) {
        int64_t at[2];
        walk_locate(w, (uint32_t)i, at);
        to[at[TO]] = from[at[FROM]];
    }
}

#define TILE 32
#define TILE_ROWS 8

/* What a transposition of the innermost axis is: x has neighbours along `across`, y along `along`;
 * the other axes are walked. */
struct turn {
    walk w; /* over the other axes, FROM and TO */
    int64_t across, along;
    int64_t from_stride, to_stride; /* of x along `along`, of y along `across` */
    divider tiles_along, tiles_across;
    int64_t blocks; /* a tile each, `along` innermost */
};

template <class T>
__global__ void __launch_bounds__(TILE *TILE_ROWS) turn_all(turn t, const T *x, T *y) {
    __shared__ T tile[TILE][TILE + 1];
    uint32_t tile_along, tile_across;
    int64_t at[2];
    const uint32_t line = divide(blockIdx.x, t.tiles_along, &tile_along);
    walk_locate(t.w, divide(line, t.tiles_across, &tile_across), at);
    const int64_t along = (int64_t)tile_along * TILE, across = (int64_t)tile_across * TILE;
    for (int row = threadIdx.y; row < TILE; row += TILE_ROWS) {
        if (along + row < t.along && across + threadIdx.x < t.across) {
            tile[row][threadIdx.x] =
                x[at[FROM] + (along + row) * t.from_stride + across + threadIdx.x];
        }
    }
    __syncthreads();
    for (int row = threadIdx.y; row < TILE; row += TILE_ROWS) {
        if (across + row < t.across && along + threadIdx.x < t.along) {
            y[at[TO] + (across + row) * t.to_stride + along + threadIdx.x] = tile[threadIdx.x][row];
        }
    }
}

/* ---- On the host. ---- */

/* A copy, and where it begins, in bytes. */
struct move {
    walk w;
    int64_t from, to;
    int bytes; /* a unit's */
};

/* The widest unit that both sides and both beginnings allow. Strides and beginnings come in
 * elements. */
bool move_create(const kd_node *node, const axes *over, int64_t from, int64_t to, move *ret,
                 kd_error *err) {
    const int size = (int)kd_dtype_bytes(node->outputs[0].dtype);
    move m = {};
    for (int bytes = 16; bytes >= size; bytes /= 2) {
        const int elements = bytes / size;
        if (from % elements || to % elements) {
            continue;
        }
        if (!walk_create(node, over, elements, &m.w, err)) {
            return false;
        }
        if (m.w.elements == elements && !(m.w.repeats[FROM] && elements > 1)) {
            break;
        }
    }
    m.bytes = m.w.elements * size;
    for (int o = 0; o < m.w.operands; o++) {
        for (int axis = 0; axis < m.w.rank; axis++) {
            m.w.stride[o][axis] /= m.w.elements;
        }
    }
    m.from = from * size;
    m.to = to * size;
    *ret = m;
    return true;
}

template <class T> void copy_of(kd_device *device, const move *m, const void *x, void *y) {
    KD_LAUNCH(device, copy_all<T>, blocks_for(m->w.count), THREADS, 0, m->w,
              (const T *)((const char *)x + m->from), (T *)((char *)y + m->to));
}

void run_move(kd_device *device, const move *m, const void *x, void *y) {
    if (m->w.count == 0) {
        return;
    }
    for_wide_unit_of((size_t)m->bytes,
                     [&](auto unit) { copy_of<decltype(unit)>(device, m, x, y); });
}

int axis_of(const kd_node *node) {
    const int axis = (int)kd_attr_int(node, "axis", 0);
    return axis < 0 ? axis + node->inputs[0].rank : axis;
}

axes axes_over(const kd_spec *shape) {
    axes a = {};
    a.rank = shape->rank;
    a.operands = 2;
    memcpy(a.dim, shape->dim, sizeof a.dim);
    return a;
}

/* An op's state: as many moves as it has inputs, or a transposition. */
struct plan {
    bool turns;
    turn t;
    move m[1];
};

plan *plan_create(int moves, kd_error *err) {
    return (plan *)state_create(sizeof(plan) + (size_t)moves * sizeof(move), err);
}

/* Sets the only move of a new plan. */
bool plan_move(const kd_node *node, const axes *a, int64_t from, void **ret_state, kd_error *err) {
    move m;
    if (!accept_types(node, FLOATS | INTEGERS, err) || !move_create(node, a, from, 0, &m, err)) {
        return false;
    }
    plan *p = plan_create(1, err);
    if (!p) {
        return false;
    }
    p->m[0] = m;
    *ret_state = p;
    return true;
}

void run_one(kd_device *device, const kd_node *, void *state, void *const *in, void *const *out,
             void *) {
    run_move(device, &((const plan *)state)->m[0], in[0], out[0]);
}

bool prepare_broadcast(kd_device *, const kd_node *node, void **ret_state, size_t *,
                       kd_error *err) {
    const kd_spec *x = &node->inputs[0], *y = &node->outputs[0];
    axes a = axes_over(y);
    int64_t own[KD_MAX_RANK];
    dense_strides(x, own);
    dense_strides(y, a.stride[TO]);
    const int missing = y->rank - x->rank;
    for (int axis = 0; axis < y->rank; axis++) {
        const bool repeats = axis < missing || x->dim[axis - missing] == 1;
        a.stride[FROM][axis] = repeats ? 0 : own[axis - missing];
    }
    return plan_move(node, &a, 0, ret_state, err);
}

bool prepare_slice(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    axes a = axes_over(&node->outputs[0]);
    dense_strides(&node->inputs[0], a.stride[FROM]);
    dense_strides(&node->outputs[0], a.stride[TO]);
    const int64_t start = kd_attr_int(node, "start", 0);
    return plan_move(node, &a, start * a.stride[FROM][axis_of(node)], ret_state, err);
}

bool prepare_concat(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    if (!accept_types(node, FLOATS | INTEGERS, err)) {
        return false;
    }
    plan *p = plan_create((int)node->n_inputs, err);
    int64_t start = 0;
    for (uint32_t i = 0; p && i < node->n_inputs; i++) {
        axes a = axes_over(&node->inputs[i]);
        dense_strides(&node->inputs[i], a.stride[FROM]);
        dense_strides(&node->outputs[0], a.stride[TO]);
        if (!move_create(node, &a, 0, start * a.stride[TO][axis_of(node)], &p->m[i], err)) {
            release_state(nullptr, p);
            return false;
        }
        start += node->inputs[i].dim[axis_of(node)];
    }
    *ret_state = p;
    return p != nullptr;
}

void run_concat(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *) {
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        run_move(device, &((const plan *)state)->m[i], in[i], out[0]);
    }
}

/* ---- Transposition. ---- */

/* The axis of y along which x has neighbours; -1 when x has one element along all. */
int neighbours_of(const kd_spec *x, const int64_t *order) {
    int last = x->rank - 1;
    while (last >= 0 && x->dim[last] == 1) {
        last--;
    }
    for (int axis = 0; axis < x->rank; axis++) {
        if (order[axis] == last) {
            return axis;
        }
    }
    return -1;
}

bool turn_create(const kd_node *node, const axes *all, int across, int along, turn *ret,
                 kd_error *err) {
    turn t = {};
    axes rest = {};
    rest.operands = 2;
    for (int axis = 0; axis < all->rank; axis++) {
        if (axis != across && axis != along) {
            rest.dim[rest.rank] = all->dim[axis];
            rest.stride[FROM][rest.rank] = all->stride[FROM][axis];
            rest.stride[TO][rest.rank] = all->stride[TO][axis];
            rest.rank++;
        }
    }
    t.across = all->dim[across];
    t.along = all->dim[along];
    t.from_stride = all->stride[FROM][along];
    t.to_stride = all->stride[TO][across];
    if (!walk_create(node, &rest, 1, &t.w, err)) {
        return false;
    }
    const int64_t tiles_along = (t.along + TILE - 1) / TILE;
    const int64_t tiles_across = (t.across + TILE - 1) / TILE;
    t.tiles_along = divider_of(tiles_along ? tiles_along : 1);
    t.tiles_across = divider_of(tiles_across ? tiles_across : 1);
    t.blocks = tiles_along * tiles_across * t.w.count;
    *ret = t;
    return true;
}

bool prepare_transpose(kd_device *, const kd_node *node, void **ret_state, size_t *scratch,
                       kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    uint32_t rank;
    const int64_t *order = kd_attr_ints(node, "order", &rank);
    axes a = axes_over(&node->outputs[0]);
    int64_t own[KD_MAX_RANK];
    dense_strides(x, own);
    dense_strides(&node->outputs[0], a.stride[TO]);
    for (uint32_t axis = 0; axis < rank; axis++) {
        a.stride[FROM][axis] = own[order[axis]];
    }
    int along = a.rank - 1;
    while (along >= 0 && a.dim[along] == 1) {
        along--;
    }
    const int across = neighbours_of(x, order);
    turn t = {};
    const bool turns = across >= 0 && across != along;
    if (turns && !turn_create(node, &a, across, along, &t, err)) {
        return false;
    }
    if (!plan_move(node, &a, 0, ret_state, err)) {
        return false;
    }
    (void)scratch;
    plan *p = (plan *)*ret_state;
    p->turns = turns && t.blocks <= INT32_MAX;
    p->t = t;
    return true;
}

template <class T> void turn_of(kd_device *device, const turn *t, const void *x, void *y) {
    KD_LAUNCH(device, turn_all<T>, (unsigned)t->blocks, dim3(TILE, TILE_ROWS), 0, *t, (const T *)x,
              (T *)y);
}

void run_transpose(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *) {
    const plan *p = (const plan *)state;
    if (!p->turns) {
        return run_move(device, &p->m[0], in[0], out[0]);
    }
    if (kd_elements(&node->outputs[0]) == 0) {
        return;
    }
    for_unit_of(kd_dtype_bytes(node->outputs[0].dtype),
                [&](auto unit) { turn_of<decltype(unit)>(device, &p->t, in[0], out[0]); });
}

} // namespace

#define KERNEL(op, prepare, run)                                                                   \
    { sizeof(kd_kernel), 0, op, prepare, run, release_state }

extern "C" const kd_kernel cuda_shape[] = {
    KERNEL("transpose", prepare_transpose, run_transpose),
    KERNEL("broadcast", prepare_broadcast, run_one),
    KERNEL("slice", prepare_slice, run_one),
    KERNEL("concat", prepare_concat, run_concat),
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
