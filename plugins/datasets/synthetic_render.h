/* SPDX-License-Identifier: Apache-2.0
 * Draws one object on a background; all but its kind is up to chance. */
#ifndef PLUGINS_DATASETS_SYNTHETIC_RENDER_H
#define PLUGINS_DATASETS_SYNTHETIC_RENDER_H

#include "synthetic_scene.h"

/* ret u8 [size, size, 3] */
void render(int kind, int size, const chance *from, unsigned char *ret);

#endif
