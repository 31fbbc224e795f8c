/* SPDX-License-Identifier: Apache-2.0
 * What is done to a view once it is cut: loops over its planes that compilers turn into vector
 * code. */
#include "augment.h"

#include <math.h>

/* Partial sums, so that the sum of a plane is vector code. */
#define PARTS 16

static void swap_images(struct view *v) {
    float *image = v->image;
    v->image = v->other;
    v->other = image;
}

static void flip(struct view *v, int position) {
    if (!kd_draw_applies(&v->key, position, v->a->arg[position][0])) {
        return;
    }
    const int32_t size = v->a->size;
    for (int32_t c = 0; c < v->a->channels; c++) {
        const float *from = v->image + (int64_t)c * v->plane;
        float *to = v->other + (int64_t)c * v->plane;
        for (int32_t x = 0; x < size; x++) {
            memcpy(to + x * size, from + (size - 1 - x) * size, (size_t)size * sizeof *to);
        }
    }
    swap_images(v);
}

static float mean_luma(const struct view *v) {
    const int32_t pixels = v->a->size * v->a->size;
    const bool color = v->a->channels == 3;
    const float *red = v->image, *green = red + (color ? v->plane : 0);
    const float *blue = green + (color ? v->plane : 0);
    double sum = 0;
    for (int32_t begin = 0; begin < pixels; begin += 64 * PARTS) {
        const int32_t end = begin + 64 * PARTS < pixels ? begin + 64 * PARTS : pixels;
        float part[PARTS] = {0};
        int32_t i = begin;
        for (; i + PARTS <= end; i += PARTS) {
            for (int32_t k = 0; k < PARTS; k++) {
                part[k] += color ? kd_luma(red[i + k], green[i + k], blue[i + k]) : red[i + k];
            }
        }
        for (; i < end; i++) {
            part[0] += color ? kd_luma(red[i], green[i], blue[i]) : red[i];
        }
        for (int32_t k = 0; k < PARTS; k++) {
            sum += (double)part[k];
        }
    }
    return (float)(sum / pixels);
}

/* Every value blended with one: black for brightness, the mean for contrast. */
static void blend_all(struct view *v, float factor, float with) {
    for (int32_t c = 0; c < v->a->channels; c++) {
        float *x = v->image + (int64_t)c * v->plane;
        for (int32_t i = 0; i < v->plane; i++) {
            x[i] = kd_blend(factor, x[i], with);
        }
    }
}

/* Every pixel blended with its luma; factor 0 is grayscale. */
static void saturate(struct view *v, float factor) {
    float *restrict red = v->image, *restrict green = red + v->plane;
    float *restrict blue = green + v->plane;
    for (int32_t i = 0; i < v->plane; i++) {
        const float with = kd_luma(red[i], green[i], blue[i]);
        red[i] = kd_blend(factor, red[i], with);
        green[i] = kd_blend(factor, green[i], with);
        blue[i] = kd_blend(factor, blue[i], with);
    }
}

static void shift_hue(struct view *v, float turn) {
    float *restrict red = v->image, *restrict green = red + v->plane;
    float *restrict blue = green + v->plane;
    for (int32_t i = 0; i < v->plane; i++) {
        float r = red[i], g = green[i], b = blue[i];
        kd_hue_shift(&r, &g, &b, turn);
        red[i] = r;
        green[i] = g;
        blue[i] = b;
    }
}

static void color_jitter(struct view *v, int position) {
    const kd_jitter j = kd_jitter_draw(&v->key, position, v->a->arg[position]);
    const bool color = v->a->channels == 3;
    for (int i = 0; j.applies && i < 4; i++) {
        const int32_t what = j.order[i];
        if (what == KD_JITTER_BRIGHTNESS) {
            blend_all(v, j.factor[what], 0);
        } else if (what == KD_JITTER_CONTRAST) {
            blend_all(v, j.factor[what], mean_luma(v));
        } else if (what == KD_JITTER_SATURATION && color) {
            saturate(v, j.factor[what]);
        } else if (what == KD_JITTER_HUE && color) {
            shift_hue(v, j.factor[what]);
        }
    }
}

static void grayscale(struct view *v, int position) {
    if (v->a->channels == 1 || !kd_draw_applies(&v->key, position, v->a->arg[position][0])) {
        return;
    }
    saturate(v, 0);
}

/* Along y, which is contiguous: one line of `size` floats at a time. `padded` holds the line with
 * `radius` mirrored values on both sides. */
static void blur_line(const float *from, int32_t size, int32_t radius, const float *weight,
                      float *padded, float *to) {
    memcpy(padded + radius, from, (size_t)size * sizeof *from);
    for (int32_t k = 1; k <= radius; k++) {
        padded[radius - k] = from[k];
        padded[radius + size - 1 + k] = from[size - 1 - k];
    }
    for (int32_t i = 0; i < size; i++) {
        to[i] = weight[0] * padded[i];
    }
    for (int32_t k = 1; k <= 2 * radius; k++) {
        for (int32_t i = 0; i < size; i++) {
            to[i] += weight[k] * padded[i + k];
        }
    }
}

/* Along x: whole lines are added up. */
static void blur_across(const float *from, int32_t size, int32_t radius, const float *weight,
                        float *to) {
    for (int32_t x = 0; x < size; x++) {
        float *line = to + x * size;
        memset(line, 0, (size_t)size * sizeof *line);
        for (int32_t k = -radius; k <= radius; k++) {
            const float *other = from + kd_reflect(x + k, size) * size;
            const float w = weight[k + radius];
            for (int32_t i = 0; i < size; i++) {
                line[i] += w * other[i];
            }
        }
    }
}

static void blur(struct view *v, int position) {
    const double *arg = v->a->arg[position];
    if (!kd_draw_applies(&v->key, position, arg[0])) {
        return;
    }
    float weight[2 * KD_AUGMENT_MOST_RADIUS + 1];
    const int32_t size = v->a->size, radius = kd_blur_radius(size, arg[1]);
    kd_blur_weights(radius, kd_sigma_draw(&v->key, position, arg), weight);
    for (int32_t c = 0; c < v->a->channels; c++) {
        float *image = v->image + (int64_t)c * v->plane, *other = v->other + (int64_t)c * v->plane;
        for (int32_t x = 0; x < size; x++) {
            blur_line(image + x * size, size, radius, weight, v->columns, other + x * size);
        }
        blur_across(other, size, radius, weight, image);
    }
}

static void solarize(struct view *v, int position) {
    const double *arg = v->a->arg[position];
    if (!kd_draw_applies(&v->key, position, arg[0])) {
        return;
    }
    const float threshold = (float)arg[1];
    for (int32_t i = 0; i < v->a->channels * v->plane; i++) {
        v->image[i] = kd_solarize(v->image[i], threshold);
    }
}

/* The two neighbours that a coordinate lies between, and their shares; outside of the view a
 * neighbour is the border's pixel with its share (edge) or none. */
struct between {
    int32_t at[2];
    float share[2];
};

static inline struct between between(float coordinate, int32_t size, bool edge) {
    const float low = floorf(coordinate);
    struct between b = {.share = {1 - (coordinate - low), coordinate - low}};
    for (int i = 0; i < 2; i++) {
        const int32_t at = (int32_t)low + i, inside = at < 0 ? 0 : at < size ? at : size - 1;
        b.at[i] = inside;
        b.share[i] = edge || at == inside ? b.share[i] : 0;
    }
    return b;
}

static void rotate(struct view *v, int position) {
    const double *arg = v->a->arg[position];
    if (!kd_draw_applies(&v->key, position, arg[0])) {
        return;
    }
    const int32_t size = v->a->size;
    const bool edge = arg[2] > 0;
    const double angle = kd_angle_draw(&v->key, position, arg);
    const float cosine = (float)cos(angle), sine = (float)sin(angle);
    for (int32_t i = 0; i < size * size; i++) {
        float from_y, from_x;
        kd_rotate_from(size, cosine, sine, i % size, i / size, &from_y, &from_x);
        const struct between y = between(from_y, size, edge), x = between(from_x, size, edge);
        for (int32_t c = 0; c < v->a->channels; c++) {
            const float *plane = v->image + (int64_t)c * v->plane;
            const float *left = plane + x.at[0] * size, *right = plane + x.at[1] * size;
            v->other[(int64_t)c * v->plane + i] =
                y.share[0] * (x.share[0] * left[y.at[0]] + x.share[1] * right[y.at[0]]) +
                y.share[1] * (x.share[0] * left[y.at[1]] + x.share[1] * right[y.at[1]]);
        }
    }
    swap_images(v);
}

/* By KD_AUGMENT_ code, from KD_AUGMENT_FLIP on. */
static void (*const alter[])(struct view *v, int position) = {flip, color_jitter, grayscale,
                                                              blur, solarize,     rotate};

void alter_view(struct view *v, int position) {
    alter[v->a->op[position] - KD_AUGMENT_FLIP](v, position);
}
