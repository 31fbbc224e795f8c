/* SPDX-License-Identifier: Apache-2.0
 * A view in the making (augment.cu), and the cut that it begins with. The cut is separable: rows of
 * the source are resampled along y into the second image, as many output rows at once as it holds,
 * and from there along x. */
#ifndef CUDA_AUGMENT_CUT_H
#define CUDA_AUGMENT_CUT_H

#include "folds.h"

#include <kindred/augment_math.h>

namespace {

#define VIEW_THREADS 256 /* two blocks of them leave 128 registers each */

/* Where one output pixel of an axis comes from: kd_axis_taps, weight by weight. */
struct tap {
    int32_t first, count;
    float distance, inverse; /* of the first source pixel to the centre; 1 / sum of weights */
};

/* A block's shared variables; aligned as what lies behind them in shared memory, so that nothing is
 * lost between the two. */
struct alignas(16) desk {
    kd_axis axis_y, axis_x;
    kd_jitter jitter;
    float mean[WARP];
};

/* What a block works with. Images are [size, size, channels]. */
struct view {
    const kd_augment *a;
    desk *d;
    kd_view_key key;
    float *image, *other;
    tap *taps; /* [2, size], along y and x; weights of a blur lie behind */
    int32_t size, channels, values;
};

#define EACH_OF(i, count)                                                                          \
    int32_t i = (int32_t)threadIdx.x;                                                              \
    i < (count);                                                                                   \
    i += VIEW_THREADS

/* Rows of pixels, a warp a row: no thread divides to find its pixel. */
#define EACH_ROW(row, count)                                                                       \
    int32_t row = (int32_t)threadIdx.x / WARP;                                                     \
    row < (count);                                                                                 \
    row += VIEW_THREADS / WARP
#define EACH_IN_ROW(x, count)                                                                      \
    int32_t x = (int32_t)threadIdx.x % WARP;                                                       \
    x < (count);                                                                                   \
    x += WARP

__device__ void swap_images(view &v) {
    float *image = v.image;
    v.image = v.other;
    v.other = image;
}

__device__ void find_taps(const kd_axis *axis, int32_t size, tap *taps) {
    for (EACH_OF(i, size)) {
        tap t;
        t.count = kd_axis_span(axis, i, &t.first);
        const double centre = axis->origin + (i + 0.5) * axis->scale;
        t.distance = (float)(t.first + 0.5 - centre);
        float sum = 0;
        for (int32_t k = 0; k < t.count; k++) {
            sum += kd_filter_weight(axis->filter, (t.distance + (float)k) * axis->shrink);
        }
        t.inverse = 1 / sum;
        taps[i] = t;
    }
}

__device__ __forceinline__ float tap_weight(const kd_axis *axis, const tap &t, int32_t k) {
    return kd_filter_weight(axis->filter, (t.distance + (float)k) * axis->shrink) * t.inverse;
}

/* Columns that a lane sums at once, so that it computes a weight once for all of them. */
#define STRIP 4

/* Output rows [y, y + rows) resampled along y: v.other [rows, columns], columns being all values
 * of a source row that count. */
__device__ void cut_along_y(const view &v, const uint8_t *source, int64_t row_bytes, int32_t y,
                            int32_t rows, int32_t columns) {
    const kd_axis *axis = &v.d->axis_y;
    const uint8_t *left = source + (int64_t)v.d->axis_x.low * v.channels;
    for (EACH_ROW(row, rows)) {
        const tap t = v.taps[y + row];
        for (int32_t column = (int32_t)threadIdx.x % WARP; column < columns;
             column += STRIP * WARP) {
            const uint8_t *from = left + t.first * row_bytes + column;
            float sum[STRIP] = {};
            for (int32_t k = 0; k < t.count; k++) {
                const float weight = tap_weight(axis, t, k);
#pragma unroll
                for (int32_t i = 0; i < STRIP; i++) {
                    if (column + i * WARP < columns) {
                        sum[i] += weight * (float)from[i * WARP];
                    }
                }
                from += row_bytes;
            }
#pragma unroll
            for (int32_t i = 0; i < STRIP; i++) {
                if (column + i * WARP < columns) {
                    v.other[row * columns + column + i * WARP] = sum[i] * (1.0f / 255);
                }
            }
        }
    }
}

/* Those rows along x, into the view. */
template <int CHANNELS>
__device__ void cut_along_x(const view &v, int32_t y, int32_t rows, int32_t columns) {
    const kd_axis *axis = &v.d->axis_x;
    for (EACH_ROW(row, rows)) {
        for (EACH_IN_ROW(x, v.size)) {
            const tap t = v.taps[v.size + x];
            const float *from = v.other + row * columns + (t.first - axis->low) * CHANNELS;
            float *to = v.image + ((y + row) * v.size + x) * CHANNELS;
            float sum[CHANNELS] = {};
            for (int32_t k = 0; k < t.count; k++) {
                const float weight = tap_weight(axis, t, k);
                for (int32_t c = 0; c < CHANNELS; c++) {
                    sum[c] += weight * from[k * CHANNELS + c];
                }
            }
            for (int32_t c = 0; c < CHANNELS; c++) {
                to[c] = kd_unit(sum[c]);
            }
        }
    }
}

/* Where a row of the source does not fit into the second image: both axes at once. */
__device__ void cut_directly(const view &v, const uint8_t *source, int64_t row_bytes) {
    for (EACH_OF(i, v.values)) {
        const int32_t c = i % v.channels, pixel = i / v.channels;
        const tap ty = v.taps[pixel / v.size], tx = v.taps[v.size + pixel % v.size];
        float sum = 0;
        for (int32_t row = 0; row < ty.count; row++) {
            const uint8_t *from =
                source + (ty.first + row) * row_bytes + (int64_t)tx.first * v.channels + c;
            float line = 0;
            for (int32_t k = 0; k < tx.count; k++) {
                line += tap_weight(&v.d->axis_x, tx, k) * (float)from[(int64_t)k * v.channels];
            }
            sum += tap_weight(&v.d->axis_y, ty, row) * line;
        }
        v.image[i] = kd_unit(sum * (1.0f / 255));
    }
}

/* source [height, width, channels] -> v.image, in [0, 1] */
__device__ void cut(const view &v, const uint8_t *source, int32_t height, int32_t width) {
    if (threadIdx.x == 0) {
        kd_cut_axes(v.a, &v.key, height, width, &v.d->axis_y, &v.d->axis_x);
    }
    __syncthreads();
    find_taps(&v.d->axis_y, v.size, v.taps);
    find_taps(&v.d->axis_x, v.size, v.taps + v.size);
    __syncthreads();
    const int64_t row_bytes = (int64_t)width * v.channels;
    const int32_t columns = (v.d->axis_x.high - v.d->axis_x.low) * v.channels;
    const int32_t most = v.values / columns;
    if (most == 0) {
        return cut_directly(v, source, row_bytes);
    }
    for (int32_t y = 0; y < v.size; y += most) {
        const int32_t rows = v.size - y < most ? v.size - y : most;
        cut_along_y(v, source, row_bytes, y, rows, columns);
        __syncthreads();
        if (v.channels == 3) {
            cut_along_x<3>(v, y, rows, columns);
        } else {
            cut_along_x<1>(v, y, rows, columns);
        }
        __syncthreads();
    }
}

} // namespace

#endif
