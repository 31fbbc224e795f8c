/* SPDX-License-Identifier: Apache-2.0
 * Rows by index: gathered, summed into, replaced. */
#include "kernels.h"

#include "numbers.h"

#define PIECE ((size_t)1 << 16) /* bytes: the least that a thread is given */

typedef struct picks {
    const int32_t *index;
    const char *from;
    char *to;
    int64_t count, rows, length;
    size_t row_bytes;
    bool half, whole; /* of scatter_add: bf16; i32 */
    double *sum;      /* [rows, length] */
} picks;

/* Elements of one row: all axes but the first. */
static int64_t row_length(const kd_spec *spec) {
    int64_t length = 1;
    for (int axis = 1; axis < spec->rank; axis++) {
        length *= spec->dim[axis];
    }
    return length;
}

/* An index that names no row is skipped, and a failure that `wait` reports. */
static void check_rows(kd_device *device, const kd_node *node, const picks *p) {
    for (int64_t i = 0; i < p->count; i++) {
        if (p->index[i] < 0 || p->index[i] >= p->rows) {
            device_fail(device, "%s: %s: index %d (at %lld) is outside of %lld rows", node->path,
                        node->op, p->index[i], (long long)i, (long long)p->rows);
            return;
        }
    }
}

static void gather_span(const void *work, int64_t begin, int64_t end) {
    const picks *p = work;
    for (int64_t i = begin; i < end; i++) {
        char *to = p->to + (size_t)i * p->row_bytes;
        if (p->index[i] >= 0 && p->index[i] < p->rows) {
            memcpy(to, p->from + (size_t)p->index[i] * p->row_bytes, p->row_bytes);
        } else {
            memset(to, 0, p->row_bytes);
        }
    }
}

void run_gather(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const kd_spec *x = &node->inputs[0];
    const size_t bytes = (size_t)row_length(x) * kd_dtype_bytes(x->dtype);
    const picks p = {.index = in[1],
                     .from = in[0],
                     .to = out[0],
                     .count = kd_elements(&node->inputs[1]),
                     .rows = x->dim[0],
                     .row_bytes = bytes};
    check_rows(device, node, &p);
    span_for(device, p.count, (int64_t)(PIECE / (bytes + 1)) + 1, gather_span, &p);
}

bool prepare_scatter_add(kd_device *device, const kd_node *node, void **ret_state,
                         size_t *ret_scratch, kd_error *err) {
    *ret_scratch = (size_t)kd_elements(&node->outputs[0]) * sizeof(double);
    return accept_types(node, FLOATS | 1u << KD_I32, err);
}

static void add_row(const picks *p, int64_t i, double *sum) {
    const int64_t first = i * p->length;
    for (int64_t j = 0; j < p->length; j++) {
        sum[j] += p->whole ? (double)((const int32_t *)(const void *)p->from)[first + j]
                           : (double)load(p->from, p->half, first + j);
    }
}

/* Output rows [begin, end): each thread reads all indices, so no two write one row and the order of
 * additions is the indices'. */
static void scatter_span(const void *work, int64_t begin, int64_t end) {
    const picks *p = work;
    memset(p->sum + begin * p->length, 0, (size_t)((end - begin) * p->length) * sizeof(double));
    for (int64_t i = 0; i < p->count; i++) {
        if (p->index[i] >= begin && p->index[i] < end) {
            add_row(p, i, p->sum + p->index[i] * p->length);
        }
    }
    for (int64_t j = begin * p->length; j < end * p->length; j++) {
        if (p->whole) {
            ((int32_t *)(void *)p->to)[j] = (int32_t)p->sum[j];
        } else {
            store(p->to, p->half, j, (float)p->sum[j]);
        }
    }
}

void run_scatter_add(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    const picks p = {.index = in[0],
                     .from = in[1],
                     .to = out[0],
                     .count = kd_elements(&node->inputs[0]),
                     .rows = y->dim[0],
                     .length = row_length(y),
                     .half = y->dtype == KD_BF16,
                     .whole = y->dtype == KD_I32,
                     .sum = scratch};
    check_rows(device, node, &p);
    span_for(device, p.rows, 16384 / (p.length + 1) + 1, scatter_span, &p);
}

/* Of equal indices the last wins: one thread, in order. */
void run_scatter_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
                      void *const *out, void *scratch) {
    const kd_spec *base = &node->inputs[0];
    const size_t bytes = (size_t)row_length(base) * kd_dtype_bytes(base->dtype);
    const picks p = {.index = in[1],
                     .from = in[2],
                     .to = out[0],
                     .count = kd_elements(&node->inputs[1]),
                     .rows = base->dim[0],
                     .row_bytes = bytes};
    check_rows(device, node, &p);
    if (out[0] != in[0]) {
        memcpy(out[0], in[0], kd_bytes(base));
    }
    for (int64_t i = 0; i < p.count; i++) {
        if (p.index[i] >= 0 && p.index[i] < p.rows) {
            memcpy(p.to + (size_t)p.index[i] * bytes, p.from + (size_t)i * bytes, bytes);
        }
    }
}
