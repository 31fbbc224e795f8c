/* SPDX-License-Identifier: Apache-2.0
 * The dataset plugin stl10, on files in the official binary format. */
#include "data/source.h"
#include "dataset_kit.h"

enum { SIDE = 96, PLANE = SIDE * SIDE, RECORD = 3 * PLANE };

/* What a pixel is made of, so that a test can tell every place from every other. */
static unsigned char pixel(int picture, int y, int x, int c) {
    return (unsigned char)(picture * 5 + y * 3 + x * 7 + c * 101 + y * x % 13);
}

/* As in the official files: planes of red, green and blue, each column after column. */
static kit_file images_file(kit *k, const char *path, int first, int count) {
    unsigned char *data = arena_alloc(&k->memory, (size_t)count * RECORD);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < RECORD; j++) {
            data[i * RECORD + j] = pixel(first + i, j % SIDE, j % PLANE / SIDE, j / PLANE);
        }
    }
    return (kit_file){path, data, (size_t)count * RECORD};
}

enum { TRAIN = 5, TESTS = 3, WITHOUT = 300, FILES = 7 };

static const char names[] = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n";

/* In the order of the official archive. */
static void make_files(kit *k, kit_file *ret) {
    ret[0] = images_file(k, "stl10_binary/test_X.bin", 50, TESTS);
    ret[1] = (kit_file){"stl10_binary/test_y.bin", "\1\2\12", TESTS};
    ret[2] = images_file(k, "stl10_binary/train_X.bin", 0, TRAIN);
    ret[3] = (kit_file){"stl10_binary/train_y.bin", "\12\1\2\3\1", TRAIN};
    ret[4] = images_file(k, "stl10_binary/unlabeled_X.bin", 100, WITHOUT);
    ret[5] = (kit_file){"stl10_binary/class_names.txt", names, sizeof names - 1};
    ret[6] = (kit_file){"stl10_binary/fold_indices.txt", "0 1 \n4 2 0 \n", 12};
}

static void expect_sample(const opened *o, int64_t index, int picture, int32_t label) {
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(o->plugin.table->read(o->set, index, &s, &err), err);
    const kd_image *is = &s.images[0];
    cr_assert(s.n_images == 1 && is->format == KD_IMAGE_RAW && is->bytes == RECORD);
    cr_assert(is->height == SIDE && is->width == SIDE && is->channels == 3);
    const unsigned char *p = is->data;
    for (int i = 0; i < RECORD; i++) {
        const int y = i / 3 / SIDE, x = i / 3 % SIDE;
        cr_assert_eq(p[i], pixel(picture, y, x, i % 3), "image %d, row %d, column %d", picture, y,
                     x);
    }
    cr_assert(s.label == label && o->plugin.table->label(o->set, index) == label);
    o->plugin.table->release_sample(o->set, &s);
}

static void expect_labelled(kit *k, const char *path) {
    opened o = open_set(k, "stl10", options(k, path, ""));
    cr_assert(o.plugin.table->count(o.set) == TRAIN && o.plugin.table->classes(o.set) == 10);
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 0), "airplane");
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 9), "truck");
    expect_sample(&o, 4, 4, 0);
    expect_sample(&o, 0, 0, 9);
    close_set(&o);
    o = open_set(k, "stl10", options(k, path, ", split: test"));
    cr_assert(o.plugin.table->count(o.set) == TESTS && o.plugin.table->classes(o.set) == 10);
    expect_sample(&o, 2, 52, 9);
    close_set(&o);
    o = open_set(k, "stl10", options(k, path, ", fold: 2"));
    cr_assert_eq(o.plugin.table->count(o.set), 3);
    expect_sample(&o, 0, 4, 0);
    expect_sample(&o, 1, 2, 1);
    expect_sample(&o, 2, 0, 9);
    close_set(&o);
}

static void expect_unlabelled(kit *k, const char *path) {
    opened o = open_set(k, "stl10", options(k, path, ", split: unlabeled"));
    cr_assert(o.plugin.table->count(o.set) == WITHOUT && o.plugin.table->classes(o.set) == 0);
    static const int order[] = {0, 127, 128, 299, 256, 255, 1}; /* around blocks, and back */
    for (int i = 0; i < 7; i++) {
        expect_sample(&o, order[i], 100 + order[i], -1);
    }
    close_set(&o);
    o = open_set(k, "stl10", options(k, path, ", split: train+unlabeled"));
    cr_assert(o.plugin.table->count(o.set) == TRAIN + WITHOUT &&
              o.plugin.table->classes(o.set) == 10);
    expect_sample(&o, 4, 4, 0);
    expect_sample(&o, TRAIN, 100, -1);
    expect_sample(&o, TRAIN + WITHOUT - 1, 100 + WITHOUT - 1, -1);
    expect_sample(&o, 3, 3, 2);
    close_set(&o);
}

TEST(stl10, archive_and_folder) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    const char *packed = kit_archive(&k, "stl10_binary.tar.gz", files, FILES);
    for (int i = 0; i < FILES; i++) {
        kit_write(&k, arena_print(&k.memory, "d/%s", files[i].path), files[i].data, files[i].bytes);
    }
    const char *paths[] = {packed, kit_archive(&k, "s.tar", files, FILES), kit_path(&k, "d"),
                           kit_path(&k, "d/stl10_binary")};
    for (int i = 0; i < 4; i++) {
        expect_labelled(&k, paths[i]);
        expect_unlabelled(&k, paths[i]);
    }
    kit_finish(&k);
}

/* Through the store, from the archive, by several threads. */
TEST(stl10, packs) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    const char *path = kit_archive(&k, "stl10_binary.tar.gz", files, FILES);
    const char *yaml = options(&k, path, ", split: train+unlabeled");
    kit_plugin p;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(kit_plugin_load(&k, "stl10", yaml, &p, &err), err);
    const source_options o = {.table = p.table,
                              .config = p.config,
                              .id = p.id,
                              .version = p.version,
                              .options = yaml,
                              .host = &kit_host,
                              .cache = kit_path(&k, "cache")};
    source *s = NULL;
    EXPECT_GOOD(source_open(&o, &s, &err), err);
    const store *t = s->store;
    cr_assert(t->samples == TRAIN + WITHOUT && t->channels == 3 && t->classes == 10);
    for (int i = 0; i < t->samples; i++) {
        const int picture = i < TRAIN ? i : 100 + i - TRAIN;
        const uint8_t *at = t->pixels + t->offset[i] + (7 * SIDE + 90) * 3;
        cr_assert(at[0] == pixel(picture, 7, 90, 0) && at[2] == pixel(picture, 7, 90, 2), "%d", i);
        cr_assert_eq(t->label[i] < 0, i >= TRAIN);
    }
    source_close(s);
    kit_plugin_finish(&p);
    kit_finish(&k);
}

static const char *with_one(kit *k, const kit_file *files, int which, const void *data,
                            size_t bytes) {
    kit_file changed[FILES];
    memcpy(changed, files, sizeof changed);
    changed[which].data = data;
    changed[which].bytes = bytes;
    return options(k, kit_archive(k, "s.tar", changed, FILES), which == 6 ? ", fold: 2" : "");
}

TEST(stl10, refuses_with_a_hint) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    const char *path = kit_archive(&k, "s.tar", files, 2);
    expect_refused(&k, "stl10", options(&k, path, ""), "train_X.bin is missing",
                   "stl10_binary.tar.gz");
    expect_refused(&k, "stl10", options(&k, path, ", split: unlabeled"),
                   "unlabeled_X.bin is missing", "stl10_binary.tar.gz");
    expect_refused(&k, "stl10", options(&k, path, ", split: test, fold: 1"),
                   "folds are of the training images only", "leave data.fold out");
    kit_text(&k, "matlab/train.mat", "x");
    expect_refused(&k, "stl10", options(&k, kit_path(&k, "matlab"), ""), "train_X.bin is missing",
                   "Matlab version");
    path = kit_archive(&k, "s.tar", files, 3);
    expect_refused(&k, "stl10", options(&k, path, ""), "train_y.bin is missing", "fetch");
    expect_refused(&k, "stl10", options(&k, path, ", split: test, fold: 11"), "fold", "");
    expect_refused(&k, "stl10", with_one(&k, files, 2, files[2].data, RECORD + 1),
                   "train_X.bin: 27649 bytes are not a whole number of images of 27648",
                   "cut short");
    expect_refused(&k, "stl10", with_one(&k, files, 2, "", 0), "train_X.bin: 0 bytes", "cut short");
    expect_refused(&k, "stl10", with_one(&k, files, 2, files[2].data, 4 * RECORD),
                   "train_y.bin: 5 labels for 4 images", "cut short");
    expect_refused(&k, "stl10", with_one(&k, files, 3, "\1\2\0\4\5", 5),
                   "train_y.bin: label 0 of image #2 is not 1 to 10", "damaged");
    expect_refused(&k, "stl10", with_one(&k, files, 3, "\1\2\3\4\13", 5), "label 11 of image #4",
                   "damaged");
    expect_refused(&k, "stl10", with_one(&k, files, 6, "0 1\n", 4),
                   "fold_indices.txt: has no line 2", "cut short");
    expect_refused(&k, "stl10", with_one(&k, files, 6, "0\n0 5\n", 6),
                   "fold_indices.txt:2: '5' is no index of the 5 images", "not of one set");
    expect_refused(&k, "stl10", with_one(&k, files, 6, "0\n0 x\n", 6), "'x' is no index", "");
    expect_refused(&k, "stl10", with_one(&k, files, 6, "0\n \t \r\n1\n", 8),
                   "fold_indices.txt:2: has no index", "leave data.fold out");
    expect_refused(&k, "stl10", with_one(&k, files, 6, "0\n\n1\n", 5),
                   "fold_indices.txt:2: has no index", "damaged");
    kit_finish(&k);
}

/* A file that is cut while the set is open. */
TEST(stl10, says_what_ends_early) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    for (int i = 2; i < 4; i++) {
        kit_write(&k, files[i].path, files[i].data, files[i].bytes);
    }
    opened o = open_set(&k, "stl10", options(&k, kit_path(&k, "stl10_binary"), ""));
    kit_write(&k, files[2].path, files[2].data, 2 * RECORD + 100);
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(o.plugin.table->read(o.set, 2, &s, &err));
    EXPECT_IN("#2: ", err.message);
    EXPECT_IN("train_X.bin: ends before", err.message);
    close_set(&o);
    kit_finish(&k);
}
