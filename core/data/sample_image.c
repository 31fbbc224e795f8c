/* SPDX-License-Identifier: Apache-2.0
 * Raw pixels or a picture's file, at the size that is wanted. */
#include "data/sample_image.h"

#include "base/arena.h"
#include "data/resize.h"

#include <stdlib.h>

/* The plugin's own pixels; they are not ours to keep or free. */
static bool take_raw(const kd_image *from, image *ret, kd_error *err) {
    if ((from->channels != 1 && from->channels != 3) || from->height < 1 || from->width < 1 ||
        from->height > IMAGE_MAX_SIDE || from->width > IMAGE_MAX_SIDE ||
        from->bytes != (size_t)from->height * (size_t)from->width * (size_t)from->channels) {
        return kd_fail(err, KD_E_INTERNAL,
                       "the dataset plugin gave a raw image of %d x %d x %d in %zu bytes",
                       from->height, from->width, from->channels, from->bytes);
    }
    *ret = (image){from->height, from->width, from->channels, NULL};
    ret->pixels = kd_grow(NULL, from->bytes);
    memcpy(ret->pixels, from->data, from->bytes);
    return true;
}

bool sample_image(const kd_image *from, int32_t size, image *ret, kd_error *err) {
    image whole;
    const bool good = from->format == KD_IMAGE_RAW
                          ? take_raw(from, &whole, err)
                          : image_decode(from->data, from->bytes, size, &whole, err);
    if (!good) {
        return false;
    }
    int32_t height, width;
    image_fit(whole.height, whole.width, size, &height, &width);
    if (height == whole.height && width == whole.width) {
        *ret = whole;
        return true;
    }
    image_resize(&whole, height, width, FILTER_BICUBIC, ret);
    free(whole.pixels);
    return true;
}
