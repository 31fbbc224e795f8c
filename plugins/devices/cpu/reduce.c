/* SPDX-License-Identifier: Apache-2.0
 * sum and max over listed axes, accumulated in double in an order that depends on the shape alone.
 *
 * The input is seen as [groups, reduced, lanes]: the common cases (all, rows, columns, the middle)
 * are of that form. Where reduced axes lie on both sides of a kept one, the kept coordinates are
 * walked one by one. */
#include "kernels.h"

#include "numbers.h"

#include <math.h>

#define LANES 256   /* columns that one piece of work accumulates side by side */
#define SLICE 16384 /* elements of a long reduction that one piece of work takes */

typedef struct reduction {
    bool max, half, whole;
    bool half_out;
    int64_t groups, reduced, lanes;
    int64_t slices; /* of the reduced axis */
    int64_t slice;
    /* The general case: reduced axes that `reduced` does not hold, outermost first. */
    int outer;
    int64_t outer_dim[KD_MAX_RANK], outer_stride[KD_MAX_RANK];
    int kept; /* axes that `groups` is the product of, with their strides */
    int64_t kept_dim[KD_MAX_RANK], kept_stride[KD_MAX_RANK];
} reduction;

/* Merges neighbours of one kind; returns the number of axes left. */
static int merge_axes(const kd_spec *x, uint32_t mask, int64_t dim[KD_MAX_RANK],
                      bool gone[KD_MAX_RANK]) {
    int count = 0;
    for (int axis = 0; axis < x->rank; axis++) {
        const bool reduced = mask >> axis & 1u;
        if (x->dim[axis] == 1) {
            continue;
        }
        if (count && gone[count - 1] == reduced) {
            dim[count - 1] *= x->dim[axis];
        } else {
            dim[count] = x->dim[axis];
            gone[count++] = reduced;
        }
    }
    return count;
}

static uint32_t axes_mask(const kd_node *node) {
    uint32_t listed, mask = 0;
    const int64_t *axes = kd_attr_ints(node, "axes", &listed);
    const int rank = node->inputs[0].rank;
    for (uint32_t i = 0; i < listed; i++) {
        mask |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    }
    return listed ? mask : (1u << rank) - 1;
}

static reduction reduction_of(const kd_node *node) {
    const kd_spec *x = &node->inputs[0];
    int64_t dim[KD_MAX_RANK], stride = 1;
    bool gone[KD_MAX_RANK];
    int axis = merge_axes(x, axes_mask(node), dim, gone) - 1;
    reduction r = {.max = strcmp(node->op, "max") == 0,
                   .half = x->dtype == KD_BF16,
                   .whole = x->dtype == KD_I32,
                   .half_out = node->outputs[0].dtype == KD_BF16,
                   .groups = 1,
                   .reduced = 1,
                   .lanes = 1};
    if (axis >= 0 && !gone[axis]) {
        r.lanes = dim[axis--];
        stride = r.lanes;
    }
    if (axis >= 0) {
        r.reduced = dim[axis--];
        stride *= r.reduced;
    }
    for (; axis >= 0; axis--) {
        int64_t *d = gone[axis] ? &r.outer_dim[r.outer] : &r.kept_dim[r.kept];
        int64_t *s = gone[axis] ? &r.outer_stride[r.outer++] : &r.kept_stride[r.kept++];
        *d = dim[axis];
        *s = stride;
        r.groups *= gone[axis] ? 1 : dim[axis];
        stride *= dim[axis];
    }
    r.slice = SLICE / ((r.lanes < LANES ? r.lanes : LANES) + 1) + 1;
    r.slices = r.reduced > r.slice ? (r.reduced + r.slice - 1) / r.slice : 1;
    return r;
}

bool prepare_reduce(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    if (!accept_types(node, FLOATS | 1u << KD_I32, err)) {
        return false;
    }
    reduction *r = state_create(sizeof *r, err);
    if (!r) {
        return false;
    }
    *r = reduction_of(node);
    *ret_state = r;
    *ret_scratch = (size_t)(r->groups * r->lanes * r->slices) * sizeof(double);
    return true;
}

typedef struct reduce_work {
    const reduction *r;
    const void *x;
    void *y;
    double *partial; /* [groups, slices, lanes] */
} reduce_work;

ALWAYS_INLINE double element(const void *x, bool half, bool whole, int64_t i) {
    return whole ? (double)((const int32_t *)x)[i] : (double)load(x, half, i);
}

/* The larger; a NaN stays. */
ALWAYS_INLINE double larger(double best, double x) {
    return best >= x || best != best ? best : x;
}

/* total[lane] over `count` rows of lanes, `step` elements apart. */
ALWAYS_INLINE void fold_columns(const void *x, bool half, bool whole, bool max, int64_t from,
                                int64_t count, int64_t step, int64_t lanes, double *total) {
    for (int64_t row = 0; row < count; row++) {
        const int64_t first = from + row * step;
#pragma omp simd
        for (int64_t lane = 0; lane < lanes; lane++) {
            const double value = element(x, half, whole, first + lane);
            total[lane] = max ? larger(total[lane], value) : total[lane] + value;
        }
    }
}

/* The same for one lane, whose rows are neighbours: eight interleaved totals, joined in order. */
ALWAYS_INLINE void fold_row(const void *x, bool half, bool whole, bool max, int64_t from,
                            int64_t count, double *total) {
    double part[8];
    for (int k = 0; k < 8; k++) {
        part[k] = max ? -HUGE_VAL : 0;
    }
    const int64_t even = count / 8 * 8;
    for (int64_t i = 0; i < even; i += 8) {
#pragma omp simd
        for (int k = 0; k < 8; k++) {
            const double value = element(x, half, whole, from + i + k);
            part[k] = max ? larger(part[k], value) : part[k] + value;
        }
    }
    for (int64_t i = even; i < count; i++) {
        const double value = element(x, half, whole, from + i);
        part[0] = max ? larger(part[0], value) : part[0] + value;
    }
    for (int k = 0; k < 8; k++) {
        *total = max ? larger(*total, part[k]) : *total + part[k];
    }
}

ALWAYS_INLINE void fold(const reduce_work *w, bool half, bool whole, bool max, int64_t from,
                        int64_t count, int64_t lanes, double *total) {
    if (w->r->lanes == 1) {
        fold_row(w->x, half, whole, max, from, count, total);
    } else {
        fold_columns(w->x, half, whole, max, from, count, w->r->lanes, lanes, total);
    }
}

static void fold_any(const reduce_work *w, int64_t from, int64_t count, int64_t lanes,
                     double *total) {
    const reduction *r = w->r;
    if (r->whole) {
        fold(w, false, true, r->max, from, count, lanes, total);
    } else if (r->half) {
        fold(w, true, false, r->max, from, count, lanes, total);
    } else if (r->max) {
        fold(w, false, false, true, from, count, lanes, total);
    } else {
        fold(w, false, false, false, from, count, lanes, total);
    }
}

/* Where the kept coordinate `index` begins, or the reduced one. */
static int64_t offset_of(int rank, const int64_t *dim, const int64_t *stride, int64_t index) {
    int64_t at = 0;
    for (int axis = 0; axis < rank; axis++) {
        at += index % dim[axis] * stride[axis];
        index /= dim[axis];
    }
    return at;
}

/* Pieces of work: group, slice, block of lanes. */
static void partial_span(const void *work, int64_t begin, int64_t end) {
    const reduce_work *w = work;
    const reduction *r = w->r;
    const int64_t blocks = (r->lanes + LANES - 1) / LANES;
    int64_t repeats = 1;
    for (int axis = 0; axis < r->outer; axis++) {
        repeats *= r->outer_dim[axis];
    }
    for (int64_t piece = begin; piece < end; piece++) {
        const int64_t lane = piece % blocks * LANES, slice = piece / blocks % r->slices;
        const int64_t group = piece / blocks / r->slices, row = slice * r->slice;
        const int64_t lanes = r->lanes - lane < LANES ? r->lanes - lane : LANES;
        const int64_t left = r->reduced - row, count = left < r->slice ? left : r->slice;
        double *total = w->partial + (group * r->slices + slice) * r->lanes + lane;
        for (int64_t i = 0; i < lanes; i++) {
            total[i] = r->max ? -HUGE_VAL : 0;
        }
        const int64_t base = offset_of(r->kept, r->kept_dim, r->kept_stride, group);
        for (int64_t k = 0; k < repeats; k++) {
            const int64_t from = base + offset_of(r->outer, r->outer_dim, r->outer_stride, k);
            fold_any(w, from + row * r->lanes + lane, count, lanes, total);
        }
    }
}

/* Output elements [begin, end): their slices joined in order. */
static void join_span(const void *work, int64_t begin, int64_t end) {
    const reduce_work *w = work;
    const reduction *r = w->r;
    for (int64_t i = begin; i < end; i++) {
        const double *part = w->partial + i / r->lanes * r->slices * r->lanes + i % r->lanes;
        double total = part[0];
        for (int64_t slice = 1; slice < r->slices; slice++) {
            const double value = part[slice * r->lanes];
            total = r->max ? larger(total, value) : total + value;
        }
        if (r->whole) {
            ((int32_t *)w->y)[i] = (int32_t)total;
        } else {
            store(w->y, r->half_out, i, (float)total);
        }
    }
}

void run_reduce(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const reduction *r = state;
    const reduce_work w = {r, in[0], out[0], scratch};
    const int64_t blocks = (r->lanes + LANES - 1) / LANES, pieces = r->groups * r->slices * blocks;
    const int64_t work = kd_elements(&node->inputs[0]) / (pieces > 0 ? pieces : 1) + 1;
    span_for(device, pieces, SLICE / work + 1, partial_span, &w);
    span_for(device, r->groups * r->lanes, SLICE / r->slices + 1, join_span, &w);
}
