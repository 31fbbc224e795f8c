/* SPDX-License-Identifier: Apache-2.0
 * What else happens to parameters: moving averages, rows brought to length 1, lengths. Threads
 * share pieces of a segment, or whole segments where a sum goes over all of one. */
#include <kindred/update.h>

#include "kernels.h"

#include <math.h>

#define PIECE 16384 /* elements: the least that a thread is given */

bool prepare_segments(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                      kd_error *err) {
    return accept_types(node, 1u << KD_F32, err);
}

typedef struct average {
    float *average;
    const float *param;
    float keep;
} average;

static void average_span(const void *work, int64_t begin, int64_t end) {
    const average *a = work;
    const float keep = a->keep;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        a->average[i] = keep * a->average[i] + (1 - keep) * a->param[i];
    }
}

void run_average(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *scratch) {
    uint32_t count;
    const int64_t *s = kd_attr_ints(node, "segments", &count);
    for (const int64_t *end = s + count; s < end; s += KD_AVERAGE_SEGMENT) {
        const average a = {(float *)out[0] + s[0], (const float *)in[1] + s[1],
                           ((const float *)in[2])[s[3]]};
        span_for(device, s[2], PIECE, average_span, &a);
    }
}

/* Rows of one segment, or segments of a list. */
typedef struct lengths {
    float *x;
    const float *from;
    const int64_t *segments;
    int64_t width;
} lengths;

static double length_of(const float *x, int64_t count) {
    double square = 0;
#pragma omp simd reduction(+ : square)
    for (int64_t i = 0; i < count; i++) {
        square += (double)x[i] * (double)x[i];
    }
    return sqrt(square);
}

static void unit_rows_span(const void *work, int64_t begin, int64_t end) {
    const lengths *l = work;
    for (int64_t row = begin; row < end; row++) {
        float *x = l->x + row * l->width;
        const double length = length_of(x, l->width);
        const float scale = (float)(1 / (length > 1e-12 ? length : 1e-12));
#pragma omp simd
        for (int64_t i = 0; i < l->width; i++) {
            x[i] *= scale;
        }
    }
}

void run_unit_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    uint32_t count;
    const int64_t *s = kd_attr_ints(node, "segments", &count);
    for (const int64_t *end = s + count; s < end; s += KD_ROWS_SEGMENT) {
        const lengths l = {.x = (float *)out[0] + s[0], .width = s[2]};
        span_for(device, s[1], PIECE / (s[2] + 1) + 1, unit_rows_span, &l);
    }
}

static void norms_span(const void *work, int64_t begin, int64_t end) {
    const lengths *l = work;
    for (int64_t i = begin; i < end; i++) {
        const int64_t *s = l->segments + i * KD_NORMS_SEGMENT;
        l->x[i] = (float)length_of(l->from + s[0], s[1]);
    }
}

void run_segment_norms(kd_device *device, const kd_node *node, void *state, void *const *in,
                       void *const *out, void *scratch) {
    uint32_t count;
    const lengths l = {
        .x = out[0], .from = in[0], .segments = kd_attr_ints(node, "segments", &count)};
    span_for(device, count / KD_NORMS_SEGMENT, 4, norms_span, &l);
}
