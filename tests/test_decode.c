/* SPDX-License-Identifier: Apache-2.0
 * Decoding: against what was encoded, and on damage. */
#include "data/resize.h"
#include "data_kit.h"

#include <spng.h>
#include <stdlib.h>

static image decode(const kit_file *file, int32_t side) {
    image out = {0};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(image_decode(file->data, file->bytes, side, &out, &err), err);
    return out;
}

static void expect_broken(const void *data, size_t bytes, const char *part) {
    kd_error err = KD_ERROR_INIT;
    image out = {-1, -1, -1, NULL};
    cr_assert_not(image_decode(data, bytes, 0, &out, &err), "decoded: %s", part);
    cr_assert_eq(out.height, -1, "an output of a failed call was written");
    EXPECT_IN(part, err.message);
}

TEST(jpeg, keeps_color_and_grey) {
    kit k;
    kit_init(&k);
    for (int channels = 1; channels <= 3; channels += 2) {
        const image picture = kit_picture(&k, 45, 70, channels, 1);
        const kit_file file = kit_jpeg(&k, "x.jpg", picture);
        image out = decode(&file, 0);
        cr_assert_eq(out.channels, channels);
        cr_assert_lt(kit_difference(&picture, &out), 2);
        free(out.pixels);
    }
    kit_finish(&k);
}

/* The writer marks CMYK as Adobe's, so values are what is left of white: full black ink is K = 0.
 */
TEST(jpeg, cmyk_becomes_rgb) {
    kit k;
    kit_init(&k);
    image ink = {16, 16, 4, arena_alloc(&k.memory, 16 * 16 * 4)};
    for (int i = 0; i < 16 * 16; i++) {
        memcpy(ink.pixels + 4 * i, (uint8_t[]){255, 0, 128, 51}, 4);
    }
    const kit_file file = kit_jpeg(&k, "x.jpg", ink);
    image out = decode(&file, 0);
    cr_assert_eq(out.channels, 3);
    cr_assert_leq(abs(out.pixels[0] - 51), 2);
    cr_assert_leq(abs(out.pixels[1] - 0), 2);
    cr_assert_leq(abs(out.pixels[2] - 26), 2);
    free(out.pixels);
    kit_finish(&k);
}

/* Without the Adobe segment (16 bytes behind the first two) values are ink, stored as they are.
 * Grey ink 55 was stored as luminance 200 between two neutral 128: that is now cyan, magenta,
 * yellow. */
TEST(jpeg, cmyk_without_mark_is_not_inverted) {
    kit k;
    kit_init(&k);
    image ink = {16, 16, 4, arena_alloc(&k.memory, 16 * 16 * 4)};
    for (int i = 0; i < 16 * 16; i++) {
        memcpy(ink.pixels + 4 * i, (uint8_t[]){55, 55, 55, 51}, 4);
    }
    const kit_file file = kit_jpeg(&k, "x.jpg", ink);
    const unsigned char *data = file.data;
    cr_assert(data[3] == 0xee && memcmp(data + 6, "Adobe", 5) == 0);
    char *bare = arena_copy(&k.memory, data, file.bytes - 16);
    memcpy(bare + 2, data + 18, file.bytes - 18);
    const kit_file plain = {"x.jpg", bare, file.bytes - 16};
    image out = decode(&plain, 0);
    cr_assert_leq(abs(out.pixels[0] - 44), 2, "%d", out.pixels[0]);
    cr_assert_leq(abs(out.pixels[1] - 102), 2, "%d", out.pixels[1]);
    free(out.pixels);
    kit_finish(&k);
}

/* Decoding at a fraction of the size may only happen where plenty is left to filter. */
TEST(jpeg, shrinks_while_decoding_only_when_large) {
    static const struct {
        int height, width, side, want_height;
    } cases[] = {{400, 600, 200, 400}, {400, 600, 201, 400}, {400, 600, 100, 200},
                 {400, 600, 50, 100},  {400, 600, 25, 50},   {400, 600, 3, 50},
                 {400, 600, 0, 400},   {405, 600, 101, 203}};
    kit k;
    kit_init(&k);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const image picture = kit_picture(&k, cases[i].height, cases[i].width, 3, 2);
        const kit_file file = kit_jpeg(&k, "x.jpg", picture);
        image out = decode(&file, cases[i].side);
        cr_assert_eq(out.height, cases[i].want_height, "case %zu: %d", i, out.height);
        /* the end result stays near that of the whole picture (waves near the last frequency kept
         * differ most; photographs by 0.8 and less) */
        image whole, part;
        image_resize(&picture, 25, 38, FILTER_BICUBIC, &whole);
        image_resize(&out, 25, 38, FILTER_BICUBIC, &part);
        cr_assert_lt(kit_difference(&whole, &part), 3, "case %zu: %g", i,
                     kit_difference(&whole, &part));
        free(whole.pixels);
        free(part.pixels);
        free(out.pixels);
    }
    kit_finish(&k);
}

TEST(jpeg, refuses_what_is_cut_short) {
    kit k;
    kit_init(&k);
    const kit_file file = kit_jpeg(&k, "x.jpg", kit_picture(&k, 64, 64, 3, 3));
    for (size_t bytes = 3; bytes < file.bytes - 2; bytes += 41) {
        char *cut = malloc(bytes); /* of its exact size, for the address sanitizer */
        memcpy(cut, file.data, bytes);
        expect_broken(cut, bytes, "damaged JPEG");
        free(cut);
    }
    kit_finish(&k);
}

TEST(jpeg, accepts_stray_bytes_before_a_marker) {
    kit k;
    kit_init(&k);
    const kit_file file = kit_jpeg(&k, "x.jpg", kit_picture(&k, 64, 64, 3, 3));
    char *longer = arena_alloc(&k.memory, file.bytes + 4);
    memcpy(longer, file.data, file.bytes - 2);
    memcpy(longer + file.bytes - 2, "\0\0\0\0\xff\xd9", 6);
    const kit_file stray = {"x.jpg", longer, file.bytes + 4};
    image out = decode(&stray, 0), plain = decode(&file, 0);
    cr_assert_eq(kit_difference(&out, &plain), 0);
    free(out.pixels);
    free(plain.pixels);
    kit_finish(&k);
}

TEST(decode, never_crashes_on_damage) {
    kit k;
    kit_init(&k);
    const image picture = kit_picture(&k, 40, 40, 3, 3);
    const kit_file files[] = {kit_jpeg(&k, "x.jpg", picture), kit_png(&k, "x.png", picture)};
    uint32_t random = 12345;
    for (int i = 0; i < 2; i++) {
        unsigned char *bad = malloc(files[i].bytes);
        for (int round = 0; round < 400; round++) {
            memcpy(bad, files[i].data, files[i].bytes);
            for (int hit = 0; hit < 1 + round % 5; hit++) {
                random = random * 1664525 + 1013904223;
                bad[8 + (random >> 8) % (files[i].bytes - 8)] ^= (unsigned char)(random >> 3 | 1);
            }
            image out = {0};
            kd_error err = KD_ERROR_INIT;
            if (image_decode(bad, files[i].bytes, round % 30, &out, &err)) {
                free(out.pixels);
            }
        }
        free(bad);
    }
    kit_finish(&k);
}

TEST(png, keeps_color_and_grey) {
    kit k;
    kit_init(&k);
    for (int channels = 1; channels <= 3; channels += 2) {
        const image picture = kit_picture(&k, 33, 21, channels, 1);
        const kit_file file = kit_png(&k, "x.png", picture);
        image out = decode(&file, 4);
        cr_assert_eq(kit_difference(&picture, &out), 0);
        free(out.pixels);
    }
    kit_finish(&k);
}

TEST(png, reads_every_kind) {
    static const uint8_t rgba[] = {255, 0, 0, 255, 10, 20, 30, 0, 0, 0, 0, 128, 9, 9, 9, 255};
    static const uint8_t grey_alpha[] = {7, 255, 7, 0, 0, 51, 255, 128};
    static const uint16_t deep[] = {0x12ff, 0x8000, 0xffff, 0x00ff};
    static const uint8_t bits[] = {0x40, 0x80}, indices[] = {0, 1, 2, 0};
    static const uint8_t palette[] = {1, 2, 3, 255, 100, 100, 100, 0, 200, 0, 0, 255};
    static const struct {
        int color_type, depth;
        const void *pixels;
        size_t bytes;
        bool palette;
        int channels;
        uint8_t want[12];
    } cases[] = {
        {SPNG_COLOR_TYPE_TRUECOLOR_ALPHA,
         8,
         rgba,
         16,
         false,
         3,
         {255, 0, 0, 255, 255, 255, 127, 127, 127, 9, 9, 9}},
        {SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, grey_alpha, 8, false, 1, {7, 255, 204, 255}},
        {SPNG_COLOR_TYPE_GRAYSCALE, 16, deep, 8, false, 1, {0x12, 0x80, 0xff, 0x00}},
        {SPNG_COLOR_TYPE_GRAYSCALE, 1, bits, 2, false, 1, {0, 255, 255, 0}},
        {SPNG_COLOR_TYPE_INDEXED,
         8,
         indices,
         4,
         true,
         3,
         {1, 2, 3, 255, 255, 255, 200, 0, 0, 1, 2, 3}},
    };
    kit k;
    kit_init(&k);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const kit_file file =
            kit_png_raw(&k, "x.png", 2, 2, cases[i].color_type, cases[i].depth, cases[i].pixels,
                        cases[i].bytes, cases[i].palette ? palette : NULL, 3);
        image out = decode(&file, 0);
        cr_assert_eq(out.channels, cases[i].channels, "case %zu", i);
        for (int j = 0; j < 4 * out.channels; j++) {
            cr_assert_eq(out.pixels[j], cases[i].want[j], "case %zu, byte %d: %d", i, j,
                         out.pixels[j]);
        }
        free(out.pixels);
    }
    kit_finish(&k);
}

TEST(png, refuses_damage) {
    kit k;
    kit_init(&k);
    const kit_file file = kit_png(&k, "x.png", kit_picture(&k, 64, 64, 3, 3));
    for (size_t bytes = 8; bytes < file.bytes - 16; bytes += 97) {
        char *cut = malloc(bytes);
        memcpy(cut, file.data, bytes);
        expect_broken(cut, bytes, "damaged PNG");
        free(cut);
    }
    char *flipped = arena_copy(&k.memory, file.data, file.bytes);
    flipped[file.bytes / 2] ^= 4;
    expect_broken(flipped, file.bytes, "damaged PNG");
    kit_finish(&k);
}

TEST(decode, names_what_it_is_instead) {
    expect_broken("", 0, "the file is empty");
    expect_broken("\0\0\0\0\0\0\0\0", 8, "neither JPEG nor PNG (it begins with 00 00 00 00)");
    expect_broken("GIF89a", 6, "but a GIF");
    expect_broken("<html>", 6, "but text");
    expect_broken("version https://git-lfs.github.com/spec/v1", 42, "Git LFS");
    expect_broken("\xff", 1, "ff 00 00 00");
}

/* A header that promises more than memory holds, in 57 bytes. */
TEST(decode, refuses_giants) {
    kit k;
    kit_init(&k);
    const image picture = kit_picture(&k, 8, 8, 3, 1);
    const kit_file file = kit_jpeg(&k, "x.jpg", picture);
    unsigned char *giant = (unsigned char *)arena_copy(&k.memory, file.data, file.bytes);
    for (size_t i = 0; i + 9 < file.bytes; i++) {
        if (giant[i] == 0xff && giant[i + 1] == 0xc0) {
            memcpy(giant + i + 5, (uint8_t[]){0x40, 0, 0x40, 0}, 4);
        }
    }
    expect_broken(giant, file.bytes, "16384 x 16384 pixels are more than 67 million");
    kit_finish(&k);
}
