/* SPDX-License-Identifier: Apache-2.0
 * Antialiased shrinking of images, to the bit as Pillow's Image.resize does it. */
#ifndef CORE_DATA_RESIZE_H
#define CORE_DATA_RESIZE_H

#include "data/decode.h"

typedef enum filter { FILTER_BILINEAR, FILTER_BICUBIC } filter;

/* from u8 [height, width, channels] -> ret u8 [to_height, to_width, channels], in memory of its
 * own. Also enlarges. source: Pillow's ImagingResample (fixed point, 22 bits, rows after columns).
 */
void image_resize(const image *from, int32_t to_height, int32_t to_width, filter kind, image *ret);

/* The size that an image is stored at: the short side brought down to `side`, the aspect kept;
 * unchanged where side is 0 or the image is small enough. */
void image_fit(int32_t height, int32_t width, int32_t side, int32_t *ret_height,
               int32_t *ret_width);

#endif
