/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of augmentation (kindred/augment.h): draws, geometry and pixels, for C and CUDA
 * alike. A kernel is loops over these. */
#ifndef KINDRED_AUGMENT_MATH_H
#define KINDRED_AUGMENT_MATH_H

#include <kindred/augment.h>
#include <kindred/philox.h>
#include <kindred/resample.h>

/* What a view is a function of, beside its source and its ops. */
typedef struct kd_view_key {
    uint64_t seed;
    uint32_t epoch, sample, view;
} kd_view_key;

/* Block `draw` of four words for the op at `position` of the list: Philox with the seed as key and
 * (epoch, sample, view << 16 | position, draw) as counter. */
KD_SHARED kd_philox kd_view_draw(const kd_view_key *key, int position, uint32_t draw) {
    return kd_philox_draw(key->seed, key->epoch, key->sample, key->view << 16 | (uint32_t)position,
                          draw);
}

KD_SHARED double kd_draw_between(uint32_t word, double low, double high) {
    return low + (high - low) * (double)kd_uniform(word);
}

/* Evenly in [0, count). */
KD_SHARED int32_t kd_draw_below(uint32_t word, int32_t count) {
    return (int32_t)((uint64_t)word * (uint64_t)count >> 32);
}

/* Whether the op happens; p is its first argument. */
KD_SHARED bool kd_draw_applies(const kd_view_key *key, int position, double p) {
    return (double)kd_uniform(kd_view_draw(key, position, 0).word[0]) < p;
}

typedef struct kd_box {
    int32_t top, left, height, width;
} kd_box;

/* The largest centred box whose aspect ratio is within the bounds. */
KD_SHARED kd_box kd_box_fallback(const double *arg, int32_t height, int32_t width) {
    kd_box box = {0, 0, height, width};
    const double ratio = (double)width / height;
    if (ratio < arg[2]) {
        box.height = (int32_t)rint(width / arg[2]);
    } else if (ratio > arg[3]) {
        box.width = (int32_t)rint(height * arg[3]);
    }
    box.height = box.height < 1 ? 1 : box.height;
    box.width = box.width < 1 ? 1 : box.width;
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

/* The box that RANDOM_RESIZED_CROP cuts: area and logarithm of the aspect ratio (width / height)
 * even in their bounds, ten tries to fit into the image. In double, so that devices whose exp and
 * sqrt differ in the last bit still round to the same pixels. */
KD_SHARED kd_box kd_box_draw(const kd_view_key *key, int position, const double *arg,
                             int32_t height, int32_t width) {
    const double low = log(arg[2]), high = log(arg[3]);
    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        const kd_philox r = kd_view_draw(key, position, attempt);
        const double area = (double)height * width * kd_draw_between(r.word[0], arg[0], arg[1]);
        const double ratio = exp(kd_draw_between(r.word[1], low, high));
        const double h = rint(sqrt(area / ratio)), w = rint(sqrt(area * ratio));
        if (h >= 1 && h <= height && w >= 1 && w <= width) {
            kd_box box;
            box.height = (int32_t)h;
            box.width = (int32_t)w;
            box.top = kd_draw_below(r.word[2], height - box.height + 1);
            box.left = kd_draw_below(r.word[3], width - box.width + 1);
            return box;
        }
    }
    return kd_box_fallback(arg, height, width);
}

#define KD_JITTER_BRIGHTNESS 0
#define KD_JITTER_CONTRAST 1
#define KD_JITTER_SATURATION 2
#define KD_JITTER_HUE 3
typedef struct kd_jitter {
    bool applies;
    int32_t order[4]; /* KD_JITTER_, first to last: each of the 24 orders is as likely */
    float factor[4];  /* by KD_JITTER_: multipliers; for the hue, turns of the circle */
} kd_jitter;

KD_SHARED kd_jitter kd_jitter_draw(const kd_view_key *key, int position, const double *arg) {
    const kd_philox r = kd_view_draw(key, position, 0), f = kd_view_draw(key, position, 1);
    kd_jitter j;
    j.applies = (double)kd_uniform(r.word[0]) < arg[0];
    int32_t rest[4] = {0, 1, 2, 3}, code = kd_draw_below(r.word[1], 24);
    for (int i = 0; i < 4; i++) {
        const int32_t pick = code % (4 - i);
        code /= 4 - i;
        j.order[i] = rest[pick];
        rest[pick] = rest[3 - i];
    }
    for (int i = 0; i < 4; i++) {
        const double strength = arg[1 + i], middle = i == KD_JITTER_HUE ? 0 : 1;
        const double low = middle - strength;
        j.factor[i] =
            (float)kd_draw_between(f.word[i], middle > 0 && low < 0 ? 0 : low, middle + strength);
    }
    return j;
}

KD_SHARED double kd_sigma_draw(const kd_view_key *key, int position, const double *arg) {
    return kd_draw_between(kd_view_draw(key, position, 0).word[1], arg[2], arg[3]);
}

/* Radians, counter-clockwise as the image is seen. */
KD_SHARED double kd_angle_draw(const kd_view_key *key, int position, const double *arg) {
    const uint32_t word = kd_view_draw(key, position, 0).word[1];
    return kd_draw_between(word, -arg[1], arg[1]) * (3.14159265358979323846 / 180);
}

/* Whether the image of a row {offset, height, width, sample} lies in `bytes` of pixels. */
KD_SHARED bool kd_row_fits(const int64_t *row, int64_t channels, int64_t bytes) {
    return row[1] >= 1 && row[1] <= KD_AUGMENT_MAX_SIDE && row[2] >= 1 &&
           row[2] <= KD_AUGMENT_MAX_SIDE && row[0] >= 0 && row[0] <= bytes &&
           row[1] * row[2] * channels <= bytes - row[0];
}

/* The axes of the cut that the list begins with, over an image of height x width. */
KD_SHARED void kd_cut_axes(const kd_augment *a, const kd_view_key *key, int32_t height,
                           int32_t width, kd_axis *ret_y, kd_axis *ret_x) {
    const double *arg = a->arg[0];
    const int32_t size = a->size;
    if (a->op[0] == KD_AUGMENT_RANDOM_RESIZED_CROP) {
        const kd_box b = kd_box_draw(key, 0, arg, height, width);
        const int32_t filter = (int32_t)arg[4];
        *ret_y = kd_axis_over(b.top, b.height, size, filter, b.top, b.top + b.height);
        *ret_x = kd_axis_over(b.left, b.width, size, filter, b.left, b.left + b.width);
    } else if (a->op[0] == KD_AUGMENT_RESIZE) {
        *ret_y = kd_axis_over(0, height, size, (int32_t)arg[0], 0, height);
        *ret_x = kd_axis_over(0, width, size, (int32_t)arg[0], 0, width);
    } else { /* pixels around the cut take part, as if the whole image had been resized first */
        const int32_t filter = (int32_t)arg[1], side = height < width ? height : width;
        const double to = rint(arg[0] * size);
        const double h = floor(to * height / side), w = floor(to * width / side);
        *ret_y = kd_axis_over(rint((h - size) / 2) * height / h, size * height / h, size, filter, 0,
                              height);
        *ret_x = kd_axis_over(rint((w - size) / 2) * width / w, size * width / w, size, filter, 0,
                              width);
    }
}

/* An index outside of [0, n) mirrored at the middle of the border pixel: -1 is 1. Within n - 1 of
 * the border. */
KD_SHARED int32_t kd_reflect(int32_t i, int32_t n) {
    i = i < 0 ? -i : i;
    return i < n ? i : 2 * (n - 1) - i;
}

/* At most KD_AUGMENT_MOST_RADIUS: the radius of BLUR for a view, SimCLR's (whose kernel is a tenth
 * of the size) unless given; cut to what can be mirrored. */
#define KD_AUGMENT_MOST_RADIUS (KD_AUGMENT_MAX_SIZE / 20)
KD_SHARED int32_t kd_blur_radius(int32_t size, double given) {
    const int32_t own = size / 20 > 1 ? size / 20 : 1;
    const int32_t radius = given >= 1 ? (int32_t)given : own;
    return radius < size - 1 ? radius : size - 1;
}

/* weight [2 radius + 1]: a Gaussian sampled at whole pixels, summing to 1. */
KD_SHARED void kd_blur_weights(int32_t radius, double sigma, float *weight) {
    double sum = 0;
    for (int32_t k = -radius; k <= radius; k++) {
        sum += exp(-0.5 * (k / sigma) * (k / sigma));
    }
    for (int32_t k = -radius; k <= radius; k++) {
        weight[k + radius] = (float)(exp(-0.5 * (k / sigma) * (k / sigma)) / sum);
    }
}

/* Where ROTATE reads pixel (y, x) of a view, as pixel coordinates. */
KD_SHARED void kd_rotate_from(int32_t size, float cosine, float sine, int32_t y, int32_t x,
                              float *ret_y, float *ret_x) {
    const float middle = 0.5f * (float)(size - 1);
    const float dy = (float)y - middle, dx = (float)x - middle;
    *ret_y = middle + sine * dx + cosine * dy;
    *ret_x = middle + cosine * dx - sine * dy;
}

/* Pixels are in [0, 1]. */
KD_SHARED float kd_unit(float x) {
    x = x < 0 ? 0 : x;
    return x > 1 ? 1 : x;
}

KD_SHARED float kd_luma(float red, float green, float blue) {
    return 0.2989f * red + 0.587f * green + 0.114f * blue;
}

/* Brightness blends with black (0), contrast with the mean luma of the view, saturation with the
 * luma of the pixel. */
KD_SHARED float kd_blend(float factor, float x, float with) {
    return kd_unit(factor * x + (1 - factor) * with);
}

KD_SHARED float kd_solarize(float x, float threshold) {
    return x >= threshold ? 1 - x : x;
}

/* One channel of a colour of maximum `top` and maximum minus minimum `range`; `hue` in [0, 6), in
 * sixths of the circle; offset 5 for red, 3 for green, 1 for blue. */
KD_SHARED float kd_hue_channel(float offset, float hue, float top, float range) {
    float k = offset + hue;
    k = k >= 6 ? k - 6 : k;
    k = k < 4 - k ? k : 4 - k;
    return top - range * kd_unit(k);
}

/* Turns the hue by `turn` of the circle, in [-1/2, 1/2]. Without branches, so that loops over it
 * become vector code. */
KD_SHARED void kd_hue_shift(float *red, float *green, float *blue, float turn) {
    const float r = *red, g = *green, b = *blue;
    const float rg = r > g ? r : g, low_rg = r > g ? g : r;
    const float top = rg > b ? rg : b, low = low_rg < b ? low_rg : b;
    const float range = top - low, by = range > 0 ? range : 1;
    const float from_red = g - b, from_green = 2 * range + (b - r), from_blue = 4 * range + (r - g);
    float hue = top == r ? from_red : top == g ? from_green : from_blue;
    hue = hue / by + 6 * turn;
    hue = hue < 0 ? hue + 6 : hue;
    hue = hue >= 6 ? hue - 6 : hue;
    *red = kd_hue_channel(5, hue, top, range);
    *green = kd_hue_channel(3, hue, top, range);
    *blue = kd_hue_channel(1, hue, top, range);
}

#endif
