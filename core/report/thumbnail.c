/* SPDX-License-Identifier: Apache-2.0
 * PNG through libspng, JPEG through TurboJPEG, base64 through libsodium. */
#include "report/thumbnail.h"

#include "base/arena.h"
#include "data/resize.h"

#include <sodium.h>
#include <spng.h>
#include <stdlib.h>
#include <turbojpeg.h>

static const int32_t largest_png = 64;
static const int quality = 85;

static char *data_uri(const char *type, const void *data, size_t bytes) {
    const size_t head = strlen(type) + strlen("data:;base64,");
    const size_t room = sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_ORIGINAL);
    char *text = kd_alloc(head + room);
    sprintf(text, "data:%s;base64,", type);
    sodium_bin2base64(text + head, room, data, bytes, sodium_base64_VARIANT_ORIGINAL);
    return text;
}

static bool encode_png(const image *from, char **ret, kd_error *err) {
    const size_t bytes = (size_t)from->height * (size_t)from->width * (size_t)from->channels;
    struct spng_ihdr header = {.width = (uint32_t)from->width,
                               .height = (uint32_t)from->height,
                               .bit_depth = 8,
                               .color_type = from->channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE
                                                                 : SPNG_COLOR_TYPE_TRUECOLOR};
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!ctx) {
        return kd_fail(err, KD_E_MEMORY, "libspng: no context");
    }
    size_t length = 0;
    void *data = NULL;
    int status = spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    status = status ? status : spng_set_ihdr(ctx, &header);
    status = status
                 ? status
                 : spng_encode_image(ctx, from->pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    if (!status) {
        data = spng_get_png_buffer(ctx, &length, &status);
    }
    spng_ctx_free(ctx);
    if (status || !data) {
        free(data);
        return kd_fail(err, KD_E_INTERNAL, "libspng: %s", spng_strerror(status));
    }
    *ret = data_uri("image/png", data, length);
    free(data);
    return true;
}

static bool encode_jpeg(const image *from, char **ret, kd_error *err) {
    tjhandle tj = tjInitCompress();
    unsigned char *data = NULL;
    unsigned long length = 0;
    const bool grey = from->channels == 1;
    const bool ok =
        tj && tjCompress2(tj, from->pixels, from->width, 0, from->height,
                          grey ? TJPF_GRAY : TJPF_RGB, &data, &length,
                          grey ? TJSAMP_GRAY : TJSAMP_444, quality, TJFLAG_ACCURATEDCT) == 0;
    if (ok) {
        *ret = data_uri("image/jpeg", data, length);
    } else {
        kd_fail(err, KD_E_INTERNAL, "TurboJPEG: %s", tjGetErrorStr2(tj));
    }
    tjFree(data);
    if (tj) {
        tjDestroy(tj);
    }
    return ok;
}

static int32_t longer_side(const image *from) {
    return from->height > from->width ? from->height : from->width;
}

bool thumbnail_encode(const image *from, char **ret, kd_error *err) {
    return longer_side(from) <= largest_png ? encode_png(from, ret, err)
                                            : thumbnail_encode_jpeg(from, ret, err);
}

bool thumbnail_encode_jpeg(const image *from, char **ret, kd_error *err) {
    const int32_t longer = longer_side(from);
    if (longer <= THUMBNAIL_SIDE) {
        return encode_jpeg(from, ret, err);
    }
    const int32_t height = (int32_t)((int64_t)from->height * THUMBNAIL_SIDE / longer);
    const int32_t width = (int32_t)((int64_t)from->width * THUMBNAIL_SIDE / longer);
    image small = {0};
    image_resize(from, height ? height : 1, width ? width : 1, FILTER_BICUBIC, &small);
    const bool ok = encode_jpeg(&small, ret, err);
    free(small.pixels);
    return ok;
}

bool thumbnail_write(html *h, const image *from, const char *alt, kd_error *err) {
    char *uri = NULL;
    if (!thumbnail_encode(from, &uri, err)) {
        return false;
    }
    html_markup(h, "<img class=\"thumb\" src=\"%s\" alt=\"", uri);
    html_text(h, "%s", alt);
    html_markup(h, "\" title=\"");
    html_text(h, "%s", alt);
    html_markup(h, "\"/>");
    free(uri);
    return true;
}
