/* SPDX-License-Identifier: Apache-2.0
 * The shapes that the synthetic dataset's kinds are: each another one, and sound distances. */
#include "../plugins/datasets/synthetic_shapes.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>

enum { GRID = 40 };

/* The shape's silhouette turned by `turns` fortieths of a circle. */
static void silhouette(int kind, int turns, char ret[GRID * GRID]) {
    const double angle = turns * 2 * 3.14159265358979 / 40, c = cos(angle), s = sin(angle);
    for (int i = 0; i < GRID * GRID; i++) {
        const double x = (i % GRID + 0.5) / GRID * 2.1 - 1.05,
                     y = (i / GRID + 0.5) / GRID * 2.1 - 1.05;
        ret[i] = shape_distance(kind, c * x + s * y, c * y - s * x) < 0;
    }
}

/* No two kinds look the same, however they are turned. */
TEST(shapes, all_differ) {
    static char fixed[SHAPE_KINDS][GRID * GRID];
    static char name[SHAPE_KINDS][32];
    int area[SHAPE_KINDS] = {0};
    for (int k = 0; k < SHAPE_KINDS; k++) {
        silhouette(k, 0, fixed[k]);
        shape_name(k, name[k], sizeof name[k]);
        for (int i = 0; i < GRID * GRID; i++) {
            area[k] += fixed[k][i];
        }
        cr_assert(area[k] > GRID * GRID / 25, "%s is too small: %d", name[k], area[k]);
    }
    for (int a = 0; a < SHAPE_KINDS; a++) {
        for (int turns = 0; turns < 40; turns++) {
            char turned[GRID * GRID];
            silhouette(a, turns, turned);
            for (int b = 0; b < a; b++) {
                if (abs(area[a] - area[b]) > 40) {
                    continue; /* they differ by at least that, but for the corners of pixels */
                }
                int differ = 0;
                for (int i = 0; i < GRID * GRID; i++) {
                    differ += turned[i] != fixed[b][i];
                }
                cr_assert(differ > 12, "%s and %s look alike: %d", name[a], name[b], differ);
            }
        }
        for (int b = 0; b < a; b++) {
            cr_assert_str_neq(name[a], name[b]);
        }
    }
}

/* Inside the unit circle, and near it a distance: no faster than the place moves. */
TEST(shapes, distances_behave) {
    for (int k = 0; k < SHAPE_KINDS; k++) {
        for (int i = 0; i < 720; i++) {
            const double a = i * 3.14159265358979 / 360, c = cos(a), s = sin(a);
            cr_assert_gt(shape_distance(k, 1.02 * c, 1.02 * s), -0.001, "kind %d at %d", k, i);
            for (double r = 0.05; r < 1.2; r += 0.05) {
                const double d = shape_distance(k, r * c, r * s);
                cr_assert(isfinite(d), "kind %d", k);
            }
        }
    }
}
