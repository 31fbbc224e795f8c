/* SPDX-License-Identifier: Apache-2.0
 * The dataset plugin tiny_imagenet, on the official layout with JPEG files made here. */
#include "data/source.h"
#include "dataset_kit.h"

/* As in the official zip: wnids.txt is in no order, words.txt knows more than is wanted, boxes lie
 * beside the images, and one image is grey. */
enum { FILES = 15, WNIDS = 0, WORDS = 1, ANNOTATIONS = 8, FIRST_VAL = 9 };

static void make_files(kit *k, kit_file *ret) {
    static const char wnids[] = "n02000000\nn01000000\nn03000000\n",
                      words[] = "n00000001\tentity\nn01000000\tgoldfish, Carassius auratus\n"
                                "n02000000\tcrane\n",
                      boxes[] = "n01000000_0.JPEG\t0\t0\t62\t63\n",
                      annotations[] = "val_0.JPEG\tn03000000\t0\t32\t44\t62\n"
                                      "val_1.JPEG\tn01000000\t52\t55\t57\t59\n"
                                      "val_10.JPEG\tn02000000\t4\t0\t60\t55\n";
    int n = 0;
#define TOP "tiny-imagenet-200/"
    ret[n++] = (kit_file){TOP "wnids.txt", wnids, sizeof wnids - 1};
    ret[n++] = (kit_file){TOP "words.txt", words, sizeof words - 1};
    ret[n++] = (kit_file){TOP "train/n01000000/n01000000_boxes.txt", boxes, sizeof boxes - 1};
    ret[n++] =
        kit_jpeg(k, TOP "train/n01000000/images/n01000000_0.JPEG", kit_picture(k, 64, 64, 3, 1));
    ret[n++] =
        kit_jpeg(k, TOP "train/n01000000/images/n01000000_1.JPEG", kit_picture(k, 64, 64, 1, 2));
    ret[n++] =
        kit_jpeg(k, TOP "train/n03000000/images/n03000000_7.JPEG", kit_picture(k, 64, 64, 3, 3));
    ret[n++] =
        kit_jpeg(k, TOP "train/n02000000/images/n02000000_3.JPEG", kit_picture(k, 64, 64, 3, 4));
    ret[n++] = kit_jpeg(k, TOP "test/images/test_0.JPEG", kit_picture(k, 64, 64, 3, 5));
    ret[n++] = (kit_file){TOP "val/val_annotations.txt", annotations, sizeof annotations - 1};
    ret[n++] = kit_jpeg(k, TOP "val/images/val_0.JPEG", kit_picture(k, 64, 64, 3, 6));
    ret[n++] = kit_jpeg(k, TOP "val/images/val_1.JPEG", kit_picture(k, 64, 64, 3, 7));
    ret[n++] = kit_jpeg(k, TOP "val/images/val_10.JPEG", kit_picture(k, 64, 64, 3, 8));
    ret[n++] = kit_jpeg(k, TOP "test/images/test_1.JPEG", kit_picture(k, 64, 64, 3, 9));
    ret[n++] = kit_jpeg(k, TOP "test/images/test_2.JPEG", kit_picture(k, 64, 64, 3, 10));
    ret[n++] = (kit_file){TOP ".hidden.JPEG", "x", 1};
    cr_assert_eq(n, FILES);
}

static void expect_labels(kit *k, const char *yaml, int count, int classes, const char *first,
                          const int *labels) {
    opened o = open_set(k, "tiny_imagenet", yaml);
    const kd_dataset *t = o.plugin.table;
    cr_assert(t->count(o.set) == count && t->classes(o.set) == classes, "%d of %d",
              (int)t->count(o.set), t->classes(o.set));
    EXPECT_IN(first, t->path(o.set, 0));
    for (int i = 0; i < count; i++) {
        kd_sample s = {.size = sizeof s};
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(t->read(o.set, i, &s, &err), err);
        cr_assert(s.n_images == 1 && s.images[0].format == KD_IMAGE_ENCODED);
        cr_assert_eq(memcmp(s.images[0].data, "\xff\xd8\xff", 3), 0);
        cr_assert(s.label == labels[i] && t->label(o.set, i) == labels[i], "%s: %d",
                  t->path(o.set, i), s.label);
        t->release_sample(o.set, &s);
    }
    if (classes == 3) {
        EXPECT_TEXT(t->class_name(o.set, 0), "goldfish, Carassius auratus");
        EXPECT_TEXT(t->class_name(o.set, 1), "crane");
        EXPECT_TEXT(t->class_name(o.set, 2), "n03000000");
    }
    close_set(&o);
}

static void expect_official(kit *k, const char *path) {
    expect_labels(k, options(k, path, ""), 4, 3, "train/n01000000/images/n01000000_0.JPEG",
                  (int[]){0, 0, 1, 2});
    expect_labels(k, options(k, path, ", split: val"), 3, 3, "val/images/val_0.JPEG",
                  (int[]){2, 0, 1});
    expect_labels(k, options(k, path, ", split: test"), 3, 0, "test/images/test_0.JPEG",
                  (int[]){-1, -1, -1});
}

TEST(tiny_imagenet, zip_and_folder) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    expect_official(&k, kit_archive(&k, "tiny-imagenet-200.zip", files, FILES));
    expect_official(&k, kit_archive(&k, "tiny.tar.xz", files, FILES));
    for (int i = 0; i < FILES; i++) {
        kit_write(&k, arena_print(&k.memory, "d/%s", files[i].path), files[i].data, files[i].bytes);
    }
    expect_official(&k, kit_path(&k, "d"));
    expect_official(&k, kit_path(&k, "d/tiny-imagenet-200"));
    kit_finish(&k);
}

/* Class folders for validation too, with and without the list of classes. */
TEST(tiny_imagenet, sorted_into_folders) {
    kit k;
    kit_init(&k);
    const kit_file picture = kit_jpeg(&k, "p", kit_picture(&k, 64, 64, 3, 1));
    static const char *const paths[] = {"train/n02000000/a.JPEG", "train/n01000000/b.JPEG",
                                        "val/n02000000/c.JPEG", "val/n02000000/images/d.JPEG"};
    for (int i = 0; i < 4; i++) {
        kit_write(&k, arena_print(&k.memory, "t/%s", paths[i]), picture.data, picture.bytes);
    }
    const char *folder = kit_path(&k, "t");
    for (int round = 0; round < 2; round++) {
        expect_labels(&k, options(&k, folder, ""), 2, 2 + 2 * round, "train/n01000000/b.JPEG",
                      (int[]){round, 1 + round});
        expect_labels(&k, options(&k, folder, ", split: val"), 2, 2 + 2 * round,
                      "val/n02000000/c.JPEG", (int[]){1 + round, 1 + round});
        kit_text(&k, "t/wnids.txt", "n09000000\nn02000000\nn01000000\r\nn00000000\n");
    }
    kit_finish(&k);
}

/* Through the store: grey pictures among those in colour. */
TEST(tiny_imagenet, packs) {
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    const char *yaml = options(&k, kit_archive(&k, "t.zip", files, FILES), "");
    kit_plugin p;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(kit_plugin_load(&k, "tiny_imagenet", yaml, &p, &err), err);
    const source_options o = {.table = p.table,
                              .config = p.config,
                              .id = p.id,
                              .version = p.version,
                              .options = yaml,
                              .host = &kit_host,
                              .cache = kit_path(&k, "cache")};
    source *s = NULL;
    EXPECT_GOOD(source_open(&o, &s, &err), err);
    cr_assert(s->store->samples == 4 && s->store->channels == 3 && s->store->classes == 3);
    cr_assert(s->store->height[1] == 64 && s->store->label[3] == 2);
    source_close(s);
    kit_plugin_finish(&p);
    kit_finish(&k);
}

static const char *with_one(kit *k, const kit_file *files, int which, const char *text,
                            const char *more) {
    kit_file changed[FILES];
    memcpy(changed, files, sizeof changed);
    changed[which].data = text;
    changed[which].bytes = strlen(text);
    return options(k, kit_archive(k, "t.tar", changed, FILES), more);
}

TEST(tiny_imagenet, refuses_with_a_hint) {
    static const char id[] = "tiny_imagenet", val[] = ", split: val";
    kit k;
    kit_init(&k);
    kit_file files[FILES];
    make_files(&k, files);
    expect_refused(&k, id, options(&k, kit_archive(&k, "t.tar", files, 8), val),
                   "no JPEG file in 'val'", "tiny-imagenet-200.zip");
    expect_refused(&k, id, with_one(&k, files, WNIDS, "n01000000\nn02000000\n", ""),
                   "train/n03000000/images/n03000000_7.JPEG': 'n03000000' is none of the 2 classes",
                   "not of one set");
    expect_refused(&k, id, with_one(&k, files, ANNOTATIONS, "val_0.JPEG\tn03000000\t0\n", val),
                   "'tiny-imagenet-200/val/images/val_1.JPEG' has no line in val_annotations.txt",
                   "cut short");
    expect_refused(&k, id, with_one(&k, files, ANNOTATIONS, "val_0.JPEG\tn03\n", val),
                   "val_annotations.txt:1: 'n03' is none of the 3 classes", "not of one set");
    expect_refused(&k, id, with_one(&k, files, ANNOTATIONS, "val_0.JPEG\tn03000000\nval_1", val),
                   "val_annotations.txt:2: neither an image's name nor its class", "cut short");
    expect_refused(
        &k, id,
        with_one(&k, files, ANNOTATIONS, "val_0.JPEG\tn03000000\nval_0.JPEG\tn03000000\n", val),
        "val_annotations.txt:2: 'val_0' has a line already", "");
    kit_file fewer[FILES];
    memcpy(fewer, files, sizeof fewer);
    fewer[FIRST_VAL + 1] = fewer[FIRST_VAL];
    expect_refused(&k, id, options(&k, kit_archive(&k, "t.zip", fewer, FILES), val),
                   "val/images has 2 of the 3 images", "unpack");
    fewer[ANNOTATIONS] = fewer[0];
    expect_refused(&k, id, options(&k, kit_archive(&k, "t.zip", fewer, FILES), val),
                   "val_annotations.txt is missing", "fetch the zip again");
    kit_finish(&k);
}
