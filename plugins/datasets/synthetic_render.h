/* SPDX-License-Identifier: Apache-2.0
 * Draws one object on a background; all but its kind is up to chance. */
#ifndef PLUGINS_DATASETS_SYNTHETIC_RENDER_H
#define PLUGINS_DATASETS_SYNTHETIC_RENDER_H

#include <stdint.h>

/* A stream of random numbers: Philox by (seed, stream, sample, image, count of draws). */
typedef struct dice {
    uint64_t key;
    uint32_t sample, image, draws;
} dice;

/* ret u8 [size, size, 3] */
void render(int kind, int size, dice d, unsigned char *ret);

#endif
