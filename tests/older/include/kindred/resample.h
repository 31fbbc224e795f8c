/* SPDX-License-Identifier: Apache-2.0
 * Weights of antialiased resampling along one axis, for C and CUDA alike.
 *
 * Output pixel i of an axis is a weighted mean of the source pixels around its centre; the filter
 * is as wide as an output pixel where the image shrinks, as a source pixel where it grows.
 *
 * source  equals PIL's Image.resize with BILINEAR or BICUBIC (a = -1/2) in mode "F"; torchvision's
 *         resize with antialias=True follows it */
#ifndef KINDRED_RESAMPLE_H
#define KINDRED_RESAMPLE_H

#include <math.h>
#include <stdint.h>

#ifndef KD_SHARED
#ifdef __CUDACC__
#define KD_SHARED static inline __host__ __device__
#else
#define KD_SHARED static inline
#endif
#endif

#define KD_BILINEAR 0
#define KD_BICUBIC 1

/* Where the pixels of one axis of an output come from. */
typedef struct kd_axis {
    double origin, scale; /* output pixel i is centred at origin + (i + 1/2) scale */
    double reach;         /* of the filter, in source pixels */
    float shrink;         /* 1 / how much wider than a source pixel the filter is */
    int32_t filter;       /* KD_BILINEAR or KD_BICUBIC */
    int32_t low, high;    /* only source pixels in [low, high) count */
} kd_axis;

/* The axis of `size` output pixels that covers `extent` source pixels from `origin` on. Centres of
 * all output pixels must lie in [low, high], low < high. */
KD_SHARED kd_axis kd_axis_over(double origin, double extent, int32_t size, int32_t filter,
                               int32_t low, int32_t high) {
    kd_axis a;
    a.origin = origin;
    a.scale = extent / size;
    const double width = a.scale > 1 ? a.scale : 1;
    a.reach = (filter == KD_BICUBIC ? 2 : 1) * width;
    a.shrink = (float)(1 / width);
    a.filter = filter;
    a.low = low;
    a.high = high;
    return a;
}

/* Distances in filter widths: bilinear is 0 from 1 on, bicubic from 2 on. */
KD_SHARED float kd_filter_weight(int32_t filter, float distance) {
    const float x = distance < 0 ? -distance : distance;
    if (filter == KD_BILINEAR) {
        return x < 1 ? 1 - x : 0;
    }
    if (x < 1) {
        return (1.5f * x - 2.5f) * x * x + 1;
    }
    return x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

/* The source pixels [*ret_first, *ret_first + count) that output pixel i is made of; count >= 1. */
KD_SHARED int32_t kd_axis_span(const kd_axis *a, int32_t i, int32_t *ret_first) {
    const double centre = a->origin + (i + 0.5) * a->scale;
    int32_t first = (int32_t)floor(centre - a->reach + 0.5);
    int32_t end = (int32_t)floor(centre + a->reach + 0.5);
    first = first < a->low ? a->low : first;
    end = end > a->high ? a->high : end;
    *ret_first = first;
    return end - first;
}

/* The span of output pixel i, and the weight of each of its pixels; the weights sum to 1.
 *
 * weight  [count]: at most kd_axis_most_taps of the axis */
KD_SHARED int32_t kd_axis_taps(const kd_axis *a, int32_t i, int32_t *ret_first, float *weight) {
    const int32_t count = kd_axis_span(a, i, ret_first);
    const double centre = a->origin + (i + 0.5) * a->scale;
    float sum = 0;
    for (int32_t k = 0; k < count; k++) {
        weight[k] = kd_filter_weight(a->filter, (float)(*ret_first + k + 0.5 - centre) * a->shrink);
        sum += weight[k];
    }
    for (int32_t k = 0; k < count; k++) {
        weight[k] /= sum;
    }
    return count;
}

/* No span of the axis is longer. */
KD_SHARED int32_t kd_axis_most_taps(const kd_axis *a) {
    const int32_t all = a->high - a->low;
    return 2 * a->reach + 2 < all ? (int32_t)(2 * a->reach + 2) : all;
}

#endif
