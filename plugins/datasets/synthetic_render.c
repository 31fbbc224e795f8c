/* SPDX-License-Identifier: Apache-2.0
 * Each pixel of a scene is composed: background, clutter, shadow, object, occluders, light, noise.
 * Edges are antialiased by their distance in pixels. */
#include "synthetic_render.h"

#include "synthetic_shapes.h"

#include <kindred/philox.h>
#include <math.h>

static color mix(color a, color b, double t) {
    return (color){a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)};
}

static color times(color c, double by) {
    return (color){c.r * by, c.g * by, c.b * by};
}

static double within(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}

/* A step from 0 to 1 at 0, `width` wide. */
static double step(double distance, double width) {
    return within(0.5 + distance / width, 0, 1);
}

static double length(double x, double y) {
    return sqrt(x * x + y * y);
}

/* Value noise: a random number at each whole point, smooth between, repeating after LATTICE. */
static double noise_at(const double *lattice, double x, double y) {
    const double left = floor(x), top = floor(y);
    double u = x - left, v = y - top;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    const unsigned i = (unsigned)(int)left % LATTICE, i1 = (i + 1) % LATTICE;
    const unsigned j = (unsigned)(int)top % LATTICE * LATTICE,
                   j1 = (j + LATTICE) % (LATTICE * LATTICE);
    const double a = lattice[j + i] + u * (lattice[j + i1] - lattice[j + i]);
    const double b = lattice[j1 + i] + u * (lattice[j1 + i1] - lattice[j1 + i]);
    return a + v * (b - a);
}

/* Octaves whose height falls as their frequency grows, as the spectrum of photographs does. */
static double clouds(const double *lattice, double x, double y) {
    const double sum = noise_at(lattice, x, y) + noise_at(lattice, 2 * x + 5, 2 * y) / 2 +
                       noise_at(lattice, 4 * x, 4 * y + 7) / 4;
    return within(1.6 * (sum / 1.75 - 0.5) + 0.5, 0, 1);
}

/* pixel: the size of a pixel in the surface's coordinates. */
static color surface_at(const surface *s, double x, double y, double pixel) {
    const double u = x * s->cos + y * s->sin + s->phase, v = y * s->cos - x * s->sin + s->phase;
    const double soft = 2 * pixel / s->period + s->blur, pu = u - floor(u) - 0.5,
                 pv = v - floor(v) - 0.5;
    const double across = step(fabs(pu) - 0.25, soft), along = step(fabs(pv) - 0.25, soft);
    double t = 0;
    switch (s->pattern) {
    case CLOUDS:
        t = clouds(s->lattice, u, v);
        break;
    case HORIZON:
        t = step(y - 0.3 - 0.4 * s->phase + 0.2 * x * s->sin * s->period, soft);
        break;
    case STRIPES:
        t = across;
        break;
    case CHECKS:
        t = across * (1 - along) + along * (1 - across);
        break;
    case DOTS:
        t = step(length(pu, pv) - 0.3, soft);
        break;
    }
    return mix(s->a, s->b, t);
}

static color over_blob(color below, const blob *b, double x, double y, double pixel) {
    const double dx = x - b->x, dy = y - b->y, reach = b->half_width + pixel;
    if (dx * dx + dy * dy > 2 * reach * reach) {
        return below;
    }
    const double u = dx * b->cos + dy * b->sin, v = dy * b->cos - dx * b->sin;
    const double wide = fabs(u) - b->half_width, high = fabs(v) - b->half_height;
    const double box = wide > high ? wide : high;
    const double disc = (length(u / b->half_width, v / b->half_height) - 1) * b->half_height;
    return mix(below, b->color, 1 - step(b->round ? disc : box, pixel));
}

/* The distance to the object's edge, in its coordinates; ret_u, ret_v: the place in them. */
static double distance_at(const scene *s, double x, double y, double *ret_u, double *ret_v) {
    const double dx = s->mirror * (x - s->x) / s->scale, dy = (y - s->y) / s->scale;
    const double u = (dx * s->cos + dy * s->sin) * s->squeeze;
    const double v = (dy * s->cos - dx * s->sin) / s->squeeze + s->shear * u;
    *ret_u = u;
    *ret_v = v;
    return u * u + v * v > 2 ? 1 : shape_distance(s->kind, u, v);
}

static color over_object(color below, const scene *s, double x, double y, double pixel) {
    double u, v, far_u, far_v;
    const double soft = pixel / s->scale, d = distance_at(s, x, y, &u, &v);
    const double reach = s->shadow_length * s->scale;
    const double toward =
        s->relief > 0 || s->shadow > 0
            ? distance_at(s, x + reach * s->light_x, y + reach * s->light_y, &far_u, &far_v)
            : d;
    const color ground = times(below, 1 - s->shadow * (1 - step(toward, 0.2 + soft)));
    if (d > soft) {
        return ground;
    }
    /* What rises toward the light is bright: the edge is nearer there. */
    const double rise = within((toward - d) / s->shadow_length, -1, 1) * step(d + 0.25, 0.5);
    const double shade = 1 + s->relief * rise;
    const double inside = 1 - step(d, soft);
    const double edge = 1 - step(fabs(d + s->line / 2) - s->line / 2, soft);
    if (s->style == OUTLINED) {
        return mix(ground, times(s->body, shade), edge);
    }
    const color fill = s->style == TEXTURED ? surface_at(&s->texture, u, v, soft) : s->body;
    const color body = mix(ground, times(fill, shade), inside);
    return s->style == RIMMED ? mix(body, times(s->rim, shade), edge) : body;
}

static color lit(color c, const scene *s, double x, double y) {
    const double along = (x - 0.5) * s->light_x + (y - 0.5) * s->light_y;
    const double off = 2 * ((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5));
    const double light = s->gain * (1 + s->slope * along) * (1 - s->vignette * off);
    return (color){c.r * light * (1 + s->tint), c.g * light, c.b * light * (1 - s->tint)};
}

static unsigned char quantize(double v) {
    return (unsigned char)within(floor(255 * v + 0.5), 0, 255);
}

static color pixel_of(const scene *s, double x, double y, double pixel) {
    color c = surface_at(&s->background, x, y, pixel);
    for (int j = 0; j < s->n_clutter; j++) {
        c = over_blob(c, &s->clutter[j], x, y, pixel);
    }
    c = over_object(c, s, x, y, pixel);
    for (int j = 0; j < s->n_occluders; j++) {
        c = over_blob(c, &s->occluder[j], x, y, pixel);
    }
    return lit(c, s, x, y);
}

void render(int kind, int size, const chance *from, unsigned char *ret) {
    const scene s = scene_draw(kind, from);
    const double pixel = 1.0 / size, spread = 2 * s.noise;
    for (int i = 0; i < size * size; i++) {
        const color c = pixel_of(&s, (i % size + 0.5) * pixel, (i / size + 0.5) * pixel, pixel);
        /* a stream beside those of the factors */
        const kd_philox n =
            kd_philox_draw(from->key, from->sample, from->image[NOISE], (uint32_t)i, N_FACTORS);
        ret[3 * i] = quantize(c.r + spread * ((double)kd_uniform(n.word[0]) - 0.5));
        ret[3 * i + 1] = quantize(c.g + spread * ((double)kd_uniform(n.word[1]) - 0.5));
        ret[3 * i + 2] = quantize(c.b + spread * ((double)kd_uniform(n.word[2]) - 0.5));
    }
}
