/* SPDX-License-Identifier: Apache-2.0
 * Augmentation once more, in double, by the definitions of docs/augmentation.md and without regard
 * to speed. Only Philox is shared with what it checks. */
#include "augment_run.h"

#include "base/arena.h"

#include <kindred/philox.h>

#include <math.h>
#include <stdlib.h>

/* A view in the making. */
typedef struct slow {
    const kd_augment *a;
    uint64_t seed;
    uint32_t epoch, sample;
    double *image; /* [size, size, channels] */
} slow;

static uint32_t word(const slow *s, int position, uint32_t block, int index) {
    const uint32_t place = (uint32_t)s->a->view * 65536 + (uint32_t)position;
    return kd_philox_draw(s->seed, s->epoch, s->sample, place, block).word[index];
}

static double unit(const slow *s, int position, uint32_t block, int index) {
    return floor(word(s, position, block, index) / 256.0) / 16777216.0;
}

static double between(const slow *s, int position, uint32_t block, int index, double low,
                      double high) {
    return low + (high - low) * unit(s, position, block, index);
}

static int below(const slow *s, int position, uint32_t block, int index, int count) {
    return (int)floor(word(s, position, block, index) / 4294967296.0 * count);
}

static double triangle(double x) {
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Keys' cubic with a = -1/2. */
static double cubic(double x) {
    const double t = fabs(x), a = -0.5;
    if (t >= 2) {
        return 0;
    }
    return t < 1 ? (a + 2) * t * t * t - (a + 3) * t * t + 1
                 : a * t * t * t - 5 * a * t * t + 8 * a * t - 4 * a;
}

/* An output pixel's centre in the source, the filter's width, and the pixels that count. */
typedef struct reach {
    double centre, width;
    int low, high;
} reach;

static double weight_of(const reach *r, int pixel, int filter) {
    const double distance = (pixel + 0.5 - r->centre) / r->width;
    return filter ? cubic(distance) : triangle(distance);
}

static double resampled(const uint8_t *source, int width, int channels, const reach *y,
                        const reach *x, int filter, int c) {
    double sum = 0, weights = 0;
    for (int i = y->low; i < y->high; i++) {
        const double wy = weight_of(y, i, filter);
        for (int j = x->low; wy != 0 && j < x->high; j++) {
            const double w = wy * weight_of(x, j, filter);
            sum += w * source[((int64_t)i * width + j) * channels + c];
            weights += w;
        }
    }
    return fmin(fmax(sum / weights / 255, 0), 1);
}

/* Where the cut lies: in source pixels, with what counts around it. */
typedef struct area {
    double top, left, height, width;
    int low_y, high_y, low_x, high_x, filter;
} area;

static area random_area(const slow *s, int height, int width) {
    const double *arg = s->a->arg[0];
    for (uint32_t t = 0; t < 10; t++) {
        const double pixels = (double)height * width * between(s, 0, t, 0, arg[0], arg[1]);
        const double ratio = exp(between(s, 0, t, 1, log(arg[2]), log(arg[3])));
        const int w = (int)rint(sqrt(pixels * ratio)), h = (int)rint(sqrt(pixels / ratio));
        if (w > 0 && h > 0 && w <= width && h <= height) {
            const int top = below(s, 0, t, 2, height - h + 1),
                      left = below(s, 0, t, 3, width - w + 1);
            return (area){top, left, h, w, top, top + h, left, left + w, (int)arg[4]};
        }
    }
    int w = width, h = height;
    if ((double)width / height < arg[2]) {
        h = (int)fmax(1, rint(w / arg[2]));
    } else if ((double)width / height > arg[3]) {
        w = (int)fmax(1, rint(h * arg[3]));
    }
    const int top = (height - h) / 2, left = (width - w) / 2;
    return (area){top, left, h, w, top, top + h, left, left + w, (int)arg[4]};
}

/* The whole image is resized to tall x broad, and the centre of that is kept. */
static area centre_area(const slow *s, int height, int width) {
    const double *arg = s->a->arg[0], size = s->a->size, to = rint(arg[0] * size);
    const double tall = height <= width ? to : floor(to * height / width);
    const double broad = width <= height ? to : floor(to * width / height);
    return (area){rint((tall - size) / 2) * height / tall,
                  rint((broad - size) / 2) * width / broad,
                  size * height / tall,
                  size * width / broad,
                  0,
                  height,
                  0,
                  width,
                  (int)arg[1]};
}

static void cut(slow *s, const uint8_t *source, int height, int width) {
    const int size = s->a->size, channels = s->a->channels;
    area from = {0, 0, height, width, 0, height, 0, width, (int)s->a->arg[0][0]};
    if (s->a->op[0] == KD_AUGMENT_RANDOM_RESIZED_CROP) {
        from = random_area(s, height, width);
    } else if (s->a->op[0] == KD_AUGMENT_CENTER_CROP) {
        from = centre_area(s, height, width);
    }
    for (int i = 0; i < size * size * channels; i++) {
        const double step_y = from.height / size, step_x = from.width / size;
        const reach y = {from.top + (i / channels / size + 0.5) * step_y, fmax(step_y, 1),
                         from.low_y, from.high_y};
        const reach x = {from.left + (i / channels % size + 0.5) * step_x, fmax(step_x, 1),
                         from.low_x, from.high_x};
        s->image[i] = resampled(source, width, channels, &y, &x, from.filter, i % channels);
    }
}

static double clamp(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double luma(const double *pixel, int channels) {
    return channels == 1 ? pixel[0] : 0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

/* By hue, saturation and value, sector by sector. */
static void turn_hue(double *pixel, double turn) {
    const double r = pixel[0], g = pixel[1], b = pixel[2];
    const double v = fmax(r, fmax(g, b)), range = v - fmin(r, fmin(g, b));
    if (range == 0) {
        return;
    }
    double h = v == r ? (g - b) / range : v == g ? 2 + (b - r) / range : 4 + (r - g) / range;
    h = fmod(h / 6 + turn + 2, 1) * 6;
    const double saturation = range / v, f = h - floor(h);
    const double p = v * (1 - saturation), q = v * (1 - f * saturation);
    const double t = v * (1 - (1 - f) * saturation);
    const double sector[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    memcpy(pixel, sector[(int)floor(h) % 6], 3 * sizeof *pixel);
}

static void jitter(slow *s, int position, const double *arg) {
    const int channels = s->a->channels, pixels = s->a->size * s->a->size;
    if (unit(s, position, 0, 0) >= arg[0]) {
        return;
    }
    int rest[4] = {0, 1, 2, 3}, code = below(s, position, 0, 1, 24);
    for (int left = 4; left > 0; left--) {
        const int pick = code % left, what = rest[pick];
        code /= left;
        rest[pick] = rest[left - 1];
        const double low = what == 3 ? -arg[4] : fmax(0, 1 - arg[1 + what]);
        const double factor =
            between(s, position, 1, what, low, what == 3 ? arg[4] : 1 + arg[1 + what]);
        double mean = 0;
        for (int i = 0; i < pixels; i++) {
            mean += luma(s->image + i * channels, channels) / pixels;
        }
        for (int i = 0; i < pixels; i++) {
            double *pixel = s->image + i * channels;
            const double with = what == 0 ? 0 : what == 1 ? mean : luma(pixel, channels);
            if (channels == 3 && what == 3) {
                turn_hue(pixel, factor);
            }
            for (int c = 0; what < 3 && c < channels; c++) {
                pixel[c] = clamp(factor * pixel[c] + (1 - factor) * with);
            }
        }
    }
}

static int mirror(int i, int n) {
    while (i < 0 || i >= n) {
        i = i < 0 ? -i : 2 * (n - 1) - i;
    }
    return i;
}

/* In two dimensions at once. */
static double blurred(const double *image, int size, int channels, int at, int radius,
                      double sigma) {
    const int c = at % channels, x = at / channels % size, y = at / channels / size;
    double sum = 0, weights = 0;
    for (int i = -radius; i <= radius; i++) {
        for (int j = -radius; j <= radius; j++) {
            const double w = exp(-(i * i + j * j) / (2 * sigma * sigma));
            sum += w * image[(mirror(y + i, size) * size + mirror(x + j, size)) * channels + c];
            weights += w;
        }
    }
    return sum / weights;
}

/* The pixel under a turned one, bilinear; outside: 0 or the border. */
static double turned(const double *image, int size, int channels, int at, double angle, bool edge) {
    const int c = at % channels;
    const double middle = (size - 1) / 2.0;
    const double dx = at / channels % size - middle, dy = at / channels / size - middle;
    const double x = middle + cos(angle) * dx - sin(angle) * dy;
    const double y = middle + sin(angle) * dx + cos(angle) * dy;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        int i = (int)floor(y) + k / 2, j = (int)floor(x) + k % 2;
        const double w = (1 - fabs(y - i)) * (1 - fabs(x - j));
        const bool outside = i < 0 || j < 0 || i >= size || j >= size;
        i = i < 0 ? 0 : i >= size ? size - 1 : i;
        j = j < 0 ? 0 : j >= size ? size - 1 : j;
        sum += outside && !edge ? 0 : w * image[(i * size + j) * channels + c];
    }
    return sum;
}

static double altered(const slow *s, const double *image, int position, int at) {
    const int64_t code = s->a->op[position];
    const double *arg = s->a->arg[position];
    const int size = s->a->size, channels = s->a->channels, c = at % channels;
    if (code == KD_AUGMENT_NORMALIZE) {
        return (image[at] - arg[c]) / arg[3 + c];
    }
    if (unit(s, position, 0, 0) >= arg[0]) {
        return image[at];
    }
    if (code == KD_AUGMENT_FLIP) {
        const int x = at / channels % size;
        return image[at + (size - 1 - 2 * x) * channels];
    }
    if (code == KD_AUGMENT_GRAYSCALE) {
        return luma(image + at - c, channels);
    }
    if (code == KD_AUGMENT_SOLARIZE) {
        return image[at] >= arg[1] ? 1 - image[at] : image[at];
    }
    if (code == KD_AUGMENT_BLUR) {
        const int radius = arg[1] > 0 ? (int)arg[1] : (int)fmax(1, floor(size / 20.0));
        return blurred(image, size, channels, at, radius < size ? radius : size - 1,
                       between(s, position, 0, 1, arg[2], arg[3]));
    }
    const double angle = between(s, position, 0, 1, -arg[1], arg[1]) * acos(-1) / 180;
    return turned(image, size, channels, at, angle, arg[2] > 0);
}

void slow_view(const kd_augment *a, const batch *b, int64_t row, double *to) {
    const int64_t *r = b->rows + 4 * row, values = view_values(a);
    slow s = {.a = a,
              .seed = b->seed,
              .epoch = (uint32_t)b->epoch,
              .sample = (uint32_t)r[3],
              .image = to};
    double *before = kd_alloc((size_t)values * sizeof *before);
    cut(&s, b->pixels + r[0], (int)r[1], (int)r[2]);
    for (int i = 1; i < a->n_ops; i++) {
        if (a->op[i] == KD_AUGMENT_COLOR_JITTER) {
            jitter(&s, i, a->arg[i]);
            continue;
        }
        memcpy(before, to, (size_t)values * sizeof *before);
        for (int at = 0; at < values; at++) {
            to[at] = altered(&s, before, i, at);
        }
    }
    free(before);
}
