/* SPDX-License-Identifier: Apache-2.0
 * Draws what a picture shows. Each factor has dice of its own and places nothing by another's. */
#include "synthetic_scene.h"

#include <kindred/philox.h>
#include <math.h>

#define PI 3.14159265358979323846

typedef struct dice {
    const chance *from;
    enum factor factor;
    double amount;
    uint32_t draws;
} dice;

static dice take(const chance *from, enum factor factor) {
    return (dice){.from = from, .factor = factor, .amount = from->amount[factor]};
}

static double even(dice *d, double low, double high) {
    const kd_philox p = kd_philox_draw(d->from->key, d->from->sample, d->from->image[d->factor],
                                       d->draws++, d->factor);
    return low + (high - low) * (double)kd_uniform(p.word[0]);
}

/* Around a middle, as far as the factor goes. */
static double about(dice *d, double middle, double spread) {
    return middle + d->amount * even(d, -spread, spread);
}

static int choose(dice *d, int count) {
    const int i = (int)even(d, 0, count);
    return i < count ? i : count - 1;
}

static double within(double v, double low, double high) {
    return fmin(fmax(v, low), high);
}

/* The colour of a hue that is as bright as asked for: darkened, or mixed with white. */
static color toned(double hue, double saturation, double luma) {
    const double k = 6 * (hue - floor(hue));
    const double r = within(fabs(k - 3) - 1, 0, 1), g = within(2 - fabs(k - 2), 0, 1),
                 b = within(2 - fabs(k - 4), 0, 1);
    color c = {1 - saturation * (1 - r), 1 - saturation * (1 - g), 1 - saturation * (1 - b)};
    const double own = 0.3 * c.r + 0.59 * c.g + 0.11 * c.b, y = within(luma, 0, 1);
    if (own > y) {
        return (color){c.r * y / own, c.g * y / own, c.b * y / own};
    }
    const double white = own < 1 ? (y - own) / (1 - own) : 0;
    return (color){c.r + white * (1 - c.r), c.g + white * (1 - c.g), c.b + white * (1 - c.b)};
}

/* Backgrounds keep to the middle tones, objects to dark or bright ones: an object can be told from
 * any background, and neither has to be chosen by the other. */
static color middle_tone(dice *d) {
    const double hue = even(d, 0, 1), saturation = even(d, 0, 0.5) * d->amount;
    return toned(hue, within(saturation, 0, 1), about(d, 0.5, 0.11));
}

static color strong_tone(dice *d, double side) {
    const double hue = even(d, 0, 1), saturation = even(d, 0.3, 1) * d->amount;
    return toned(hue, within(saturation, 0, 1), 0.5 + side * about(d, 0.37, 0.1));
}

static void spread_pattern(dice *d, surface *s, double low, double high) {
    s->pattern = choose(d, N_PATTERNS);
    const double angle = even(d, 0, 2 * PI);
    s->period = even(d, low, high);
    s->cos = cos(angle) / s->period;
    s->sin = sin(angle) / s->period;
    s->phase = even(d, 0, 1);
    s->blur = even(d, 0, 0.3);
    for (int i = 0; s->pattern == CLOUDS && i < LATTICE * LATTICE; i += 4) {
        const kd_philox p = kd_philox_draw(d->from->key, d->from->sample, d->from->image[d->factor],
                                           d->draws++, d->factor);
        for (int j = 0; j < 4; j++) {
            s->lattice[i + j] = (double)kd_uniform(p.word[j]);
        }
    }
}

static blob any_blob(dice *d, double x, double y, double low, double high) {
    const double angle = even(d, 0, 2 * PI);
    blob b = {.x = x, .y = y, .cos = cos(angle), .sin = sin(angle)};
    b.half_width = even(d, low, high);
    b.half_height = b.half_width * even(d, 0.3, 1);
    b.round = choose(d, 2);
    return b;
}

static void draw_background(dice d, scene *s) {
    s->background.a = middle_tone(&d);
    s->background.b = middle_tone(&d);
    spread_pattern(&d, &s->background, 0.25, 1);
    s->n_clutter = d.amount > 0 ? choose(&d, CLUTTER + 1) : 0;
    for (int i = 0; i < s->n_clutter; i++) {
        const double x = even(&d, 0, 1), y = even(&d, 0, 1);
        s->clutter[i] = any_blob(&d, x, y, 0.03, 0.09);
        s->clutter[i].color = middle_tone(&d);
    }
}

static void draw_lighting(dice d, scene *s) {
    const double direction = even(&d, 0, 2 * PI);
    s->light_x = cos(direction);
    s->light_y = sin(direction);
    s->slope = d.amount * even(&d, 0, 0.5);
    s->gain = 1 + d.amount * even(&d, -0.3, 0.1);
    s->vignette = d.amount * even(&d, 0, 0.2);
    s->tint = d.amount * even(&d, -0.15, 0.15);
    s->relief = d.amount * even(&d, 0, 0.4);
    s->shadow = within(d.amount * even(&d, 0, 0.5), 0, 1);
    s->shadow_length = even(&d, 0.1, 0.3);
}

/* Where the edge of most objects is, so that they hide a part of it. */
static void draw_occlusion(dice d, scene *s) {
    s->n_occluders = d.amount > 0 ? choose(&d, OCCLUDERS + 1) : 0;
    for (int i = 0; i < s->n_occluders; i++) {
        const double a = even(&d, 0, 2 * PI), r = even(&d, 0.2, 0.4);
        s->occluder[i] = any_blob(&d, 0.5 + r * cos(a), 0.5 + r * sin(a), 0.06, 0.15);
        s->occluder[i].half_width *= d.amount;
        s->occluder[i].half_height *= d.amount;
        const double hue = even(&d, 0, 1), saturation = even(&d, 0, 0.7);
        s->occluder[i].color = toned(hue, saturation, even(&d, 0.2, 0.8));
    }
}

static void draw_style(dice d, scene *s) {
    const int other = 1 + choose(&d, N_STYLES - 1);
    s->style = even(&d, 0, 1) < 0.75 * d.amount ? other : FILLED;
    s->line = about(&d, 0.17, 0.04);
    spread_pattern(&d, &s->texture, 0.25, 0.7);
}

static void draw_color(dice d, scene *s) {
    const double side = even(&d, 0, 1) < 0.5 * d.amount ? -1 : 1;
    s->body = s->texture.a = strong_tone(&d, side);
    s->texture.b = strong_tone(&d, side);
    s->rim = strong_tone(&d, -side);
}

static void draw_pose(dice d, scene *s) {
    const double angle = about(&d, -PI / 2, PI / 8); /* shapes point to the right */
    s->cos = cos(angle);
    s->sin = sin(angle);
    s->scale = within(about(&d, 0.34, 0.1), 0.05, 1);
    s->mirror = even(&d, 0, 1) < 0.5 * d.amount ? -1 : 1;
    s->shear = about(&d, 0, 0.12);
    s->squeeze = within(about(&d, 1, 0.08), 0.5, 2);
}

static void draw_position(dice d, scene *s) {
    s->x = about(&d, 0.5, 0.15);
    s->y = about(&d, 0.5, 0.15);
}

scene scene_draw(int kind, const chance *from) {
    scene s = {.kind = kind};
    draw_background(take(from, BACKGROUND), &s);
    draw_lighting(take(from, LIGHTING), &s);
    draw_occlusion(take(from, OCCLUSION), &s);
    draw_style(take(from, STYLE), &s);
    draw_color(take(from, COLOR), &s);
    draw_pose(take(from, POSE), &s);
    draw_position(take(from, POSITION), &s);
    dice noise = take(from, NOISE);
    s.noise = noise.amount * even(&noise, 0, 0.05);
    return s;
}
