/* SPDX-License-Identifier: Apache-2.0
 * Eight families, each with eight orders and four levels of a second parameter. Kinds are numbered
 * so that the first ones differ most: kind % 8 is the family, then comes the order, last the level.
 *
 * source  the polygon and star distances follow the folding technique that
 *         https://iquilezles.org/articles/distfunctions2d/ explains */
#include "synthetic_shapes.h"

#include <math.h>
#include <stdio.h>

#define PI 3.14159265358979323846

/* The angle folded into one of n equal sectors, centred on it: in [-pi/n, pi/n]. */
static double fold(double angle, int n) {
    const double sector = 2 * PI / n;
    return angle - sector * floor(angle / sector + 0.5);
}

/* Whole, as a frame, with a round hole, and cut off along a line. */
static double polygon(int n, int level, double x, double y) {
    const double r = hypot(x, y), a = fold(atan2(y, x), n), apothem = cos(PI / n);
    const double along = r * cos(a) - apothem, across = fabs(r * sin(a)) - sin(PI / n);
    const double d = along > 0 && across > 0 ? hypot(along, across) : along;
    switch (level) {
    case 1:
        return fabs(d + 0.12) - 0.12;
    case 2:
        return fmax(d, 0.55 * apothem - r);
    case 3:
        return fmax(d, y - 0.1);
    default:
        return d;
    }
}

/* Distance to the edge from the tip (1, 0) to the notch between two tips. */
static double star(int n, int level, double x, double y) {
    static const double inner[] = {0.45, 0.3, 0.6, 0.72};
    const double r = hypot(x, y), a = fabs(fold(atan2(y, x), n));
    const double deep = inner[level] * cos(PI / n);
    const double nx = deep * cos(PI / n), ny = deep * sin(PI / n);
    const double px = r * cos(a) - 1, py = r * sin(a);
    const double ex = nx - 1, ey = ny, length = hypot(ex, ey);
    double t = (px * ex + py * ey) / (length * length);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double distance = hypot(px - t * ex, py - t * ey);
    return ex * py - ey * px > 0 ? -distance : distance;
}

/* A ring with n - 3 gaps. */
static double ring(int n, int level, double x, double y) {
    static const double thickness[] = {0.16, 0.28, 0.09, 0.22};
    const double t = thickness[level], r = hypot(x, y), band = fabs(r - (1 - t)) - t;
    if (n == 3) {
        return band;
    }
    const double a = fold(atan2(y, x), n - 3);
    const double gap = x * x + y * y > 0 && fabs(a) < PI / 2 ? 0.17 - fabs(r * sin(a)) : -1;
    return band > gap ? band : gap;
}

/* n arms from the centre. */
static double cross(int n, int level, double x, double y) {
    static const double half[] = {0.15, 0.22, 0.1, 0.06};
    const double r = hypot(x, y), a = fold(atan2(y, x), n);
    const double along = r * cos(a) - 0.98, across = fabs(r * sin(a)) - half[level];
    if (along <= 0 || across <= 0) {
        return along > across ? along : across;
    }
    return hypot(along, across);
}

/* n - 3 counts the steps from round to narrow. */
static double superellipse(int n, int level, double x, double y) {
    static const double exponent[] = {2, 0.75, 5, 1}, radius[] = {1, 1, 0.87, 1};
    const double p = exponent[level], b = 0.85 * pow(0.86, n - 3), size = radius[level];
    const double u = fabs(x) / size + 1e-9, v = fabs(y) / (b * size) + 1e-9;
    const double total = pow(u, p) + pow(v, p), f = pow(total, 1 / p);
    const double scale = pow(total, 1 / p - 1);
    const double du = scale * pow(u, p - 1), dv = scale * pow(v, p - 1) / b;
    return size * (f - 1) / fmax(hypot(du, dv), 1e-3);
}

/* n waves on a circle. */
static double flower(int n, int level, double x, double y) {
    static const double amplitude[] = {0.25, 0.12, 0.38, 0.18};
    const double e = amplitude[level], r = hypot(x, y), a = atan2(y, x);
    const double edge = (1 + e * cos(n * a)) / (1 + e), slope = -e * n * sin(n * a) / (1 + e);
    return (r - edge) / hypot(1, slope / fmax(r, 0.3));
}

/* A disc with a round hole; n - 3 counts how far the hole is off. */
static double crescent(int n, int level, double x, double y) {
    static const double hole[] = {0.6, 0.8, 0.4, 0.95};
    const double off = 0.22 + 0.09 * (n - 3);
    const double disc = hypot(x, y) - 1, cut = hole[level] - hypot(x - off, y);
    return disc > cut ? disc : cut;
}

/* n discs on a circle. */
static double beads(int n, int level, double x, double y) {
    static const double size[] = {0.7, 0.95, 0.5, 1.25};
    const double touching = sin(PI / n), radius = 1 / (1 + size[level] * touching);
    const double r = hypot(x, y), a = fold(atan2(y, x), n);
    return hypot(r * cos(a) - radius, r * sin(a)) - radius * size[level] * touching;
}

/* first: where a family begins in the orders, so that kinds 0 to 7 resemble each other least. */
static const struct {
    const char *name;
    double (*distance)(int n, int level, double x, double y);
    int first;
} families[] = {
    {"polygon", polygon, 0},
    {"star", star, 1},
    {"ring", ring, 0},
    {"cross", cross, 3},
    {"superellipse", superellipse, 0},
    {"flower", flower, 4},
    {"crescent", crescent, 6},
    {"beads", beads, 0},
};
static const int orders[] = {3, 5, 8, 4, 6, 10, 7, 9};

static int order_of(int kind) {
    return orders[(kind / 8 + families[kind % 8].first) % 8];
}

static int level_of(int kind) {
    return kind / 64 % 4;
}

double shape_distance(int kind, double x, double y) {
    return families[kind % 8].distance(order_of(kind), level_of(kind), x, y);
}

void shape_name(int kind, char *ret, size_t room) {
    snprintf(ret, room, "%s-%d%c", families[kind % 8].name, order_of(kind), "abcd"[level_of(kind)]);
}
