/* SPDX-License-Identifier: Apache-2.0
 * The dataset plugin image_folder: classes, pairs by name, and what it refuses. */
#include "dataset_kit.h"

#include <unistd.h>

static void touch(kit *k, const char *const *paths) {
    for (int i = 0; paths[i]; i++) {
        kit_text(k, paths[i], paths[i]);
    }
}

/* want: "path label" of each sample, or "path path label". */
static void expect_samples(kit *k, const char *yaml, const char *const *want, int32_t classes) {
    opened o = open_set(k, "image_folder", yaml);
    cr_assert_eq(o.plugin.table->classes(o.set), classes, "%d classes",
                 o.plugin.table->classes(o.set));
    int64_t count = 0;
    for (; want[count]; count++) {
        cr_assert_lt(count, o.plugin.table->count(o.set), "no sample %s", want[count]);
        kd_sample s = {.size = sizeof s};
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(o.plugin.table->read(o.set, count, &s, &err), err);
        char *got = arena_text(&k->memory, "");
        for (uint32_t i = 0; i < s.n_images; i++) {
            got = arena_print(&k->memory, "%s%s ", got, s.images[i].name);
            cr_assert(s.images[i].format == KD_IMAGE_ENCODED && s.images[i].bytes > 0);
        }
        EXPECT_TEXT(arena_print(&k->memory, "%s%d", got, s.label), want[count]);
        EXPECT_IN(o.plugin.table->path(o.set, count), want[count]);
        o.plugin.table->release_sample(o.set, &s);
    }
    cr_assert_eq(o.plugin.table->count(o.set), count);
    close_set(&o);
}

TEST(image_folder, classes_by_folder) {
    static const char *const paths[] = {"s/b/1.jpg",       "s/b/2.JPEG", "s/a-1/x.png",
                                        "s/a/deep/y.PnG",  "s/a/z.jpg",  "s/a/notes.txt",
                                        "s/c/.hidden.jpg", NULL};
    static const char *const want[] = {"a-1/x.png 1", "a/deep/y.PnG 0", "a/z.jpg 0",
                                       "b/1.jpg 2",   "b/2.JPEG 2",     NULL};
    static const char *const bare[] = {"a-1/x.png -1", "a/deep/y.PnG -1", "a/z.jpg -1",
                                       "b/1.jpg -1",   "b/2.JPEG -1",     NULL};
    kit k;
    kit_init(&k);
    touch(&k, paths);
    const char *path = kit_path(&k, "s");
    expect_samples(&k, options(&k, path, ""), want, 3);
    expect_samples(&k, options(&k, path, ", labels: folders"), want, 3);
    expect_samples(&k, options(&k, path, ", labels: none"), bare, 0);
    opened o = open_set(&k, "image_folder", options(&k, path, ""));
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 1), "a-1");
    close_set(&o);
    kit_finish(&k);
}

TEST(image_folder, shared_folders_are_no_classes) {
    static const kit_file files[] = {{"data/train/cat/2.png", "x", 1},
                                     {"data/train/cat/1.jpg", "x", 1},
                                     {"data/train/ant/1.jpg", "x", 1},
                                     {"data/val/cat/3.jpg", "x", 1},
                                     {"data/readme.jpg.txt", "x", 1}};
    static const char *const want[] = {"data/train/ant/1.jpg 0", "data/train/cat/1.jpg 1",
                                       "data/train/cat/2.png 1", NULL};
    static const char *const flat[] = {"data/train/cat/1.jpg -1", "data/train/cat/2.png -1", NULL};
    static const char *const all[] = {"data/train/ant/1.jpg -1", "data/train/cat/1.jpg -1",
                                      "data/train/cat/2.png -1", "data/val/cat/3.jpg -1", NULL};
    kit k;
    kit_init(&k);
    const char *path = kit_archive(&k, "a.tar.zst", files, 3);
    expect_samples(&k, options(&k, path, ""), want, 2);
    expect_samples(&k, options(&k, path, ", root: data/train/cat"), flat, 0);
    path = kit_archive(&k, "b.zip", files, 5);
    expect_samples(&k, options(&k, path, ", root: data/train/"), want, 2);
    expect_samples(&k, options(&k, path, ", labels: none"), all, 0);
    expect_refused(&k, "image_folder", options(&k, path, ""),
                   "its folders ('train', ...) are splits", "data.root: train");
    opened o = open_set(&k, "image_folder", options(&k, path, ", root: data/train"));
    /* the archive's order: cat/2.png lies first */
    cr_assert_lt(o.plugin.table->order(o.set, 2), o.plugin.table->order(o.set, 0));
    close_set(&o);
    kit_finish(&k);
}

TEST(image_folder, without_labels) {
    static const char *const paths[] = {"f/1.jpg", "f/2.png",   "g/x/1.jpg", "g/x/y/2.jpg",
                                        "h/1.jpg", "h/a/2.jpg", NULL};
    static const char *const flat[] = {"1.jpg -1", "2.png -1", NULL};
    static const char *const one[] = {"x/1.jpg -1", "x/y/2.jpg -1", NULL};
    static const char *const mixed[] = {"1.jpg -1", "a/2.jpg -1", NULL};
    kit k;
    kit_init(&k);
    touch(&k, paths);
    expect_samples(&k, options(&k, kit_path(&k, "f"), ""), flat, 0);
    expect_samples(&k, options(&k, kit_path(&k, "g"), ""), one, 0);
    expect_samples(&k, options(&k, kit_path(&k, "h"), ""), mixed, 0);
    expect_refused(&k, "image_folder", options(&k, kit_path(&k, "h"), ", labels: folders"),
                   "'1.jpg' lies in no class folder", "data.labels: none");
    kit_finish(&k);
}

TEST(image_folder, numbered_pairs) {
    static const char *const paths[] = {"p/cat/tom_1.jpg", "p/cat/tom_2.png",  "p/cat/tom_a.jpg",
                                        "p/cat/tom_B.jpg", "p/dog/x_10_1.jpg", "p/dog/x_10_2.jpg",
                                        "p/dog/tom_2.jpg", "p/dog/tom_1.jpg",  NULL};
    static const char *const want[] = {
        "cat/tom_1.jpg cat/tom_2.png 0", "cat/tom_a.jpg cat/tom_B.jpg 0",
        "dog/tom_1.jpg dog/tom_2.jpg 1", "dog/x_10_1.jpg dog/x_10_2.jpg 1", NULL};
    kit k;
    kit_init(&k);
    touch(&k, paths);
    const char *path = kit_path(&k, "p");
    const char *yaml = options(&k, path, ", pairing: numbered");
    expect_samples(&k, yaml, want, 2);
    const char *lone = kit_text(&k, "p/dog/rex_2.jpg", "x");
    expect_refused(&k, "image_folder", yaml, "'dog/rex_2.jpg' has no partner 'dog/rex_1'",
                   "remove the first");
    cr_assert_eq(unlink(lone), 0);
    lone = kit_text(&k, "p/cat/tom_2.jpg", "x");
    expect_refused(&k, "image_folder", yaml,
                   "several files are the same half of the pair 'cat/tom'", "other extensions");
    cr_assert_eq(unlink(lone), 0);
    lone = kit_text(&k, "p/dog/rex.jpg", "x");
    expect_refused(&k, "image_folder", yaml, "'dog/rex.jpg' is no half of a pair", "_1 and _2");
    cr_assert_eq(unlink(lone), 0);
    kit_text(&k, "p/dog/_1.jpg", "x");
    expect_refused(&k, "image_folder", yaml, "'dog/_1.jpg' is no half of a pair", "_1 and _2");
    kit_finish(&k);
}

TEST(image_folder, refuses_with_a_hint) {
    kit k;
    kit_init(&k);
    kit_text(&k, "e/readme.txt", "x");
    expect_refused(&k, "image_folder", options(&k, kit_path(&k, "e"), ""), "no JPEG or PNG file",
                   "a folder for each class");
    kit_text(&k, "e/x.webp", "x");
    expect_refused(&k, "image_folder", options(&k, kit_path(&k, "e"), ""), "no JPEG or PNG file",
                   "there is 'x.webp'");
    kit_text(&k, "e/x.jpg", "x");
    expect_refused(&k, "image_folder", options(&k, kit_path(&k, "e"), ", root: nowhere"),
                   "e/nowhere: no JPEG or PNG file", "");
    expect_refused(&k, "image_folder", options(&k, kit_path(&k, "none"), ""), "No such file", "");
    kit_finish(&k);
}
