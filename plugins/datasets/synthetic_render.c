/* SPDX-License-Identifier: Apache-2.0
 * A scene is drawn from the dice first, then each pixel is composed of it: background, clutter,
 * object, occluder, light, noise. Edges are antialiased by their distance in pixels. */
#include "synthetic_render.h"

#include "synthetic_shapes.h"

#include <kindred/philox.h>
#include <math.h>

#define PI 3.14159265358979323846
#define CLUTTER 5
#define OCCLUDERS 2

typedef struct color {
    double r, g, b;
} color;

/* Stripes, checks, noise: what fills a surface. */
enum { PLAIN, GRADIENT, STRIPES, CHECKS, DOTS, CLOUDS, N_PATTERNS };
typedef struct surface {
    int pattern;
    color a, b;
    double cos, sin, phase; /* of its direction, over the period: surface coordinates to pattern */
    double period;
    uint32_t salt;
} surface;

/* A small disc or bar; coordinates in [0, 1] over the image. */
typedef struct blob {
    color color;
    double x, y, cos, sin, half_width, half_height;
    int round;
} blob;

enum { FILLED, OUTLINED, TEXTURED, RIMMED, N_STYLES };
typedef struct scene {
    int kind, style;
    surface background, object;
    color rim;
    double x, y, scale, cos, sin, shear, squeeze, line; /* pose: object to image */
    double light_x, light_y, light, gain, vignette, noise;
    int n_clutter, n_occluders;
    blob clutter[CLUTTER], occluder[OCCLUDERS];
    uint64_t noise_key;
} scene;

/* ---- Dice. ----------------------------------------------------------------------------------- */

static double even(dice *d, double low, double high) {
    const kd_philox p = kd_philox_draw(d->key, d->sample, d->image, d->draws++, 0);
    return low + (high - low) * (double)kd_uniform(p.word[0]);
}

static int choose(dice *d, int count) {
    const int i = (int)even(d, 0, count);
    return i < count ? i : count - 1;
}

static color hue(double h, double saturation, double value) {
    const double s = value * saturation, k = 6 * (h - floor(h));
    const double r = fabs(k - 3) - 1, g = 2 - fabs(k - 2), b = 2 - fabs(k - 4);
    return (color){value - s + s * fmin(fmax(r, 0), 1), value - s + s * fmin(fmax(g, 0), 1),
                   value - s + s * fmin(fmax(b, 0), 1)};
}

static color any_color(dice *d) {
    const double h = even(d, 0, 1), s = even(d, 0, 1), v = even(d, 0.15, 1);
    return hue(h, s, v);
}

static double contrast(color a, color b) {
    return fabs(0.3 * (a.r - b.r) + 0.59 * (a.g - b.g) + 0.11 * (a.b - b.b)) +
           0.3 * (fabs(a.r - b.r) + fabs(a.g - b.g) + fabs(a.b - b.b));
}

/* A colour that can be told from both colours of `from`. */
static color told_apart(dice *d, const surface *from, double least) {
    color c = any_color(d);
    for (int i = 0; i < 32 && (contrast(c, from->a) < least || contrast(c, from->b) < least); i++) {
        c = any_color(d);
    }
    return c;
}

/* ---- The scene. ------------------------------------------------------------------------------ */

static surface any_surface(dice *d, double low, double high) {
    surface s = {.pattern = choose(d, N_PATTERNS), .a = any_color(d), .b = any_color(d)};
    const double angle = even(d, 0, 2 * PI);
    s.period = even(d, low, high);
    s.cos = cos(angle) / s.period;
    s.sin = sin(angle) / s.period;
    s.phase = even(d, 0, 1);
    s.salt = (uint32_t)even(d, 0, 16777216);
    return s;
}

static blob any_blob(dice *d, double x, double y, double low, double high) {
    const double angle = even(d, 0, 2 * PI);
    blob b = {.color = any_color(d), .x = x, .y = y, .cos = cos(angle), .sin = sin(angle)};
    b.half_width = even(d, low, high);
    b.half_height = b.half_width * even(d, 0.2, 1);
    b.round = choose(d, 2);
    return b;
}

static void pose(dice *d, scene *s) {
    const double angle = even(d, 0, 2 * PI);
    s->cos = cos(angle);
    s->sin = sin(angle);
    s->scale = even(d, 0.2, 0.42);
    const double room = 0.5 - 0.8 * s->scale;
    s->x = 0.5 + even(d, -room, room);
    s->y = 0.5 + even(d, -room, room);
    s->shear = even(d, -0.12, 0.12);
    s->squeeze = even(d, 0.92, 1.08);
}

static scene draw_scene(int kind, dice *d) {
    scene s = {.kind = kind, .style = choose(d, N_STYLES)};
    s.background = any_surface(d, 0.08, 0.5);
    s.object = any_surface(d, 0.18, 0.5);
    s.object.a = told_apart(d, &s.background, 0.3);
    s.object.b = told_apart(d, &s.background, 0.3);
    s.rim = told_apart(d, &s.background, 0.35);
    s.line = even(d, 0.07, 0.13);
    pose(d, &s);
    const double direction = even(d, 0, 2 * PI);
    s.light_x = cos(direction);
    s.light_y = sin(direction);
    s.light = even(d, 0, 0.6);
    s.gain = even(d, 0.65, 1.15);
    s.vignette = even(d, 0, 0.5);
    s.noise = even(d, 0, 0.05);
    s.n_clutter = choose(d, CLUTTER + 1);
    for (int i = 0; i < s.n_clutter; i++) {
        const double x = even(d, 0, 1), y = even(d, 0, 1);
        s.clutter[i] = any_blob(d, x, y, 0.02, 0.09);
    }
    s.n_occluders = choose(d, OCCLUDERS + 1);
    for (int i = 0; i < s.n_occluders; i++) {
        /* on the object's edge, where it hides part of the outline */
        const double a = even(d, 0, 2 * PI), r = s.scale * even(d, 0.5, 1.1);
        s.occluder[i] =
            any_blob(d, s.x + r * cos(a), s.y + r * sin(a), 0.3 * s.scale, 0.5 * s.scale);
    }
    s.noise_key = d->key ^ ((uint64_t)d->sample << 20 | d->image) * 0x9E3779B97F4A7C15u;
    return s;
}

/* ---- Pixels. --------------------------------------------------------------------------------- */

static color mix(color a, color b, double t) {
    return (color){a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)};
}

static double lattice(uint32_t salt, int x, int y) {
    return (double)kd_uniform(kd_philox_draw(salt, (uint32_t)x, (uint32_t)y, 0, 1).word[0]);
}

/* Value noise: a random number at each whole point, smooth between. */
static double clouds(uint32_t salt, double x, double y) {
    const int i = (int)floor(x), j = (int)floor(y);
    double u = x - i, v = y - j;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    const double top = lattice(salt, i, j) + u * (lattice(salt, i + 1, j) - lattice(salt, i, j));
    const double bottom =
        lattice(salt, i, j + 1) + u * (lattice(salt, i + 1, j + 1) - lattice(salt, i, j + 1));
    return top + v * (bottom - top);
}

/* A step from 0 to 1 at 0, `width` wide. */
static double step(double distance, double width) {
    const double t = 0.5 + distance / width;
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

/* pixel: the size of a pixel in the surface's coordinates. */
static color surface_at(const surface *s, double x, double y, double pixel) {
    const double u = x * s->cos + y * s->sin + s->phase, v = y * s->cos - x * s->sin + s->phase;
    const double soft = 2 * pixel / s->period;
    const double across = fabs(u - floor(u) - 0.5) - 0.25, along = fabs(v - floor(v) - 0.5) - 0.25;
    double t = 0;
    switch (s->pattern) {
    case GRADIENT:
        t = 0.5 + 0.5 * sin(2 * u);
        break;
    case STRIPES:
        t = step(across, soft);
        break;
    case CHECKS:
        t = step(across, soft) * (1 - step(along, soft)) +
            step(along, soft) * (1 - step(across, soft));
        break;
    case DOTS:
        t = step(hypot(u - floor(u) - 0.5, v - floor(v) - 0.5) - 0.3, soft);
        break;
    case CLOUDS:
        t = clouds(s->salt, 2 * u, 2 * v);
        break;
    default:
        break;
    }
    return mix(s->a, s->b, t);
}

static color over_blob(color below, const blob *b, double x, double y, double pixel) {
    const double u = (x - b->x) * b->cos + (y - b->y) * b->sin;
    const double v = (y - b->y) * b->cos - (x - b->x) * b->sin;
    const double wide = fabs(u) - b->half_width, high = fabs(v) - b->half_height;
    const double box = wide > high ? wide : high;
    const double disc = (hypot(u / b->half_width, v / b->half_height) - 1) * b->half_height;
    return mix(below, b->color, 1 - step(b->round ? disc : box, pixel));
}

static color over_object(color below, const scene *s, double x, double y, double pixel) {
    const double dx = (x - s->x) / s->scale, dy = (y - s->y) / s->scale;
    const double u = (dx * s->cos + dy * s->sin) * s->squeeze;
    const double v = (dy * s->cos - dx * s->sin) / s->squeeze + s->shear * u;
    if (u * u + v * v > 2) {
        return below;
    }
    const double soft = pixel / s->scale, distance = shape_distance(s->kind, u, v);
    const double inside = 1 - step(distance, soft);
    const double edge = 1 - step(fabs(distance + s->line / 2) - s->line / 2, soft);
    const color fill = s->style == TEXTURED ? surface_at(&s->object, u, v, soft) : s->object.a;
    if (s->style == OUTLINED) {
        return mix(below, s->rim, edge);
    }
    const color body = mix(below, fill, inside);
    return s->style == RIMMED ? mix(body, s->rim, edge) : body;
}

static color lit(color c, const scene *s, double x, double y) {
    const double along = (x - 0.5) * s->light_x + (y - 0.5) * s->light_y;
    const double off = 4 * ((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5));
    const double light = s->gain * (1 + s->light * along * 2) * (1 - s->vignette * off / 2);
    return (color){c.r * light, c.g * light, c.b * light};
}

static unsigned char quantize(double v) {
    v = floor(255 * v + 0.5);
    return (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void render(int kind, int size, dice d, unsigned char *ret) {
    const scene s = draw_scene(kind, &d);
    const double pixel = 1.0 / size;
    for (int i = 0; i < size * size; i++) {
        const double x = (i % size + 0.5) * pixel, y = (i / size + 0.5) * pixel;
        color c = surface_at(&s.background, x, y, pixel);
        for (int j = 0; j < s.n_clutter; j++) {
            c = over_blob(c, &s.clutter[j], x, y, pixel);
        }
        c = over_object(c, &s, x, y, pixel);
        for (int j = 0; j < s.n_occluders; j++) {
            c = over_blob(c, &s.occluder[j], x, y, pixel);
        }
        c = lit(c, &s, x, y);
        const kd_philox n = kd_philox_draw(s.noise_key, (uint32_t)i, 0, 0, 2);
        const double spread = 2 * s.noise;
        ret[3 * i] = quantize(c.r + spread * ((double)kd_uniform(n.word[0]) - 0.5));
        ret[3 * i + 1] = quantize(c.g + spread * ((double)kd_uniform(n.word[1]) - 0.5));
        ret[3 * i + 2] = quantize(c.b + spread * ((double)kd_uniform(n.word[2]) - 0.5));
    }
}
