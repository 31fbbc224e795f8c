/* SPDX-License-Identifier: Apache-2.0
 * Decodes by first bytes: JPEG through TurboJPEG, PNG through libspng. */
#include "data/decode.h"

#include "data/decode_formats.h"

static const struct {
    const char *magic;
    size_t bytes;
    bool (*decode)(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err);
} formats[] = {
    {"\xff\xd8\xff", 3, jpeg_decode},
    {"\x89PNG\r\n\x1a\n", 8, png_decode},
};

/* What people bring by mistake, to name it. */
static const struct {
    const char *magic, *name;
} others[] = {
    {"GIF8", "a GIF"},
    {"RIFF", "a WebP or other RIFF file"},
    {"BM", "a BMP"},
    {"II*", "a TIFF"},
    {"MM", "a TIFF"},
    {"<", "text (HTML, XML or SVG)"},
    {"\x89HDF", "an HDF5"},
    {"PK", "a zip archive"},
    {"version https://git-lfs", "a Git LFS pointer, not the file itself"},
};

bool image_too_large(int64_t height, int64_t width, kd_error *err) {
    if (height < 1 || width < 1) {
        kd_fail(err, KD_E_DATA, "an image of %lld x %lld pixels", (long long)width,
                (long long)height);
        return true;
    }
    if (height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE || height * width > IMAGE_MAX_PIXELS) {
        kd_fail(err, KD_E_DATA, "%lld x %lld pixels are more than %lld million", (long long)width,
                (long long)height, (long long)(IMAGE_MAX_PIXELS / 1000000));
        return true;
    }
    return false;
}

static bool unknown_format(const void *data, size_t bytes, kd_error *err) {
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const size_t n = strlen(others[i].magic);
        if (bytes >= n && memcmp(data, others[i].magic, n) == 0) {
            kd_fail(err, KD_E_DATA, "neither JPEG nor PNG but %s", others[i].name);
            return kd_hint(err, "convert it to JPEG or PNG, or use data.on_error: skip");
        }
    }
    const unsigned char *b = data;
    kd_fail(err, KD_E_DATA, "neither JPEG nor PNG (it begins with %02x %02x %02x %02x)",
            bytes > 0 ? b[0] : 0, bytes > 1 ? b[1] : 0, bytes > 2 ? b[2] : 0, bytes > 3 ? b[3] : 0);
    return kd_hint(err, "convert it to JPEG or PNG, or use data.on_error: skip");
}

bool image_decode(const void *data, size_t bytes, int32_t short_side, image *ret, kd_error *err) {
    if (bytes == 0) {
        return kd_fail(err, KD_E_DATA, "the file is empty");
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (bytes >= formats[i].bytes && memcmp(data, formats[i].magic, formats[i].bytes) == 0) {
            return formats[i].decode(data, bytes, short_side, ret, err);
        }
    }
    return unknown_format(data, bytes, err);
}
