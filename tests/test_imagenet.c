/* SPDX-License-Identifier: Apache-2.0
 * The dataset plugin imagenet: class folders, tars of tars, lists of labels, and parts of it. */
#include "data/source.h"
#include "dataset_kit.h"

#include "base/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char id[] = "imagenet";
static const char *const wnid[] = {"n01440764", "n01443537", "n02119789"};

enum { CLASSES = 3, IMAGES = 4 };

/* Image `i` of class `c`, whose bytes tell which it is. */
static kit_file picture(kit *k, const char *path, int c, int i) {
    return kit_jpeg(k, path, kit_picture(k, 40 + i, 50 + c, 3, 10 * c + i));
}

/* train/WNID/WNID_N.JPEG of all classes, in files of their own. */
static const char *make_folders(kit *k, const char *split) {
    for (int c = 0; c < CLASSES; c++) {
        for (int i = 0; i < IMAGES; i++) {
            const char *path =
                arena_print(&k->memory, "f/%s/%s/%s_%d.JPEG", split, wnid[c], wnid[c], i);
            const kit_file p = picture(k, path, c, i);
            kit_write(k, path, p.data, p.bytes);
        }
    }
    return kit_path(k, "f");
}

static kit_file load(kit *k, const char *name, const char *path) {
    char *data = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(file_read(path, 0, &data, &bytes, &err), err);
    const kit_file file = {name, arena_copy(&k->memory, data, bytes), bytes};
    free(data);
    return file;
}

/* The official train tar: a tar for each class, not sorted, nor their images. */
static const char *make_train_tar(kit *k, const char *name) {
    kit_file tars[CLASSES];
    for (int c = 0; c < CLASSES; c++) {
        const int of = (c + 1) % CLASSES;
        kit_file files[IMAGES];
        for (int i = 0; i < IMAGES; i++) {
            const int n = (i + 2) % IMAGES;
            files[i] = picture(k, arena_print(&k->memory, "%s_%d.JPEG", wnid[of], n), of, n);
        }
        const char *tar = arena_print(&k->memory, "%s.tar", wnid[of]);
        tars[c] = load(k, tar, kit_archive(k, tar, files, IMAGES));
        unlink(kit_path(k, tar));
    }
    return kit_archive(k, name, tars, CLASSES);
}

/* Which image a sample is, by the height and width that picture() gave it. */
static void expect_sample(const opened *o, int64_t index, int32_t label, int c, int i) {
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    image is = {0};
    EXPECT_GOOD(o->plugin.table->read(o->set, index, &s, &err), err);
    cr_assert(s.n_images == 1 && s.images[0].format == KD_IMAGE_ENCODED);
    EXPECT_GOOD(image_decode(s.images[0].data, s.images[0].bytes, 0, &is, &err), err);
    cr_assert(is.height == 40 + i && is.width == 50 + c, "#%d: %s is %d x %d", (int)index,
              s.images[0].name, is.height, is.width);
    cr_assert(s.label == label && o->plugin.table->label(o->set, index) == label);
    EXPECT_TEXT(s.images[0].name, o->plugin.table->path(o->set, index));
    free(is.pixels);
    o->plugin.table->release_sample(o->set, &s);
}

static void expect_whole(kit *k, const char *yaml) {
    opened o = open_set(k, id, yaml);
    const kd_dataset *t = o.plugin.table;
    cr_assert(t->count(o.set) == CLASSES * IMAGES && t->classes(o.set) == CLASSES, "%d",
              (int)t->count(o.set));
    EXPECT_TEXT(t->class_name(o.set, 2), wnid[2]);
    for (int j = CLASSES * IMAGES - 1; j >= 0; j--) {
        expect_sample(&o, j, j / IMAGES, j / IMAGES, j % IMAGES);
    }
    close_set(&o);
}

TEST(imagenet, folders_and_tars) {
    kit k;
    kit_init(&k);
    const char *folder = make_folders(&k, "train");
    make_folders(&k, "val");
    expect_whole(&k, options(&k, folder, ""));
    expect_whole(&k, options(&k, folder, ", split: val"));
    mkdir(kit_path(&k, "official"), 0777);
    expect_whole(&k, options(&k, make_train_tar(&k, "official/ILSVRC2012_img_train.tar"), ""));
    expect_whole(&k, options(&k, kit_path(&k, "official"), ""));
    expect_whole(&k, options(&k, make_train_tar(&k, "train.tar.gz"), ""));
    kit_finish(&k);
}

/* From the tar of tars into a store, by several threads. */
TEST(imagenet, packs) {
    kit k;
    kit_init(&k);
    static const char *const names[] = {"t.tar", "t.tar.gz"};
    for (int round = 0; round < 2; round++) {
        const char *yaml = options(&k, make_train_tar(&k, names[round]), ", per_class: 3");
        kit_plugin p;
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(kit_plugin_load(&k, id, yaml, &p, &err), err);
        const source_options o = {.table = p.table,
                                  .config = p.config,
                                  .id = p.id,
                                  .version = p.version,
                                  .options = yaml,
                                  .host = &kit_host,
                                  .cache = kit_path(&k, "cache")};
        source *s = NULL;
        EXPECT_GOOD(source_open(&o, &s, &err), err);
        cr_assert(s->store->samples == 9 && s->store->classes == CLASSES);
        for (int i = 0; i < 9; i++) {
            cr_assert(s->store->height[i] == 40 + i % 3 && s->store->width[i] == 50 + i / 3);
            cr_assert_eq(s->store->label[i], i / 3);
        }
        source_close(s);
        kit_plugin_finish(&p);
    }
    kit_finish(&k);
}

TEST(imagenet, some_classes_and_images) {
    kit k;
    kit_init(&k);
    const char *list = kit_text(&k, "list.txt", "# mine\nn02119789\nn01440764 tench\n");
    const char *two = arena_print(&k.memory, ", classes: %s, per_class: 2", list);
    const char *paths[] = {make_folders(&k, "train"), make_train_tar(&k, "t.tar")};
    for (int round = 0; round < 2; round++) {
        opened o = open_set(&k, id, options(&k, paths[round], two));
        cr_assert(o.plugin.table->count(o.set) == 4 && o.plugin.table->classes(o.set) == 2);
        expect_sample(&o, 1, 0, 0, 1);
        expect_sample(&o, 2, 1, 2, 0);
        close_set(&o);
    }
    kit_finish(&k);
}

/* The images that a draw takes of the first class, as bits. */
static unsigned drawn(kit *k, const char *path, int per_class, int seed) {
    opened o = open_set(k, id,
                        options(k, path,
                                arena_print(&k->memory, ", per_class: %d, pick: random, seed: %d",
                                            per_class, seed)));
    unsigned bits = 0;
    for (int i = 0; i < per_class; i++) {
        const char *name = o.plugin.table->path(o.set, i);
        cr_assert_eq(o.plugin.table->label(o.set, i), 0);
        bits |= 1u << (strrchr(name, '_')[1] - '0');
    }
    close_set(&o);
    return bits;
}

TEST(imagenet, draws_by_seed) {
    kit k;
    kit_init(&k);
    const char *folder = make_folders(&k, "train"), *tar = make_train_tar(&k, "t.tar");
    bool differs = false;
    for (int seed = 1; seed < 20; seed++) {
        const unsigned two = drawn(&k, folder, 2, seed), three = drawn(&k, folder, 3, seed);
        cr_assert_eq(drawn(&k, tar, 2, seed), two);
        cr_assert_eq(two & three, two);
        cr_assert(__builtin_popcount(two) == 2 && __builtin_popcount(three) == 3);
        differs |= two != 3; /* not always the first two */
    }
    cr_assert(differs);
    kit_finish(&k);
}

/* Another list at the same path is another set. */
TEST(imagenet, fingerprint_sees_lists) {
    kit k;
    kit_init(&k);
    char before[200];
    const char *folder = make_folders(&k, "train");
    const char *yaml = options(&k, folder, arena_print(&k.memory, ", classes: %s/l", k.folder));
    kit_text(&k, "l", "n01440764\n");
    opened o = open_set(&k, id, yaml);
    snprintf(before, sizeof before, "%s", o.plugin.table->fingerprint(o.set));
    close_set(&o);
    kit_text(&k, "l", "n02119789\n");
    o = open_set(&k, id, yaml);
    cr_assert_str_neq(o.plugin.table->fingerprint(o.set), before);
    close_set(&o);
    kit_finish(&k);
}

static const char *make_val(kit *k, const char *name) {
    kit_file files[4];
    for (int i = 0; i < 4; i++) {
        files[i] =
            picture(k, arena_print(&k->memory, "ILSVRC2012_val_0000000%d.JPEG", i + 1), i % 3, i);
        kit_write(k, arena_print(&k->memory, "v/ILSVRC/Data/CLS-LOC/val/%s", files[i].path),
                  files[i].data, files[i].bytes);
    }
    return kit_archive(k, name, files, 4);
}

static const char csv[] =
    "ImageId,PredictionString\nILSVRC2012_val_00000003,n02119789 85 1 499 272 \n"
    "ILSVRC2012_val_00000001,n01440764 1 2 3 4 5 6 7 8\n"
    "ILSVRC2012_val_00000004,n01440764 1 2 3 4\n"
    "ILSVRC2012_val_00000002,n01443537 1 2 3 4\n";

static void expect_val(kit *k, const char *yaml) {
    opened o = open_set(k, id, yaml);
    cr_assert(o.plugin.table->count(o.set) == 4 && o.plugin.table->classes(o.set) == 3);
    expect_sample(&o, 0, 0, 0, 0);
    expect_sample(&o, 1, 0, 0, 3);
    expect_sample(&o, 2, 1, 1, 1);
    expect_sample(&o, 3, 2, 2, 2);
    close_set(&o);
}

TEST(imagenet, validation_by_a_list) {
    kit k;
    kit_init(&k);
    const char *tar = make_val(&k, "ILSVRC2012_img_val.tar");
    const char *given =
        arena_print(&k.memory, ", split: val, val_labels: %s",
                    kit_text(&k, "order.txt", "n01440764\nn01443537\nn02119789\nn01440764\n"));
    expect_val(&k, options(&k, tar, given));
    expect_val(&k, options(&k, kit_path(&k, "v"), given));
    kit_text(&k, "v/LOC_val_solution.csv", csv);
    expect_val(&k, options(&k, kit_path(&k, "v"), ", split: val"));
    kit_text(&k, "v/LOC_synset_mapping.txt", "n01440764 tench, Tinca tinca\nn02119789 kit fox\n");
    const char *one =
        arena_print(&k.memory, ", split: val, classes: %s", kit_text(&k, "one.txt", "n02119789\n"));
    opened o = open_set(&k, id, options(&k, kit_path(&k, "v"), one));
    cr_assert(o.plugin.table->count(o.set) == 1 && o.plugin.table->classes(o.set) == 1);
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 0), "kit fox");
    expect_sample(&o, 0, 0, 2, 2);
    close_set(&o);
    kit_finish(&k);
}

static const char *with_list(kit *k, const char *text) {
    return options(
        k, kit_path(k, "v"),
        arena_print(&k->memory, ", split: val, val_labels: %s", kit_text(k, "labels.txt", text)));
}

TEST(imagenet, refuses_lists_that_do_not_fit) {
    kit k;
    kit_init(&k);
    make_val(&k, "v.tar");
    expect_refused(&k, id, options(&k, kit_path(&k, "v"), ", split: val"),
                   "validation images without labels", "data.val_labels");
    expect_refused(&k, id, with_list(&k, "490\n361\n171\n822\n"), "labels.txt: neither",
                   "mean nothing without meta.mat");
    expect_refused(&k, id, with_list(&k, "n01440764\nn01443537\nn02119789\n"),
                   "has 3 lines for 4 images", "missing");
    expect_refused(&k, id, with_list(&k, "ImageId,PredictionString\nILSVRC2012_val_00000003,\n"),
                   "labels.txt:2: neither an image's name nor its class", "cut short");
    char other[sizeof csv];
    memcpy(other, csv, sizeof csv);
    strstr(other, "00000004")[7] = '9';
    expect_refused(&k, id, with_list(&k, other), "val_00000004.JPEG' has no line in", "cut short");
    expect_refused(&k, id, options(&k, kit_path(&k, "v"), ", split: val, val_labels: /nowhere/x"),
                   "/nowhere/x: No such file", "");
    mkdir(kit_path(&k, "empty"), 0777);
    const char *folder =
        arena_print(&k.memory, ", split: val, val_labels: %s", kit_path(&k, "empty"));
    expect_refused(&k, id, options(&k, kit_path(&k, "v"), folder),
                   "empty: 0 files, and one list is wanted", "not its folder");
    kit_finish(&k);
}

TEST(imagenet, refuses_with_a_hint) {
    kit k;
    kit_init(&k);
    const char *folder = make_folders(&k, "train");
    expect_refused(&k, id, options(&k, folder, ", split: val"), "no images of the split 'val'",
                   "train/WNID/");
    expect_refused(&k, id, options(&k, folder, ", per_class: 5"),
                   "class n01440764 has 4 images, and data.per_class wants 5",
                   "lower data.per_class");
    const char *list = kit_text(&k, "l", "n01440764\nn09999999\n");
    expect_refused(&k, id, options(&k, folder, arena_print(&k.memory, ", classes: %s", list)),
                   "no images of class n09999999", "take it out there");
    list = kit_text(&k, "l", "\n");
    expect_refused(&k, id, options(&k, folder, arena_print(&k.memory, ", classes: %s", list)),
                   "names no class", "one WordNet id a line");
    expect_refused(&k, id, options(&k, folder, ", classes: /nowhere/x"), "/nowhere/x", "");
    list = arena_print(&k.memory, ", classes: %s", folder);
    expect_refused(&k, id, options(&k, folder, list), "12 files, and one list is wanted",
                   "not its folder");
    kit_finish(&k);
}

/* A class's tar that is cut short, or none. */
TEST(imagenet, damaged_class_tars) {
    kit k;
    kit_init(&k);
    const kit_file inside = picture(&k, "n01440764_1.JPEG", 0, 1);
    kit_file tar = load(&k, "n01440764.tar", kit_archive(&k, "n01440764.tar", &inside, 1));
    tar.bytes = 600; /* within the image */
    kit_file page = {"n01443537.tar", "<html>no tar at all, but long enough to be looked at</html>",
                     58};
    const char *cut = kit_archive(&k, "cut.tar", &tar, 1);
    expect_refused(&k, id, options(&k, cut, ""), "n01440764.tar: ", "cut short");
    expect_refused(&k, id, options(&k, kit_archive(&k, "page.tar", &page, 1), ""),
                   "n01443537.tar: ", "fetch it again");
    kit_finish(&k);
}
