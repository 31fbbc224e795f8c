/* SPDX-License-Identifier: Apache-2.0
 * What is done to a view in the making (augment_cut.h) after its cut, op by op. Each op begins and
 * ends with all of the image written and seen by all of the block. */
#ifndef CUDA_AUGMENT_ALTER_H
#define CUDA_AUGMENT_ALTER_H

#include "augment_cut.h"

namespace {

/* Does the op at `position` happen to this view? */
__device__ bool applies(const view &v, int position) {
    return kd_draw_applies(&v.key, position, v.a->arg[position][0]);
}

__device__ void flip(view &v, int position) {
    if (!applies(v, position)) {
        return;
    }
    for (EACH_ROW(row, v.size)) {
        for (EACH_IN_ROW(x, v.size / 2)) {
            float *left = v.image + (row * v.size + x) * v.channels;
            float *right = v.image + (row * v.size + v.size - 1 - x) * v.channels;
            for (int32_t c = 0; c < v.channels; c++) {
                const float kept = left[c];
                left[c] = right[c];
                right[c] = kept;
            }
        }
    }
    __syncthreads();
}

/* The luma of a pixel, which with one channel is the value itself. */
__device__ __forceinline__ float luma(const float *pixel, int32_t channels) {
    return channels == 3 ? kd_luma(pixel[0], pixel[1], pixel[2]) : pixel[0];
}

__device__ float mean_luma(const view &v) {
    const int32_t pixels = v.size * v.size;
    float total = 0;
    for (EACH_OF(i, pixels)) {
        total += luma(v.image + i * v.channels, v.channels);
    }
    return block_fold<sum>(total, v.d->mean) / (float)pixels;
}

__device__ void jitter_once(view &v, int32_t what, float factor) {
    if (v.channels == 1 && (what == KD_JITTER_SATURATION || what == KD_JITTER_HUE)) {
        return;
    }
    const float mean = what == KD_JITTER_CONTRAST ? mean_luma(v) : 0;
    for (EACH_OF(i, v.size * v.size)) {
        float *pixel = v.image + i * v.channels;
        if (what == KD_JITTER_HUE) {
            kd_hue_shift(&pixel[0], &pixel[1], &pixel[2], factor);
            continue;
        }
        const float with = what == KD_JITTER_SATURATION ? luma(pixel, v.channels) : mean;
        for (int32_t c = 0; c < v.channels; c++) {
            pixel[c] = kd_blend(factor, pixel[c], with);
        }
    }
    __syncthreads();
}

/* The first barrier: an earlier one that does not apply ends with reading its draws. */
__device__ void color_jitter(view &v, int position) {
    __syncthreads();
    if (threadIdx.x == 0) {
        v.d->jitter = kd_jitter_draw(&v.key, position, v.a->arg[position]);
    }
    __syncthreads();
    const kd_jitter *j = &v.d->jitter;
    for (int i = 0; j->applies && i < 4; i++) {
        jitter_once(v, j->order[i], j->factor[j->order[i]]);
    }
}

__device__ void grayscale(view &v, int position) {
    if (v.channels == 1 || !applies(v, position)) {
        return;
    }
    for (EACH_OF(i, v.size * v.size)) {
        float *pixel = v.image + i * 3;
        pixel[0] = pixel[1] = pixel[2] = luma(pixel, 3);
    }
    __syncthreads();
}

/* As many as the widest blur of the list has. */
__device__ __forceinline__ float *blur_weights(const view &v) {
    return reinterpret_cast<float *>(v.taps + 2 * v.size);
}

/* kd_blur_weights by all of the block, summed in its order: the same bits. part [2 radius + 1] is
 * shared by it, as weight is. Not inlined: its doubles would take registers of the rest. */
__attribute__((noinline)) __device__ void find_weights(double *part, float *weight, int32_t radius,
                                                       double sigma) {
    const int32_t count = 2 * radius + 1;
    for (EACH_OF(i, count)) {
        const int32_t k = i - radius;
        part[i] = exp(-0.5 * (k / sigma) * (k / sigma));
    }
    __syncthreads();
    double sum = 0;
    for (int32_t i = 0; i < count && (int32_t)threadIdx.x < count; i++) {
        sum += part[i];
    }
    for (EACH_OF(i, count)) {
        weight[i] = (float)(part[i] / sum);
    }
    __syncthreads();
}

/* Along one axis: image -> other; neighbours lie `step` values apart. */
template <int CHANNELS> __device__ void blur_axis(const view &v, int32_t radius, bool along_x) {
    const float *weight = blur_weights(v);
    const int32_t line = v.size * CHANNELS, step = along_x ? CHANNELS : line;
    for (EACH_ROW(row, v.size)) {
        for (EACH_IN_ROW(x, v.size)) {
            const int32_t at = along_x ? x : row, pixel = row * line + x * CHANNELS;
            const float *begin = v.image + pixel - at * step;
            float total[CHANNELS] = {};
            for (int32_t k = -radius; k <= radius; k++) {
                const float *from = begin + kd_reflect(at + k, v.size) * step;
                for (int32_t c = 0; c < CHANNELS; c++) {
                    total[c] += weight[k + radius] * from[c];
                }
            }
            for (int32_t c = 0; c < CHANNELS; c++) {
                v.other[pixel + c] = total[c];
            }
        }
    }
    __syncthreads();
}

template <int CHANNELS> __device__ void blur_axes(view &v, int32_t radius) {
    blur_axis<CHANNELS>(v, radius, true);
    swap_images(v);
    blur_axis<CHANNELS>(v, radius, false);
    swap_images(v);
}

__device__ void blur(view &v, int position) {
    if (!applies(v, position)) {
        return;
    }
    const double *arg = v.a->arg[position];
    const int32_t radius = kd_blur_radius(v.size, arg[1]);
    /* the taps, of no use after the cut, have room for the doubles: 2 radius < 2 size */
    find_weights(reinterpret_cast<double *>(v.taps), blur_weights(v), radius,
                 kd_sigma_draw(&v.key, position, arg));
    if (v.channels == 3) {
        blur_axes<3>(v, radius);
    } else {
        blur_axes<1>(v, radius);
    }
}

__device__ void solarize(view &v, int position) {
    if (!applies(v, position)) {
        return;
    }
    const double *arg = v.a->arg[position];
    for (EACH_OF(i, v.values)) {
        v.image[i] = kd_solarize(v.image[i], (float)arg[1]);
    }
    __syncthreads();
}

/* The pixel (y, x), which may lie outside: then zero, or the border's. */
__device__ float pixel_at(const view &v, int32_t y, int32_t x, int32_t c, bool edge) {
    if (edge) {
        y = y < 0 ? 0 : y < v.size ? y : v.size - 1;
        x = x < 0 ? 0 : x < v.size ? x : v.size - 1;
    }
    const bool inside = y >= 0 && y < v.size && x >= 0 && x < v.size;
    return inside ? v.image[(y * v.size + x) * v.channels + c] : 0;
}

__device__ void rotate(view &v, int position) {
    if (!applies(v, position)) {
        return;
    }
    const double *arg = v.a->arg[position];
    const bool edge = arg[2] > 0;
    const double angle = kd_angle_draw(&v.key, position, arg);
    const float cosine = (float)cos(angle), sine = (float)sin(angle);
    for (EACH_OF(i, v.size * v.size)) {
        float from_y, from_x;
        kd_rotate_from(v.size, cosine, sine, i / v.size, i % v.size, &from_y, &from_x);
        const int32_t y = (int32_t)floorf(from_y), x = (int32_t)floorf(from_x);
        const float down = from_y - (float)y, right = from_x - (float)x;
        for (int32_t c = 0; c < v.channels; c++) {
            const float a = pixel_at(v, y, x, c, edge), b = pixel_at(v, y, x + 1, c, edge);
            const float d = pixel_at(v, y + 1, x, c, edge), e = pixel_at(v, y + 1, x + 1, c, edge);
            v.other[i * v.channels + c] =
                (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * d + right * e);
        }
    }
    __syncthreads();
    swap_images(v);
}

/* A switch, because calls through a table of functions would not be inlined. */
__device__ void alter(view &v, int position) {
    switch (v.a->op[position]) {
    case KD_AUGMENT_FLIP:
        return flip(v, position);
    case KD_AUGMENT_COLOR_JITTER:
        return color_jitter(v, position);
    case KD_AUGMENT_GRAYSCALE:
        return grayscale(v, position);
    case KD_AUGMENT_BLUR:
        return blur(v, position);
    case KD_AUGMENT_SOLARIZE:
        return solarize(v, position);
    case KD_AUGMENT_ROTATE:
        return rotate(v, position);
    default: /* normalisation is part of writing */
        return;
    }
}

} // namespace

#endif
