/* SPDX-License-Identifier: Apache-2.0
 * Convolutions as matrix products: gathering and spreading operands; see patches.h. */
#include "patches.h"

#include "numbers.h"

#define GRAIN 16384 /* elements: the least that a thread is given */
#define LANES 256   /* channels that are added up side by side */

typedef struct packing {
    const geometry *g;
    size_t unit; /* bytes of the c channels of a pixel */
    const char *from;
    char *to;
} packing;

/* From where they may begin to where they end, of `kernel` taps at `start`, those within [0, size).
 */
static void valid_taps(int64_t start, int64_t kernel, int64_t size, int64_t *first, int64_t *end) {
    *first = start < 0 ? -start : 0;
    *end = start + kernel > size ? size - start : kernel;
    *first = *first < kernel ? *first : kernel;
    *end = *end > *first ? *end : *first;
}

/* Patches [begin, end). */
static void gather_span(const void *work, int64_t begin, int64_t end) {
    const packing *k = work;
    const geometry *g = k->g;
    const size_t row_bytes = (size_t)g->kw * k->unit;
    char *to = k->to + (size_t)(begin * g->kh) * row_bytes;
    for (int64_t patch = begin; patch < end; patch++) {
        const int64_t n = patch / (g->oh * g->ow);
        const int64_t iy = patch / g->ow % g->oh * g->stride - g->padding;
        const int64_t ix = patch % g->ow * g->stride - g->padding;
        int64_t first, stop;
        valid_taps(ix, g->kw, g->w, &first, &stop);
        for (int64_t y = iy; y < iy + g->kh; y++, to += row_bytes) {
            if (y < 0 || y >= g->h || first == stop) {
                memset(to, 0, row_bytes);
                continue;
            }
            const char *from = k->from + (size_t)((n * g->h + y) * g->w + ix + first) * k->unit;
            memset(to, 0, (size_t)first * k->unit);
            memcpy(to + (size_t)first * k->unit, from, (size_t)(stop - first) * k->unit);
            memset(to + (size_t)stop * k->unit, 0, (size_t)(g->kw - stop) * k->unit);
        }
    }
}

void gather_patches(const kd_device *device, const void *work, const void *from, void *to) {
    const geometry *g = work;
    const packing k = {g, (size_t)g->c * kd_dtype_bytes(g->type), from, to};
    span_for(device, g->n * g->oh * g->ow, GRAIN / (g->kh * g->kw * g->c + 1) + 1, gather_span, &k);
}

/* sum[0, count) over all patches that cover pixel (y, x) of image n, of channels from `channel`. */
static void sum_pixel(const packing *k, int64_t n, int64_t y, int64_t x, int64_t channel,
                      int64_t count, float *sum) {
    const geometry *g = k->g;
    for (int64_t i = 0; i < count; i++) {
        sum[i] = 0;
    }
    for (int64_t ky = 0; ky < g->kh; ky++) {
        const int64_t reach_y = y + g->padding - ky, oy = reach_y / g->stride;
        if (reach_y < 0 || reach_y % g->stride || oy >= g->oh) {
            continue;
        }
        for (int64_t kx = 0; kx < g->kw; kx++) {
            const int64_t reach_x = x + g->padding - kx, ox = reach_x / g->stride;
            if (reach_x < 0 || reach_x % g->stride || ox >= g->ow) {
                continue;
            }
            const int64_t patch = (n * g->oh + oy) * g->ow + ox;
            const float *from = (const float *)(const void *)k->from +
                                ((patch * g->kh + ky) * g->kw + kx) * g->c + channel;
            for (int64_t i = 0; i < count; i++) {
                sum[i] += from[i];
            }
        }
    }
}

/* Pixels [begin, end) of dx. */
static void add_span(const void *work, int64_t begin, int64_t end) {
    const packing *k = work;
    const geometry *g = k->g;
    float sum[LANES];
    for (int64_t pixel = begin; pixel < end; pixel++) {
        for (int64_t channel = 0; channel < g->c; channel += LANES) {
            const int64_t count = g->c - channel < LANES ? g->c - channel : LANES;
            sum_pixel(k, pixel / (g->h * g->w), pixel / g->w % g->h, pixel % g->w, channel, count,
                      sum);
            for (int64_t i = 0; i < count; i++) {
                store(k->to, g->type == KD_BF16, pixel * g->c + channel + i, sum[i]);
            }
        }
    }
}

void add_patches(const kd_device *device, const void *work, const void *from, void *to) {
    const geometry *g = work;
    const packing k = {g, 0, from, to};
    span_for(device, g->n * g->h * g->w, GRAIN / (g->c + 1) + 1, add_span, &k);
}

/* Rows [begin, end) of the spread weight: output pixel and channel. */
static void spread_span(const void *work, int64_t begin, int64_t end) {
    const packing *k = work;
    const geometry *g = k->g;
    for (int64_t row = begin; row < end; row++) {
        const int64_t o = row % g->o, out = row / g->o;
        const int64_t top = out / g->ow * g->stride - g->padding;
        const int64_t left = out % g->ow * g->stride - g->padding;
        char *to = k->to + (size_t)(row * g->h * g->w) * k->unit;
        for (int64_t pixel = 0; pixel < g->h * g->w; pixel++, to += k->unit) {
            const int64_t ky = pixel / g->w - top, kx = pixel % g->w - left;
            if (ky < 0 || ky >= g->kh || kx < 0 || kx >= g->kw) {
                memset(to, 0, k->unit);
            } else {
                memcpy(to, k->from + (size_t)((o * g->kh + ky) * g->kw + kx) * k->unit, k->unit);
            }
        }
    }
}

void spread_weight(const kd_device *device, const void *work, const void *from, void *to) {
    const geometry *g = work;
    const packing k = {g, (size_t)g->c * kd_dtype_bytes(g->type), from, to};
    span_for(device, g->oh * g->ow * g->o, GRAIN / (g->h * g->w * g->c + 1) + 1, spread_span, &k);
}

/* Adds to dw [c] what all output pixels have for tap (ky, kx) of output channel o. */
static void fold_tap(const packing *k, int64_t o, int64_t ky, int64_t kx, float *dw) {
    const geometry *g = k->g;
    for (int64_t i = 0; i < g->c; i++) {
        dw[i] = 0;
    }
    for (int64_t out = 0; out < g->oh * g->ow; out++) {
        const int64_t y = out / g->ow * g->stride - g->padding + ky;
        const int64_t x = out % g->ow * g->stride - g->padding + kx;
        if (y < 0 || y >= g->h || x < 0 || x >= g->w) {
            continue;
        }
        const int64_t row = (out * g->o + o) * g->h * g->w;
        const float *from = (const float *)(const void *)k->from + (row + y * g->w + x) * g->c;
        for (int64_t i = 0; i < g->c; i++) {
            dw[i] += from[i];
        }
    }
}

/* Output channels [begin, end). */
static void fold_span(const void *work, int64_t begin, int64_t end) {
    const packing *k = work;
    const geometry *g = k->g;
    float *dw = (float *)(void *)k->to + begin * g->kh * g->kw * g->c;
    for (int64_t o = begin; o < end; o++) {
        for (int64_t tap = 0; tap < g->kh * g->kw; tap++, dw += g->c) {
            fold_tap(k, o, tap / g->kw, tap % g->kw, dw);
        }
    }
}

void fold_weight(const kd_device *device, const void *work, const void *from, void *to) {
    const geometry *g = work;
    const packing k = {g, 0, from, to};
    span_for(device, g->o, GRAIN / (g->kh * g->kw * g->c + 1) + 1, fold_span, &k);
}
