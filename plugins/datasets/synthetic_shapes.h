/* SPDX-License-Identifier: Apache-2.0
 * 256 kinds of shapes as signed distances. */
#ifndef PLUGINS_DATASETS_SYNTHETIC_SHAPES_H
#define PLUGINS_DATASETS_SYNTHETIC_SHAPES_H

#include <stddef.h>

#define SHAPE_KINDS 256

/* Approximate signed distance of (x, y) to the outline of a kind, below 0 inside. The shape fits
 * the unit circle. */
double shape_distance(int kind, double x, double y);

/* "star-5", "ring-3-thick", ... different for each kind. */
void shape_name(int kind, char *ret, size_t room);

#endif
