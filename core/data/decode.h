/* SPDX-License-Identifier: Apache-2.0
 * JPEG and PNG files into pixels. */
#ifndef CORE_DATA_DECODE_H
#define CORE_DATA_DECODE_H

#include <kindred/error.h>

/* u8 [height, width, channels], channels 1 or 3; pixels come from malloc. */
typedef struct image {
    int32_t height, width, channels;
    uint8_t *pixels;
} image;

#define IMAGE_MAX_SIDE 65500
#define IMAGE_MAX_PIXELS ((int64_t)64 << 20)

/* Decodes a file that is known by its first bytes. Grey files give 1 channel, all others 3.
 * Transparency is blended over white; 16 bits are cut to 8; CMYK becomes RGB without a profile;
 * orientation tags and colour profiles are ignored, as PIL does unless asked.
 *
 * short_side  > 0: the caller will shrink to it, so a JPEG may come out smaller than it is, though
 *             never below twice that
 * fails       when the file is damaged or cut short, neither JPEG nor PNG, or too large
 * owns        ret->pixels is the caller's to free() */
bool image_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err);

#endif
