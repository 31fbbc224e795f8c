/* SPDX-License-Identifier: Apache-2.0
 * What else happens to parameters, segment by segment: moving averages, rows brought to length 1,
 * lengths. kindred/update.h has the definitions. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"
#include "segments.h"

#include <kindred/update.h>

namespace {

__device__ __forceinline__ float mix(float keep, float average, float param) {
    return keep * average + (1 - keep) * param;
}

__global__ void __launch_bounds__(THREADS)
    average_all(segments s, float *average, const float *param, const float *keep) {
    const chunk c = s.chunks[blockIdx.x];
    const float kept = keep[s.segments[c.index].group];
    float *to = average + c.begin;
    const float *from = param + c.other;
    const bool aligned = (c.begin & 3) == 0 && (c.other & 3) == 0;
    const int32_t packs = aligned ? c.count / 4 : 0;
    for (int32_t i = (int32_t)threadIdx.x; i < packs; i += THREADS) {
        pack<float, 4> x = load<4>(to + i * 4);
        const pack<float, 4> y = load<4>(from + i * 4);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            x.at[k] = mix(kept, x.at[k], y.at[k]);
        }
        store(to + i * 4, x);
    }
    for (int32_t i = packs * 4 + (int32_t)threadIdx.x; i < c.count; i += THREADS) {
        to[i] = mix(kept, to[i], from[i]);
    }
}

/* {offset, rows, width, rows before it} */
struct rows_of {
    int64_t offset, rows, width, before;
};

/* A block a row. */
__global__ void __launch_bounds__(THREADS)
    bring_to_one(const rows_of *segments, int32_t count, float *param) {
    __shared__ double room[WARP];
    int32_t low = 0, high = count - 1;
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (segments[middle].before <= blockIdx.x) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    const rows_of s = segments[low];
    float *row = param + s.offset + (blockIdx.x - s.before) * s.width;
    double square = 0;
    for (int64_t i = threadIdx.x; i < s.width; i += THREADS) {
        square += (double)row[i] * (double)row[i];
    }
    const double length = sqrt(block_fold<sum>(square, room));
    const float by = (float)(length > 1e-12 ? length : length <= 1e-12 ? 1e-12 : length);
    for (int64_t i = threadIdx.x; i < s.width; i += THREADS) {
        row[i] = row[i] / by;
    }
}

__global__ void __launch_bounds__(THREADS) square_all(segments s, const float *x, double *squares) {
    __shared__ double room[WARP];
    const chunk c = s.chunks[blockIdx.x];
    double square = 0;
    for (int32_t i = (int32_t)threadIdx.x; i < c.count; i += THREADS) {
        square += (double)x[c.begin + i] * (double)x[c.begin + i];
    }
    square = block_fold<sum>(square, room);
    if (threadIdx.x == 0) {
        squares[blockIdx.x] = square;
    }
}

/* A block a segment. */
__global__ void __launch_bounds__(THREADS)
    conclude(segments s, const double *squares, float *norms) {
    __shared__ double room[WARP];
    const segment own = s.segments[blockIdx.x];
    double square = 0;
    for (int32_t i = (int32_t)threadIdx.x; i < own.chunks; i += THREADS) {
        square += squares[own.first_chunk + i];
    }
    square = block_fold<sum>(square, room);
    if (threadIdx.x == 0) {
        norms[blockIdx.x] = (float)sqrt(square);
    }
}

/* ---- On the host. ---- */

bool prepare_chunks(kd_device *device, const kd_node *node, int ints, int other, int count,
                    void **ret_state, kd_error *err) {
    if (!accept_types(node, 1u << KD_F32, err)) {
        return false;
    }
    segments *s = (segments *)state_create(sizeof *s, err);
    if (!s || !segments_create(device, node, ints, other, count, s, err)) {
        release_state(device, s);
        return false;
    }
    *ret_state = s;
    return true;
}

void release_chunks(kd_device *device, void *state) {
    if (state) {
        segments_destroy(device, (segments *)state);
    }
    release_state(device, state);
}

bool prepare_average(kd_device *device, const kd_node *node, void **ret_state, size_t *,
                     kd_error *err) {
    return prepare_chunks(device, node, KD_AVERAGE_SEGMENT, 1, 2, ret_state, err);
}

void run_average(kd_device *device, const kd_node *, void *state, void *const *in, void *const *out,
                 void *) {
    const segments *s = (const segments *)state;
    if (s->n_chunks) {
        KD_LAUNCH(device, average_all, (unsigned)s->n_chunks, THREADS, 0, *s, (float *)out[0],
                  (const float *)in[1], (const float *)in[2]);
    }
}

bool prepare_norms(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                   kd_error *err) {
    if (!prepare_chunks(device, node, KD_NORMS_SEGMENT, 0, 1, ret_state, err)) {
        return false;
    }
    *ret_scratch = (size_t)((const segments *)*ret_state)->n_chunks * sizeof(double);
    return true;
}

void run_norms(kd_device *device, const kd_node *, void *state, void *const *in, void *const *out,
               void *scratch) {
    const segments *s = (const segments *)state;
    if (s->n_chunks) {
        KD_LAUNCH(device, square_all, (unsigned)s->n_chunks, THREADS, 0, *s, (const float *)in[0],
                  (double *)scratch);
    }
    if (s->n_segments) {
        KD_LAUNCH(device, conclude, (unsigned)s->n_segments, THREADS, 0, *s,
                  (const double *)scratch, (float *)out[0]);
    }
}

/* All rows of a node. */
struct row_list {
    rows_of *segments; /* [count] in device memory */
    int32_t count;
    int64_t rows;
};

bool prepare_rows(kd_device *device, const kd_node *node, void **ret_state, size_t *,
                  kd_error *err) {
    uint32_t listed;
    const int64_t *list = kd_attr_ints(node, "segments", &listed);
    if (!accept_types(node, 1u << KD_F32, err)) {
        return false;
    }
    row_list r = {};
    r.count = (int32_t)listed / KD_ROWS_SEGMENT;
    const size_t bytes = (size_t)r.count * sizeof(rows_of);
    rows_of *table = (rows_of *)state_create(bytes + 1, err);
    row_list *state = (row_list *)state_create(sizeof *state, err);
    for (int32_t i = 0; table && i < r.count; i++, list += KD_ROWS_SEGMENT) {
        table[i] = {list[0], list[1], list[2], r.rows};
        r.rows += list[1];
    }
    const bool made =
        table && state && constant_create(device, table, bytes, (void **)&r.segments, err);
    release_state(device, table);
    if (!made) {
        release_state(device, state);
        return false;
    }
    *state = r;
    *ret_state = state;
    return true;
}

void release_rows(kd_device *device, void *state) {
    if (state) {
        constant_destroy(device, ((row_list *)state)->segments);
    }
    release_state(device, state);
}

void run_rows(kd_device *device, const kd_node *, void *state, void *const *, void *const *out,
              void *) {
    const row_list *r = (const row_list *)state;
    if (r->rows) {
        KD_LAUNCH(device, bring_to_one, (unsigned)r->rows, THREADS, 0, r->segments, r->count,
                  (float *)out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_average[] = {
    {sizeof(kd_kernel), 1, "average", prepare_average, run_average, release_chunks},
    {sizeof(kd_kernel), 1, "unit_rows", prepare_rows, run_rows, release_rows},
    {sizeof(kd_kernel), 0, "segment_norms", prepare_norms, run_norms, release_chunks},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
