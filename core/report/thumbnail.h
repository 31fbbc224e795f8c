/* SPDX-License-Identifier: Apache-2.0
 * Small images inside of a page. */
#ifndef CORE_REPORT_THUMBNAIL_H
#define CORE_REPORT_THUMBNAIL_H

#include "data/decode.h"
#include "report/html.h"

#define THUMBNAIL_SIDE 128 /* of what is embedded: the longer side, in pixels, at most */

/* The image as the source of an <img>: "data:image/png;base64,..." while the longer side has no
 * more than 64 pixels, each of which counts; else JPEG of quality 85, shrunk to THUMBNAIL_SIDE.
 *
 * from   u8 [height, width, channels], 1 or 3 channels
 * owns   the caller frees *ret
 * fails  when an encoder does */
bool thumbnail_encode(const image *from, char **ret, kd_error *err);

/* The same as JPEG at any size, in half the bytes or less: for pages of hundreds. */
bool thumbnail_encode_jpeg(const image *from, char **ret, kd_error *err);

/* Writes the whole <img>; `alt` says what it shows to who cannot see it, and appears as its title.
 */
bool thumbnail_write(html *h, const image *from, const char *alt, kd_error *err);

#endif
