/* SPDX-License-Identifier: Apache-2.0
 * JPEG through TurboJPEG: grey, colour and CMYK, whole files only. */
#include "base/arena.h"
#include "data/decode_formats.h"

#include <stdlib.h>
#include <turbojpeg.h>

/* Warnings that leave the picture whole. */
static bool is_harmless(const char *warning) {
    return strstr(warning, "extraneous bytes") || strstr(warning, "Adobe color transform") ||
           strstr(warning, "ICC profile");
}

/* TurboJPEG tells only the first warning, and a harmless one may hide that the end is missing. */
static bool has_end(const unsigned char *data, size_t bytes) {
    for (size_t i = bytes; i >= 2; i--) {
        if (data[i - 2] == 0xff && data[i - 1] == 0xd9) {
            return true;
        }
    }
    return false;
}

/* Photoshop stores CMYK inverted and says so by an "Adobe" segment. */
static bool has_adobe_segment(const unsigned char *data, size_t bytes) {
    for (size_t i = 2; i + 9 < bytes && data[i] == 0xff && data[i + 1] != 0xda;) {
        if (data[i + 1] == 0xee && memcmp(data + i + 4, "Adobe", 5) == 0) {
            return true;
        }
        i += 2 + ((size_t)data[i + 2] << 8 | data[i + 3]);
    }
    return false;
}

/* u8 [pixels, 4] -> [pixels, 3] in place. */
static void cmyk_to_rgb(uint8_t *p, int64_t pixels, bool inverted) {
    for (int64_t i = 0; i < pixels; i++) {
        const unsigned flip = inverted ? 0 : 255;
        const unsigned k = p[4 * i + 3] ^ flip;
        for (int c = 0; c < 3; c++) {
            p[3 * i + c] = (uint8_t)(((p[4 * i + c] ^ flip) * k + 127) / 255);
        }
    }
}

/* The smallest of 1/8, 1/4, 1/2 and 1 that leaves the short side at twice the wanted one or more:
 * the final resize still filters, so the result stays near that of the whole picture. */
static int denominator(int height, int width, int32_t short_side) {
    const int side = height < width ? height : width;
    int d = 8;
    while (d > 1 && (short_side <= 0 || side / d < 2 * short_side)) {
        d /= 2;
    }
    return d;
}

static bool decompress(tjhandle tj, const void *data, size_t bytes, int colorspace, image *out,
                       kd_error *err) {
    const bool cmyk = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
    const int format = colorspace == TJCS_GRAY ? TJPF_GRAY : cmyk ? TJPF_CMYK : TJPF_RGB;
    const int64_t pixels = (int64_t)out->height * out->width;
    out->channels = format == TJPF_GRAY ? 1 : 3;
    out->pixels = kd_grow(NULL, (size_t)pixels * (size_t)(cmyk ? 4 : out->channels));
    if (tjDecompress2(tj, data, (unsigned long)bytes, out->pixels, out->width, 0, out->height,
                      format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0 &&
        (tjGetErrorCode(tj) == TJERR_FATAL || !is_harmless(tjGetErrorStr2(tj)) ||
         !has_end(data, bytes))) {
        return kd_fail(err, KD_E_DATA, "damaged JPEG: %s", tjGetErrorStr2(tj));
    }
    if (cmyk) {
        cmyk_to_rgb(out->pixels, pixels, has_adobe_segment(data, bytes));
        out->pixels = kd_grow(out->pixels, (size_t)pixels * 3);
    }
    return true;
}

bool jpeg_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err) {
    tjhandle tj = tjInitDecompress();
    if (!tj) {
        return kd_fail(err, KD_E_MEMORY, "TurboJPEG: %s", tjGetErrorStr2(NULL));
    }
    int width = 0, height = 0, subsampling, colorspace = 0;
    image out = {0};
    bool good = true;
    const int status = tjDecompressHeader3(tj, data, (unsigned long)bytes, &width, &height,
                                           &subsampling, &colorspace);
    if (width < 1 || height < 1) { /* a file of tables only is no error to TurboJPEG */
        good = kd_fail(err, KD_E_DATA, "damaged JPEG: %s",
                       status ? tjGetErrorStr2(tj) : "it holds no picture");
    }
    good = good && !image_too_large(height, width, err);
    if (good) {
        const tjscalingfactor factor = {1, denominator(height, width, short_side)};
        out.width = TJSCALED(width, factor);
        out.height = TJSCALED(height, factor);
        good = decompress(tj, data, bytes, colorspace, &out, err);
    }
    tjDestroy(tj);
    if (!good) {
        free(out.pixels);
        return false;
    }
    *ret = out;
    return true;
}
