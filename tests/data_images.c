/* SPDX-License-Identifier: Apache-2.0
 * Pictures for the tests of data, and JPEG and PNG files of them. */
#include "data_kit.h"

#include <math.h>
#include <spng.h>
#include <stdlib.h>
#include <turbojpeg.h>

image kit_picture(kit *k, int height, int width, int channels, int seed) {
    image p = {height, width, channels,
               arena_alloc(&k->memory, (size_t)height * (size_t)width * (size_t)channels)};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < channels; c++) {
                const double wave = sin(0.11 * x + seed) * cos(0.07 * y * (c + 1) - seed);
                p.pixels[(y * width + x) * channels + c] = (uint8_t)lrint(128 + 100 * wave);
            }
        }
    }
    return p;
}

kit_file kit_jpeg(kit *k, const char *path, image picture) {
    static const int formats[] = {[1] = TJPF_GRAY, [3] = TJPF_RGB, [4] = TJPF_CMYK};
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    tjhandle tj = tjInitCompress();
    cr_assert_eq(tjCompress2(tj, picture.pixels, picture.width, 0, picture.height,
                             formats[picture.channels], &data, &bytes,
                             picture.channels == 1 ? TJSAMP_GRAY : TJSAMP_444, 98, 0),
                 0, "%s", tjGetErrorStr2(tj));
    tjDestroy(tj);
    const kit_file file = {path, arena_copy(&k->memory, data, bytes), bytes};
    tjFree(data);
    return file;
}

kit_file kit_png_raw(kit *k, const char *path, int height, int width, int color_type, int depth,
                     const void *pixels, size_t bytes, const unsigned char *palette, int colors) {
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr header = {.height = (uint32_t)height,
                               .width = (uint32_t)width,
                               .color_type = (uint8_t)color_type,
                               .bit_depth = (uint8_t)depth};
    spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    cr_assert_eq(spng_set_ihdr(ctx, &header), 0);
    if (palette) {
        struct spng_plte plte = {.n_entries = (uint32_t)colors};
        struct spng_trns trns = {.n_type3_entries = (uint32_t)colors};
        for (int i = 0; i < colors; i++) {
            const unsigned char *p = palette + 4 * i;
            plte.entries[i] = (struct spng_plte_entry){p[0], p[1], p[2], 0};
            trns.type3_alpha[i] = p[3];
        }
        cr_assert_eq(spng_set_plte(ctx, &plte), 0);
        cr_assert_eq(spng_set_trns(ctx, &trns), 0);
    }
    cr_assert_eq(spng_encode_image(ctx, pixels, bytes, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE), 0);
    int status;
    size_t size;
    void *data = spng_get_png_buffer(ctx, &size, &status);
    cr_assert(data && status == 0);
    const kit_file file = {path, arena_copy(&k->memory, data, size), size};
    free(data);
    spng_ctx_free(ctx);
    return file;
}

kit_file kit_png(kit *k, const char *path, image p) {
    return kit_png_raw(k, path, p.height, p.width,
                       p.channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR, 8,
                       p.pixels, (size_t)p.height * (size_t)p.width * (size_t)p.channels, NULL, 0);
}

double kit_difference(const image *a, const image *b) {
    cr_assert(a->height == b->height && a->width == b->width && a->channels == b->channels);
    const int64_t count = (int64_t)a->height * a->width * a->channels;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += fabs((double)a->pixels[i] - b->pixels[i]);
    }
    return sum / (double)count;
}
