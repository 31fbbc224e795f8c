/* SPDX-License-Identifier: Apache-2.0
 * What the tests of data share: folders of their own, archives, images in files, and a dataset
 * whose samples lie in memory. Mistakes of a test end it. */
#ifndef TESTS_DATA_KIT_H
#define TESTS_DATA_KIT_H

#include "base/arena.h"
#include "data/decode.h"
#include "leaks.h"

#include <kindred/dataset.h>

#define EXPECT_TEXT(got, want)                                                                     \
    cr_assert_str_eq((got), (want), "got  \"%s\"\nwant \"%s\"", (got), (want))
#define EXPECT_IN(part, text)                                                                      \
    cr_assert(strstr((text), (part)) != NULL, "\"%s\" is not in \"%s\"", (part), (text))
/* A call that must succeed, with its message when it does not. */
#define EXPECT_GOOD(call, err) cr_assert((call), "%s", (err).message)

/* An empty folder of this test's own; kit_finish removes it. */
typedef struct kit {
    const char *folder;
    arena memory;
} kit;
void kit_init(kit *k);
void kit_finish(kit *k);

/* "FOLDER/name". */
const char *kit_path(kit *k, const char *name);
/* Writes FOLDER/name, making the folders on its way. Returns its path. */
const char *kit_write(kit *k, const char *name, const void *data, size_t bytes);
const char *kit_text(kit *k, const char *name, const char *text);

typedef struct kit_file {
    const char *path;
    const void *data;
    size_t bytes;
} kit_file;

/* Writes an archive as FOLDER/name by its suffix: .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst, .zip;
 * or, with .gz, .xz, .zst and .bz2 alone, the first file's bytes compressed. A file whose data is
 * NULL becomes a symbolic link (bytes 0) or a hard link (bytes 1) to the file before it. */
const char *kit_archive(kit *k, const char *name, const kit_file *files, int count);

/* A smooth picture, another for each seed. */
image kit_picture(kit *k, int height, int width, int channels, int seed);
/* Files of it; the bytes belong to the kit. JPEG takes 1, 3 or 4 (CMYK) channels. */
kit_file kit_jpeg(kit *k, const char *path, image picture);
kit_file kit_png(kit *k, const char *path, image picture);
/* Any colour type and depth; palette of `colors` RGBA entries or NULL. */
kit_file kit_png_raw(kit *k, const char *path, int height, int width, int color_type, int depth,
                     const void *pixels, size_t bytes, const unsigned char *palette, int colors);
/* Of the absolute differences of two images of one size. */
double kit_difference(const image *a, const image *b);

/* The config of kit_dataset: its samples are the files in turn, per_sample of them each. */
typedef struct kit_list {
    const kit_file *files;
    int count, per_sample;
    const int32_t *labels; /* [count / per_sample], NULL: none */
    int32_t classes;
    const char *fingerprint;
    bool backwards; /* to be read from the last to the first */
    int *reads;     /* counts them, when not NULL */
} kit_list;
extern const kd_dataset kit_dataset;
extern const kd_host kit_host; /* logs nowhere */

typedef struct kit_plugin {
    const kd_dataset *table;
    const void *config;
    const char *id, *version;
    struct registry *plugins;
} kit_plugin;
/* The dataset plugin of that id with options in YAML. */
bool kit_plugin_load(kit *k, const char *id, const char *yaml, kit_plugin *ret, kd_error *err);
void kit_plugin_finish(kit_plugin *p);

#endif
