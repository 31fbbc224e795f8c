/* SPDX-License-Identifier: Apache-2.0
 * Resizing: against Pillow, and against a slow resampler by the definition. */
#include "data/resize.h"

#include "data_kit.h"

#include <math.h>
#include <stdlib.h>

typedef struct golden {
    int height, width, to_height, to_width, channels;
    filter kind;
    uint8_t first[8];
    uint64_t hash;
} golden;
static const golden pillow[] = {
#include "golden/resize.h"
};

/* As make_resize.py has it. */
static image formula(kit *k, int height, int width, int channels) {
    image p = {height, width, channels,
               arena_alloc(&k->memory, (size_t)(height * width * channels))};
    uint8_t *to = p.pixels;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < channels; c++) {
                *to++ = (uint8_t)(x * 7 + y * 13 + c * 29 + x * y % 11 * 23);
            }
        }
    }
    return p;
}

TEST(resize, equals_pillow) {
    kit k;
    kit_init(&k);
    for (size_t i = 0; i < sizeof pillow / sizeof pillow[0]; i++) {
        const golden *g = &pillow[i];
        const image from = formula(&k, g->height, g->width, g->channels);
        image out;
        image_resize(&from, g->to_height, g->to_width, g->kind, &out);
        for (int j = 0; j < 8; j++) {
            cr_assert_eq(out.pixels[j], g->first[j], "case %zu, byte %d", i, j);
        }
        uint64_t hash = 14695981039346656037u;
        for (int j = 0; j < g->to_height * g->to_width * g->channels; j++) {
            hash = (hash ^ out.pixels[j]) * 1099511628211u;
        }
        cr_assert_eq(hash, g->hash, "case %zu", i);
        free(out.pixels);
    }
    kit_finish(&k);
}

/* One output from all inputs at once, in doubles, straight from the definition: the filter
 * stretched by the scale, centred on the output's place, its weights made to sum to 1. */
static double slow_weight(filter kind, double x) {
    x = fabs(x);
    if (kind == FILTER_BILINEAR) {
        return x < 1 ? 1 - x : 0;
    }
    return x < 1   ? 1.5 * x * x * x - 2.5 * x * x + 1
           : x < 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2
                   : 0;
}

static double slow_pixel(const image *from, int y, int x, int c, int to_height, int to_width,
                         filter kind) {
    const double sy = (double)from->height / to_height, sx = (double)from->width / to_width;
    double sum = 0, total = 0;
    for (int v = 0; v < from->height; v++) {
        for (int u = 0; u < from->width; u++) {
            const double w = slow_weight(kind, (v + 0.5 - (y + 0.5) * sy) / fmax(sy, 1)) *
                             slow_weight(kind, (u + 0.5 - (x + 0.5) * sx) / fmax(sx, 1));
            sum += w * from->pixels[(v * from->width + u) * from->channels + c];
            total += w;
        }
    }
    return sum / total;
}

TEST(resize, follows_the_definition) {
    static const int sizes[][4] = {{31, 47, 12, 18}, {20, 20, 7, 20}, {9, 14, 9, 5}, {6, 5, 11, 9}};
    kit k;
    kit_init(&k);
    for (size_t i = 0; i < 8; i++) {
        const int *s = sizes[i / 2];
        const filter kind = i % 2 ? FILTER_BICUBIC : FILTER_BILINEAR;
        const image from = kit_picture(&k, s[0], s[1], 3, (int)i);
        image out;
        image_resize(&from, s[2], s[3], kind, &out);
        for (int j = 0; j < s[2] * s[3] * 3; j++) {
            const double want =
                slow_pixel(&from, j / 3 / s[3], j / 3 % s[3], j % 3, s[2], s[3], kind);
            cr_assert_lt(fabs(out.pixels[j] - want), 1.3, "case %zu, byte %d: %d, not %g", i, j,
                         out.pixels[j], want);
        }
        free(out.pixels);
    }
    kit_finish(&k);
}

TEST(resize, fits_the_short_side) {
    static const int cases[][5] = {{375, 500, 96, 96, 128}, {500, 375, 96, 128, 96},
                                   {64, 64, 96, 64, 64},    {64, 640, 64, 64, 640},
                                   {100, 200, 0, 100, 200}, {1000, 3, 2, 667, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t height, width;
        image_fit(cases[i][0], cases[i][1], cases[i][2], &height, &width);
        cr_assert(height == cases[i][3] && width == cases[i][4], "case %zu: %d x %d", i, height,
                  width);
    }
}
