/* SPDX-License-Identifier: Apache-2.0
 * Images for evals that train, and an encoder to begin with: small enough for the reference device.
 */
#ifndef CORE_CHECK_PLUGIN_IMAGES_H
#define CORE_CHECK_PLUGIN_IMAGES_H

#include "check/plugin_data.h"
#include "train/learner.h"

enum { IMAGE_SIDE = 4, IMAGE_BYTES = IMAGE_SIDE * IMAGE_SIDE * 3 };

/* Images of one colour each, by KD_OF_; it tells what the feature row of the image's sample tells.
 */
typedef struct bench_images {
    uint8_t pixels[2][FEATURE_ROWS * IMAGE_BYTES];
    int64_t offset[2][FEATURE_ROWS], position[FEATURE_ROWS];
    int32_t height[FEATURE_ROWS], image[FEATURE_ROWS];
    int32_t label[2][FEATURE_ROWS];
    store store[2];
    source source[2];
    kd_augment view;
    kd_encoder encoder; /* the mean colour through a linear layer */
} bench_images;
_Static_assert(FEATURE_TESTS <= FEATURE_ROWS, "test rows fit, too");

void bench_images_make(bench_images *b, const feature_rows *f);

/* Learners of them, on the kit's reference device in f32, never cancelled. */
learner_host bench_images_host(const bench_images *b, const plugin_kit *k);

#endif
