/* SPDX-License-Identifier: Apache-2.0
 * Views out of stored images, one op of the list after the other, each a loop over the pixels.
 *
 * A view in the making is [size, size, channels] floats. Ops that read other pixels than the one
 * they write (blur, rotate) go through a second image. */
#include "augment.h"
#include "element.h"

#include <kindred/augment_math.h>

#include <stdlib.h>

/* The view in the making, and what the functions below need beside it. */
struct view {
    const kd_augment *a;
    kd_view_key key;
    float *image, *other; /* [size, size, channels] */
    float *tap_y, *tap_x; /* [KD_AUGMENT_MAX_SIDE] weights of the cut */
};

static int64_t image_values(const kd_augment *a) {
    return (int64_t)a->size * a->size * a->channels;
}

static bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    (void)device;
    kd_augment a;
    const uint32_t types = 1u << KD_F32 | 1u << KD_F64 | 1u << KD_BF16;
    if (!(types >> node->outputs[0].dtype & 1u)) {
        return kd_fail(err, KD_E_UNSUPPORTED, "%s: augment gives f32, f64 or bf16", node->path);
    }
    if (!kd_augment_decode(node, &a, err)) {
        return false;
    }
    kd_augment *state = malloc(sizeof *state);
    if (!state) {
        return kd_fail(err, KD_E_MEMORY, "%s: no memory for augment", node->path);
    }
    *state = a;
    *ret_state = state;
    *ret_scratch = (size_t)(2 * image_values(&a) + 2 * KD_AUGMENT_MAX_SIDE) * sizeof(float);
    return true;
}

static void release(kd_device *device, void *state) {
    (void)device;
    free(state);
}

/* source [height, width, channels] -> v->image */
static void cut(struct view *v, const uint8_t *source, int32_t height, int32_t width) {
    const int32_t size = v->a->size, channels = v->a->channels;
    kd_axis axis_y, axis_x;
    kd_cut_axes(v->a, &v->key, height, width, &axis_y, &axis_x);
    for (int32_t y = 0; y < size; y++) {
        int32_t top;
        const int32_t rows = kd_axis_taps(&axis_y, y, &top, v->tap_y);
        for (int32_t x = 0; x < size; x++) {
            int32_t left;
            const int32_t columns = kd_axis_taps(&axis_x, x, &left, v->tap_x);
            for (int32_t c = 0; c < channels; c++) {
                double sum = 0;
                for (int32_t i = 0; i < rows; i++) {
                    for (int32_t j = 0; j < columns; j++) {
                        const int64_t at = ((int64_t)(top + i) * width + left + j) * channels + c;
                        sum += (double)v->tap_y[i] * (double)v->tap_x[j] * source[at];
                    }
                }
                v->image[((int64_t)y * size + x) * channels + c] = kd_unit((float)(sum / 255));
            }
        }
    }
}

static void swap_images(struct view *v) {
    float *image = v->image;
    v->image = v->other;
    v->other = image;
}

static void flip(struct view *v, int position) {
    if (!kd_draw_applies(&v->key, position, v->a->arg[position][0])) {
        return;
    }
    const int32_t size = v->a->size, channels = v->a->channels;
    for (int64_t row = 0; row < size; row++) {
        for (int32_t x = 0; x < size; x++) {
            memcpy(v->other + (row * size + x) * channels,
                   v->image + (row * size + size - 1 - x) * channels,
                   (size_t)channels * sizeof(float));
        }
    }
    swap_images(v);
}

/* The luma of a pixel, which with one channel is the value itself. */
static float luma(const float *pixel, int32_t channels) {
    return channels == 3 ? kd_luma(pixel[0], pixel[1], pixel[2]) : pixel[0];
}

static float mean_luma(const struct view *v) {
    const int64_t values = image_values(v->a);
    double sum = 0;
    for (int64_t i = 0; i < values; i += v->a->channels) {
        sum += (double)luma(v->image + i, v->a->channels);
    }
    return (float)(sum / (double)(values / v->a->channels));
}

static void jitter_once(struct view *v, int32_t what, float factor) {
    const int32_t channels = v->a->channels;
    const float mean = what == KD_JITTER_CONTRAST ? mean_luma(v) : 0;
    if (channels == 1 && (what == KD_JITTER_SATURATION || what == KD_JITTER_HUE)) {
        return;
    }
    for (int64_t i = 0; i < image_values(v->a); i += channels) {
        float *pixel = v->image + i;
        if (what == KD_JITTER_HUE) {
            kd_hue_shift(&pixel[0], &pixel[1], &pixel[2], factor);
            continue;
        }
        const float with = what == KD_JITTER_SATURATION ? luma(pixel, channels) : mean;
        for (int32_t c = 0; c < channels; c++) {
            pixel[c] = kd_blend(factor, pixel[c], with);
        }
    }
}

static void color_jitter(struct view *v, int position) {
    const kd_jitter j = kd_jitter_draw(&v->key, position, v->a->arg[position]);
    for (int i = 0; j.applies && i < 4; i++) {
        jitter_once(v, j.order[i], j.factor[j.order[i]]);
    }
}

static void grayscale(struct view *v, int position) {
    if (v->a->channels == 1 || !kd_draw_applies(&v->key, position, v->a->arg[position][0])) {
        return;
    }
    for (int64_t i = 0; i < image_values(v->a); i += 3) {
        float *pixel = v->image + i;
        pixel[0] = pixel[1] = pixel[2] = luma(pixel, 3);
    }
}

/* Along one axis: image -> other. `step` and `across` are how far neighbours along the axis and
 * along the other one lie apart, in pixels. */
static void blur_axis(const struct view *v, int32_t radius, const float *weight, int64_t step,
                      int64_t across) {
    const int32_t size = v->a->size, channels = v->a->channels;
    for (int32_t line = 0; line < size; line++) {
        for (int32_t i = 0; i < size; i++) {
            for (int32_t c = 0; c < channels; c++) {
                double sum = 0;
                for (int32_t k = -radius; k <= radius; k++) {
                    const int64_t at = line * across + kd_reflect(i + k, size) * step;
                    sum += (double)weight[k + radius] * (double)v->image[at * channels + c];
                }
                v->other[(line * across + i * step) * channels + c] = (float)sum;
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
    const int32_t radius = kd_blur_radius(v->a->size, arg[1]);
    kd_blur_weights(radius, kd_sigma_draw(&v->key, position, arg), weight);
    blur_axis(v, radius, weight, 1, v->a->size);
    swap_images(v);
    blur_axis(v, radius, weight, v->a->size, 1);
    swap_images(v);
}

static void solarize(struct view *v, int position) {
    const double *arg = v->a->arg[position];
    if (!kd_draw_applies(&v->key, position, arg[0])) {
        return;
    }
    for (int64_t i = 0; i < image_values(v->a); i++) {
        v->image[i] = kd_solarize(v->image[i], (float)arg[1]);
    }
}

/* The pixel (y, x), which may lie outside: then zero, or the border's. */
static float pixel_at(const struct view *v, int32_t y, int32_t x, int32_t c, bool edge) {
    const int32_t size = v->a->size;
    if (edge) {
        y = y < 0 ? 0 : y < size ? y : size - 1;
        x = x < 0 ? 0 : x < size ? x : size - 1;
    }
    const bool inside = y >= 0 && y < size && x >= 0 && x < size;
    return inside ? v->image[((int64_t)y * size + x) * v->a->channels + c] : 0;
}

static void rotate(struct view *v, int position) {
    const double *arg = v->a->arg[position];
    if (!kd_draw_applies(&v->key, position, arg[0])) {
        return;
    }
    const int32_t size = v->a->size, channels = v->a->channels;
    const bool edge = arg[2] > 0;
    const double angle = kd_angle_draw(&v->key, position, arg);
    const float cosine = (float)cos(angle), sine = (float)sin(angle);
    for (int32_t i = 0; i < size * size; i++) {
        float from_y, from_x;
        kd_rotate_from(size, cosine, sine, i / size, i % size, &from_y, &from_x);
        const int32_t y = (int32_t)floorf(from_y), x = (int32_t)floorf(from_x);
        const float down = from_y - (float)y, right = from_x - (float)x;
        for (int32_t c = 0; c < channels; c++) {
            const float a = pixel_at(v, y, x, c, edge), b = pixel_at(v, y, x + 1, c, edge);
            const float d = pixel_at(v, y + 1, x, c, edge), e = pixel_at(v, y + 1, x + 1, c, edge);
            v->other[(int64_t)i * channels + c] =
                (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * d + right * e);
        }
    }
    swap_images(v);
}

static void normalize(struct view *v, int position) {
    const double *mean = v->a->arg[position], *deviation = mean + 3;
    const int32_t channels = v->a->channels;
    for (int64_t i = 0; i < image_values(v->a); i++) {
        const int64_t c = i % channels;
        v->image[i] = (float)(((double)v->image[i] - mean[c]) / deviation[c]);
    }
}

/* By KD_AUGMENT_ code, from KD_AUGMENT_FLIP on. */
static void (*const alter[])(struct view *v, int position) = {
    flip, color_jitter, grayscale, blur, solarize, rotate, normalize,
};

/* row {offset, height, width, sample} -> v->image. false when it does not lie in the pixels. */
static bool make_view(struct view *v, const uint8_t *pixels, int64_t bytes, const int64_t *row) {
    if (!kd_row_fits(row, v->a->channels, bytes)) {
        return false;
    }
    v->key.sample = (uint32_t)row[3];
    cut(v, pixels + row[0], (int32_t)row[1], (int32_t)row[2]);
    for (int i = 1; i < v->a->n_ops; i++) {
        alter[v->a->op[i] - KD_AUGMENT_FLIP](v, i);
    }
    return true;
}

static void run(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    (void)device;
    const kd_augment *a = state;
    const int64_t *rows = in[1], *key = in[2], values = image_values(a);
    struct view v = {
        .a = a,
        .key = {.seed = (uint64_t)key[0], .epoch = (uint32_t)key[1], .view = (uint32_t)a->view},
        .tap_y = scratch};
    v.tap_x = v.tap_y + KD_AUGMENT_MAX_SIDE;
    for (int64_t n = 0; n < node->inputs[1].dim[0]; n++) {
        v.image = v.tap_x + KD_AUGMENT_MAX_SIDE;
        v.other = v.image + values;
        const bool made = make_view(&v, in[0], node->inputs[0].dim[0], rows + 4 * n);
        for (int64_t i = 0; i < values; i++) {
            put(out[0], node->outputs[0].dtype, n * values + i,
                made ? (double)v.image[i] : (double)NAN);
        }
    }
}

const kd_kernel augment_kernel = {
    .size = sizeof(kd_kernel), .op = "augment", .prepare = prepare, .run = run, .release = release};
