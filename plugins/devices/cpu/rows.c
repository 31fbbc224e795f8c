/* SPDX-License-Identifier: Apache-2.0
 * What works along the last axis, one row at a time: softmax, log_softmax, argmax, top_k. */
#include "kernels.h"

#include "numbers.h"

#include <math.h>

#define GRAIN 16384 /* elements: the least that a thread is given */

typedef struct rows {
    const void *x;
    void *y;
    int32_t *index; /* of argmax and top_k */
    bool half, whole, logs;
    int64_t count, length, k;
    struct candidate *heap; /* [count, k] */
} rows;

static rows rows_of(const kd_node *node, void *const *in, void *const *out) {
    const kd_spec *x = &node->inputs[0];
    const int64_t length = x->dim[x->rank - 1];
    return (rows){.x = in[0],
                  .y = out[0],
                  .half = x->dtype == KD_BF16,
                  .whole = x->dtype == KD_I32,
                  .count = length ? kd_elements(x) / length : 0,
                  .length = length};
}

static void rows_for(const kd_device *device, const rows *r, span_body *body) {
    span_for(device, r->count, GRAIN / (r->length + 1) + 1, body, r);
}

ALWAYS_INLINE double element(const rows *r, int64_t i) {
    return r->whole ? (double)((const int32_t *)r->x)[i] : (double)load(r->x, r->half, i);
}

bool prepare_softmax(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                     kd_error *err) {
    return accept_types(node, FLOATS, err);
}

/* NaN when there is one. */
ALWAYS_INLINE float row_max(const void *x, bool half, int64_t first, int64_t length) {
    float max = -HUGE_VALF;
    bool nan = false;
#pragma omp simd reduction(max : max) reduction(| : nan)
    for (int64_t i = first; i < first + length; i++) {
        const float value = load(x, half, i);
        max = value > max ? value : max;
        nan |= value != value;
    }
    return nan ? NAN : max;
}

ALWAYS_INLINE void softmax_row(const rows *r, bool half, bool logs, int64_t first) {
    const float max = row_max(r->x, half, first, r->length);
    double sum = 0; /* 1 and what is far below it: log_softmax of a sure thing is that */
#pragma omp simd reduction(+ : sum)
    for (int64_t i = first; i < first + r->length; i++) {
        const float power = exp_of(load(r->x, half, i) - max);
        sum += (double)power;
    }
    const float log_sum = (float)log(sum), scale = (float)(1 / sum);
#pragma omp simd
    for (int64_t i = first; i < first + r->length; i++) {
        const float x = load(r->x, half, i) - max;
        store(r->y, half, i, logs ? x - log_sum : exp_of(x) * scale);
    }
}

static void softmax_span(const void *work, int64_t begin, int64_t end) {
    const rows *r = work;
    for (int64_t row = begin; row < end; row++) {
        const int64_t first = row * r->length;
        if (r->half) {
            softmax_row(r, true, r->logs, first);
        } else if (r->logs) {
            softmax_row(r, false, true, first);
        } else {
            softmax_row(r, false, false, first);
        }
    }
}

void run_softmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *scratch) {
    const rows r = rows_of(node, in, out);
    rows_for(device, &r, softmax_span);
}

void run_log_softmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *scratch) {
    rows r = rows_of(node, in, out);
    r.logs = true;
    rows_for(device, &r, softmax_span);
}

bool prepare_argmax(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

static void argmax_span(const void *work, int64_t begin, int64_t end) {
    const rows *r = work;
    for (int64_t row = begin; row < end; row++) {
        const int64_t first = row * r->length;
        int64_t best = 0;
        for (int64_t i = 1; i < r->length; i++) {
            best = element(r, first + i) > element(r, first + best) ? i : best;
        }
        r->index[row] = (int32_t)best;
    }
}

void run_argmax(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    rows r = rows_of(node, in, out);
    r.index = out[0];
    rows_for(device, &r, argmax_span);
}

/* One of the k best so far. */
typedef struct candidate {
    double value;
    int64_t index;
} candidate;

bool prepare_top_k(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                   kd_error *err) {
    *ret_scratch = (size_t)kd_elements(&node->outputs[0]) * sizeof(candidate);
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

/* Is a to be listed after b? */
static bool worse(const candidate *a, const candidate *b) {
    return a->value < b->value || (a->value == b->value && a->index > b->index);
}

/* Restores heap order, the worst on top, where item `at` may be too good for its place. */
static void sift(candidate *heap, int64_t count, int64_t at) {
    const candidate moved = heap[at];
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        child += child + 1 < count && worse(&heap[child + 1], &heap[child]);
        if (!worse(&heap[child], &moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* The k best of a row, best first, into heap. */
static void select_row(const rows *r, int64_t first, candidate *heap) {
    for (int64_t i = 0; i < r->k; i++) {
        heap[i] = (candidate){element(r, first + i), i};
    }
    for (int64_t i = r->k / 2; i-- > 0;) {
        sift(heap, r->k, i);
    }
    for (int64_t i = r->k; i < r->length; i++) {
        const double value = element(r, first + i);
        if (value > heap[0].value) {
            heap[0] = (candidate){value, i};
            sift(heap, r->k, 0);
        }
    }
    for (int64_t last = r->k - 1; last > 0; last--) {
        const candidate worst = heap[0];
        heap[0] = heap[last];
        heap[last] = worst;
        sift(heap, last, 0);
    }
}

static void top_k_span(const void *work, int64_t begin, int64_t end) {
    const rows *r = work;
    for (int64_t row = begin; row < end; row++) {
        candidate *heap = r->heap + row * r->k;
        select_row(r, row * r->length, heap);
        for (int64_t i = 0; i < r->k; i++) {
            if (r->whole) {
                ((int32_t *)r->y)[row * r->k + i] = (int32_t)heap[i].value;
            } else {
                store(r->y, r->half, row * r->k + i, (float)heap[i].value);
            }
            if (r->index) {
                r->index[row * r->k + i] = (int32_t)heap[i].index;
            }
        }
    }
}

void run_top_k(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    rows r = rows_of(node, in, out);
    const kd_spec *y = &node->outputs[0];
    r.k = y->dim[y->rank - 1];
    r.index = node->n_outputs > 1 ? out[1] : NULL;
    r.heap = scratch;
    rows_for(device, &r, top_k_span);
}
