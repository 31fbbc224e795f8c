/* SPDX-License-Identifier: Apache-2.0
 * Separable resampling in 22-bit fixed point: first along rows, then along columns, 8 bits between.
 */
#include "data/resize.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>

#define PRECISION 22

static double bilinear(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double bicubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static const struct {
    double support;
    double (*weight)(double x);
} filters[] = {[FILTER_BILINEAR] = {1, bilinear}, [FILTER_BICUBIC] = {2, bicubic}};

/* Of each output position: which inputs, and how much of each. */
typedef struct taps {
    int room;           /* weights a position */
    int *first, *count; /* [to] */
    int32_t *weight;    /* [to, room] in units of 2^-PRECISION */
} taps;

static void fill_taps(taps *t, int to, int from, double scale, filter kind) {
    const double stretch = scale > 1 ? scale : 1, support = filters[kind].support * stretch;
    double *exact = kd_alloc((size_t)t->room * sizeof *exact);
    for (int i = 0; i < to; i++) {
        const double center = (i + 0.5) * scale;
        const int begin = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        const int first = begin > 0 ? begin : 0, last = end < from ? end : from;
        double total = 0;
        for (int x = first; x < last; x++) {
            exact[x - first] = filters[kind].weight((x - center + 0.5) * (1 / stretch));
            total += exact[x - first];
        }
        t->first[i] = first;
        t->count[i] = last - first;
        for (int x = 0; x < last - first; x++) {
            const double w = exact[x] * (total != 0 ? 1 / total : 1) * (1 << PRECISION);
            t->weight[i * t->room + x] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        }
    }
    free(exact);
}

static taps make_taps(int to, int from, filter kind) {
    const double scale = (double)from / to, stretch = scale > 1 ? scale : 1;
    taps t = {.room = (int)ceil(filters[kind].support * stretch) * 2 + 1};
    t.first = kd_alloc((size_t)to * sizeof *t.first);
    t.count = kd_alloc((size_t)to * sizeof *t.count);
    t.weight = kd_alloc((size_t)to * (size_t)t.room * sizeof *t.weight);
    fill_taps(&t, to, from, scale, kind);
    return t;
}

static void free_taps(taps *t) {
    free(t->first);
    free(t->count);
    free(t->weight);
}

static uint8_t clip(int32_t sum) {
    const int32_t v = sum >> PRECISION;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One pixel from `count` neighbours; c is 1 or 3, known where this is inlined. */
__attribute__((always_inline)) static inline void mix(const uint8_t *p, const int32_t *weight,
                                                      int count, int c, uint8_t *to) {
    int32_t sum[3] = {1 << (PRECISION - 1), 1 << (PRECISION - 1), 1 << (PRECISION - 1)};
    for (int i = 0; i < count; i++) {
        for (int channel = 0; channel < c; channel++) {
            sum[channel] += weight[i] * p[i * c + channel];
        }
    }
    for (int channel = 0; channel < c; channel++) {
        to[channel] = clip(sum[channel]);
    }
}

/* from [height, width, c] -> to [height, to_width, c] */
static void along_rows(const uint8_t *from, int64_t height, int64_t width, int64_t c, const taps *t,
                       int64_t to_width, uint8_t *to) {
    for (int64_t y = 0; y < height; y++) {
        for (int64_t x = 0; x < to_width; x++, to += c) {
            const int32_t *weight = t->weight + x * t->room;
            const uint8_t *p = from + (y * width + t->first[x]) * c;
            if (c == 3) {
                mix(p, weight, t->count[x], 3, to);
            } else {
                mix(p, weight, t->count[x], 1, to);
            }
        }
    }
}

/* from [height, row] -> to [to_height, row] */
static void along_columns(const uint8_t *from, int64_t row, const taps *t, int64_t to_height,
                          uint8_t *to) {
    int32_t *sum = kd_alloc((size_t)row * sizeof *sum);
    for (int64_t y = 0; y < to_height; y++) {
        for (int64_t x = 0; x < row; x++) {
            sum[x] = 1 << (PRECISION - 1);
        }
        for (int i = 0; i < t->count[y]; i++) {
            const int32_t weight = t->weight[y * t->room + i];
            const uint8_t *p = from + (t->first[y] + i) * row;
            for (int64_t x = 0; x < row; x++) {
                sum[x] += weight * p[x];
            }
        }
        for (int64_t x = 0; x < row; x++) {
            to[y * row + x] = clip(sum[x]);
        }
    }
    free(sum);
}

void image_resize(const image *from, int32_t to_height, int32_t to_width, filter kind, image *ret) {
    const int64_t c = from->channels, row = to_width * c;
    const uint8_t *rows = from->pixels;
    uint8_t *narrow = NULL;
    if (to_width != from->width) {
        taps t = make_taps(to_width, from->width, kind);
        rows = narrow = kd_grow(NULL, (size_t)(from->height * row));
        along_rows(from->pixels, from->height, from->width, c, &t, to_width, narrow);
        free_taps(&t);
    }
    uint8_t *pixels = kd_grow(NULL, (size_t)(to_height * row));
    if (to_height != from->height) {
        taps t = make_taps(to_height, from->height, kind);
        along_columns(rows, row, &t, to_height, pixels);
        free_taps(&t);
    } else {
        memcpy(pixels, rows, (size_t)(to_height * row));
    }
    free(narrow);
    *ret = (image){to_height, to_width, from->channels, pixels};
}

void image_fit(int32_t height, int32_t width, int32_t side, int32_t *ret_height,
               int32_t *ret_width) {
    const int32_t shorter = height < width ? height : width;
    if (side <= 0 || shorter <= side) {
        *ret_height = height;
        *ret_width = width;
        return;
    }
    const double longer = height < width ? width : height;
    const int32_t other = (int32_t)(longer * side / shorter + 0.5);
    *ret_height = height < width ? side : other;
    *ret_width = height < width ? other : side;
}
