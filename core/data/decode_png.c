/* SPDX-License-Identifier: Apache-2.0
 * PNG through libspng: every colour type and depth, transparency over white. */
#include "base/arena.h"
#include "data/decode_formats.h"

#include <spng.h>
#include <stdlib.h>

static bool fail_spng(int status, kd_error *err) {
    return kd_fail(err, KD_E_DATA, "damaged PNG: %s", spng_strerror(status));
}

/* u8 [pixels, 4] -> [pixels, channels] in place. */
static void drop_alpha(uint8_t *p, int64_t pixels, int channels) {
    for (int64_t i = 0; i < pixels; i++) {
        const unsigned alpha = p[4 * i + 3];
        for (int c = 0; c < channels; c++) {
            p[channels * i + c] =
                (uint8_t)((p[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
        }
    }
}

static bool decode(spng_ctx *ctx, const void *data, size_t bytes, image *out, kd_error *err) {
    struct spng_ihdr header;
    size_t room = 0;
    /* decoded text and unknown chunks may be no larger than this: they are not wanted anyway */
    spng_set_chunk_limits(ctx, 1 << 24, 1 << 26);
    int status = spng_set_png_buffer(ctx, data, bytes);
    status = status ? status : spng_get_ihdr(ctx, &header);
    if (status) {
        return fail_spng(status, err);
    }
    if (image_too_large(header.height, header.width, err)) {
        return false;
    }
    /* libspng has no 8-bit grey output of 16-bit images, so all go through RGBA */
    status = spng_decoded_image_size(ctx, SPNG_FMT_RGBA8, &room);
    if (status) {
        return fail_spng(status, err);
    }
    out->pixels = kd_grow(NULL, room);
    status = spng_decode_image(ctx, out->pixels, room, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS);
    if (status) {
        return fail_spng(status, err);
    }
    const bool grey = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE ||
                      header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    out->height = (int32_t)header.height;
    out->width = (int32_t)header.width;
    out->channels = grey ? 1 : 3;
    const int64_t pixels = (int64_t)out->height * out->width;
    drop_alpha(out->pixels, pixels, out->channels);
    out->pixels = kd_grow(out->pixels, (size_t)pixels * (size_t)out->channels);
    return true;
}

bool png_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err) {
    (void)short_side;
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) {
        return kd_fail(err, KD_E_MEMORY, "libspng: no context");
    }
    image out = {0};
    const bool good = decode(ctx, data, bytes, &out, err);
    spng_ctx_free(ctx);
    if (!good) {
        free(out.pixels);
        return false;
    }
    *ret = out;
    return true;
}
