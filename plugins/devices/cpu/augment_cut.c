/* SPDX-License-Identifier: Apache-2.0
 * Cutting a view out of its source: antialiased resampling, along y and then along x.
 *
 * Both passes are loops over contiguous floats. Along y these are a source row's columns; the
 * results of CUT_LANES output rows are stored side by side, so that along x they are the output
 * rows, with one weight for all of them. */
#include "augment.h"

/* So that each pass is compiled for a known number of lanes. */
#define INLINE static inline __attribute__((always_inline))

/* Columns that are summed in registers. */
#define STRIP 32

/* What both passes know of the source. */
struct source {
    const uint8_t *pixels; /* of the first row and column that count */
    int64_t row;           /* bytes from one row to the next */
    int32_t columns;       /* of channels: width that counts, times channels */
    int32_t channels;
};

/* One output row, before it is resampled along x -> to[0], to[lanes], to[2 lanes], ... */
INLINE void sum_rows(const struct source *s, const uint8_t *top, const float *weight, int32_t count,
                     int32_t lanes, float *to) {
    int32_t begin = 0;
    for (; begin + STRIP <= s->columns; begin += STRIP) {
        float sum[STRIP] = {0};
        for (int32_t k = 0; k < count; k++) {
            const uint8_t *from = top + k * s->row + begin;
            for (int32_t j = 0; j < STRIP; j++) {
                sum[j] += weight[k] * (float)from[j];
            }
        }
        for (int32_t j = 0; j < STRIP; j++) {
            to[(int64_t)(begin + j) * lanes] = sum[j];
        }
    }
    for (; begin < s->columns; begin++) {
        float sum = 0;
        for (int32_t k = 0; k < count; k++) {
            sum += weight[k] * (float)top[k * s->row + begin];
        }
        to[(int64_t)begin * lanes] = sum;
    }
}

/* Output rows [y, y + lanes), of which those below `size` are wanted, resampled along y. */
INLINE void fill_columns(const struct view *v, const struct source *s, const kd_axis *axis,
                         int32_t y, int32_t lanes) {
    for (int32_t lane = 0; lane < lanes; lane++) {
        int32_t top;
        const int32_t last = v->a->size - 1, row = y + lane < last ? y + lane : last;
        const int32_t count = kd_axis_taps(axis, row, &top, v->tap_y);
        for (int32_t k = 0; k < count; k++) {
            v->tap_y[k] *= 1.0f / 255;
        }
        sum_rows(s, s->pixels + (top - axis->low) * s->row, v->tap_y, count, lanes,
                 v->columns + lane);
    }
}

/* One value of `lanes` output rows; `step` floats from one source column to the next. */
INLINE void sum_columns(const float *from, int64_t step, const float *weight, int32_t count,
                        int32_t lanes, float *to) {
    float sum[CUT_LANES] = {0};
    for (int32_t k = 0; k < count; k++) {
        for (int32_t lane = 0; lane < lanes; lane++) {
            sum[lane] += weight[k] * from[k * step + lane];
        }
    }
    for (int32_t lane = 0; lane < lanes; lane++) {
        to[lane] = kd_unit(sum[lane]);
    }
}

INLINE void cut_rows(const struct view *v, const struct source *s, const kd_axis *axis,
                     int32_t lanes) {
    const int32_t size = v->a->size;
    for (int32_t y = 0; y < size; y += lanes) {
        const int32_t rows = size - y < lanes ? size - y : lanes;
        fill_columns(v, s, axis, y, lanes);
        const float *weight = v->tap_x;
        for (int32_t x = 0; x < size; x++) {
            const int32_t count = v->end_x[x] - v->first_x[x];
            for (int32_t c = 0; c < s->channels; c++) {
                float sum[CUT_LANES];
                const int64_t column = (int64_t)v->first_x[x] * s->channels + c;
                sum_columns(v->columns + column * lanes, (int64_t)s->channels * lanes, weight,
                            count, lanes, sum);
                memcpy(v->image + (int64_t)c * v->plane + x * size + y, sum,
                       (size_t)rows * sizeof *sum);
            }
            weight += count;
        }
    }
}

void cut_view(struct view *v, const uint8_t *source, int32_t height, int32_t width) {
    const int32_t channels = v->a->channels;
    kd_axis axis_y, axis_x;
    kd_cut_axes(v->a, &v->key, height, width, &axis_y, &axis_x);
    float *weight = v->tap_x;
    for (int32_t x = 0; x < v->a->size; x++) {
        int32_t first;
        const int32_t count = kd_axis_taps(&axis_x, x, &first, weight);
        v->first_x[x] = first - axis_x.low;
        v->end_x[x] = v->first_x[x] + count;
        weight += count;
    }
    const struct source s = {
        .pixels = source + ((int64_t)axis_y.low * width + axis_x.low) * channels,
        .row = (int64_t)width * channels,
        .columns = (axis_x.high - axis_x.low) * channels,
        .channels = channels,
    };
    if (s.columns * CUT_LANES <= CUT_COLUMNS) {
        cut_rows(v, &s, &axis_y, CUT_LANES);
    } else {
        cut_rows(v, &s, &axis_y, 1);
    }
}
