/* SPDX-License-Identifier: Apache-2.0
 * One decoder a format; image_decode chooses. The contract is image_decode's. */
#ifndef CORE_DATA_DECODE_FORMATS_H
#define CORE_DATA_DECODE_FORMATS_H

#include "data/decode.h"

bool jpeg_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err);
bool png_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err);

/* Says why when it is. */
bool image_too_large(int64_t height, int64_t width, kd_error *err);

#endif
