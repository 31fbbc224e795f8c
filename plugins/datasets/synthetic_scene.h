/* SPDX-License-Identifier: Apache-2.0
 * What a picture shows: one object of a kind, and factors that know nothing of the kind nor of each
 * other. As in photographs the object is large, upright and near the centre, and stands out by its
 * tone from a background that is softer than itself. */
#ifndef PLUGINS_DATASETS_SYNTHETIC_SCENE_H
#define PLUGINS_DATASETS_SYNTHETIC_SCENE_H

#include <stdint.h>

enum factor { BACKGROUND, LIGHTING, OCCLUSION, STYLE, COLOR, POSE, POSITION, NOISE, N_FACTORS };

/* Where the random numbers of a picture come from: Philox by (seed, sample, image, draw, factor). A
 * factor of which two pictures have the same image is the same in both, whatever the others do. */
typedef struct chance {
    uint64_t key;
    uint32_t sample;
    uint32_t image[N_FACTORS];
    double amount[N_FACTORS]; /* how much a factor varies: 0 not at all, 1 as usual */
} chance;

typedef struct color {
    double r, g, b;
} color;

#define LATTICE 16

/* What fills a surface: tones a and b, and how they are spread. */
enum { CLOUDS, HORIZON, STRIPES, CHECKS, DOTS, N_PATTERNS };
typedef struct surface {
    int pattern;
    color a, b;
    double cos, sin, phase; /* of its direction, over the period: surface coordinates to pattern */
    double period, blur;    /* blur: of the pattern's edges, as a share of the period */
    double lattice[LATTICE * LATTICE];
} surface;

/* A small disc or bar; coordinates in [0, 1] over the image. */
typedef struct blob {
    color color;
    double x, y, cos, sin, half_width, half_height;
    int round;
} blob;

enum { CLUTTER = 4, OCCLUDERS = 2 };
enum { FILLED, OUTLINED, TEXTURED, RIMMED, N_STYLES };
typedef struct scene {
    int kind;
    surface background;
    int n_clutter;
    blob clutter[CLUTTER];

    double light_x, light_y;              /* the direction that light comes from */
    double slope, gain, vignette, tint;   /* over the image */
    double relief, shadow, shadow_length; /* of the object */

    int n_occluders;
    blob occluder[OCCLUDERS];

    int style;
    double line; /* of an outline or rim, in the object's coordinates */
    surface texture;
    color body, rim;

    double x, y, scale, cos, sin, mirror, shear, squeeze; /* object to image */
    double noise;
} scene;

/* A function of its arguments alone. */
scene scene_draw(int kind, const chance *from);

#endif
