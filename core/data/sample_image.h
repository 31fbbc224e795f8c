/* SPDX-License-Identifier: Apache-2.0
 * The pixels of an image that a dataset gave. */
#ifndef CORE_DATA_SAMPLE_IMAGE_H
#define CORE_DATA_SAMPLE_IMAGE_H

#include "data/decode.h"

#include <kindred/dataset.h>

/* Decodes it where it is a file, and brings its short side down to `size` pixels; 0: as it is.
 *
 * owns   ret->pixels is the caller's to free()
 * fails  as image_decode does, and where a raw image is not what it says */
bool sample_image(const kd_image *from, int32_t size, image *ret, kd_error *err);

#endif
