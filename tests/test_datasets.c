/* SPDX-License-Identifier: Apache-2.0
 * The dataset plugins idx and cifar; test_image_folder.c and test_synthetic.c have the others. */
#include "data/source.h"
#include "dataset_kit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_raw(const opened *o, int64_t index, int32_t label, int side, int channels,
                       const unsigned char *first, int count) {
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(o->plugin.table->read(o->set, index, &s, &err), err);
    cr_assert(s.n_images == 1 && s.images[0].format == KD_IMAGE_RAW);
    cr_assert(s.images[0].height == side && s.images[0].width == side &&
              s.images[0].channels == channels);
    cr_assert_eq(s.images[0].bytes, (size_t)(side * side * channels));
    cr_assert_eq(s.label, label);
    cr_assert_eq(o->plugin.table->label(o->set, index), label);
    cr_assert_eq(memcmp(s.images[0].data, first, (size_t)count), 0);
    o->plugin.table->release_sample(o->set, &s);
}

/* Three images of 2 x 2 and their labels. */
static const unsigned char idx_images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                           0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const unsigned char idx_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 4, 0, 2};

static void expect_idx(kit *k, const char *yaml, bool labels) {
    opened o = open_set(k, "idx", yaml);
    cr_assert_eq(o.plugin.table->count(o.set), 3);
    cr_assert_eq(o.plugin.table->classes(o.set), labels ? 5 : 0);
    expect_raw(&o, 2, labels ? 2 : -1, 2, 1, idx_images + 24, 4);
    cr_assert_gt(strlen(o.plugin.table->fingerprint(o.set)), 60);
    close_set(&o);
}

TEST(idx, reads_every_layout) {
    kit k;
    kit_init(&k);
    const kit_file images = {"train-images-idx3-ubyte", idx_images, sizeof idx_images};
    const kit_file labels = {"sub/train-labels.idx1-ubyte", idx_labels, sizeof idx_labels};
    const kit_file both[] = {images, labels};
    const char *path =
        kit_write(&k, "plain/emnist-train-images-idx3-ubyte", images.data, images.bytes);
    expect_idx(&k, options(&k, kit_path(&k, "plain"), ""), false);
    expect_idx(&k, options(&k, path, ""), false);
    kit_write(&k, "plain/emnist-train-labels-idx1-ubyte", labels.data, labels.bytes);
    expect_idx(&k, options(&k, kit_path(&k, "plain"), ""), true);
    expect_idx(&k, options(&k, path, ""), true); /* the labels lie beside the images */
    expect_idx(&k, options(&k, path, ", labels: none"), false);
    mkdir(kit_path(&k, "packed"), 0777);
    kit_archive(&k, "packed/train-images-idx3-ubyte.gz", &images, 1);
    kit_archive(&k, "packed/train-labels-idx1-ubyte.xz", &labels, 1);
    expect_idx(&k, options(&k, kit_path(&k, "packed"), ""), true);
    expect_idx(&k, options(&k, kit_archive(&k, "all.tar.gz", both, 2), ""), true);
    kit_write(&k, "named/pictures", images.data, images.bytes);
    kit_write(&k, "named/numbers", labels.data, labels.bytes);
    expect_idx(&k, options(&k, kit_path(&k, "named"), ", images: pictures, labels: numbers"), true);
    kit_finish(&k);
}

TEST(idx, refuses_with_a_hint) {
    kit k;
    kit_init(&k);
    const char *folder = kit_path(&k, "f"), *name = "f/train-images-idx3-ubyte";
    static const unsigned char shorter[] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 0};
    static const unsigned char floats[] = {0, 0, 13, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char huge[] = {0,    0,    8,    3,    0xff, 0xff, 0xff, 0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    kit_text(&k, "f/readme", "x");
    expect_refused(&k, "idx", options(&k, folder, ""), "no file 'train-images-idx3-ubyte'",
                   "data.images");
    kit_write(&k, name, "hello there", 11);
    expect_refused(&k, "idx", options(&k, folder, ""), "not in IDX format", "00 00 08 03");
    kit_write(&k, name, floats, sizeof floats);
    expect_refused(&k, "idx", options(&k, folder, ""), "type 0x0d with 3 dimensions", "");
    kit_write(&k, name, huge, sizeof huge);
    expect_refused(&k, "idx", options(&k, folder, ""), "do not fit its header", "cut short");
    kit_write(&k, name, idx_images, sizeof idx_images - 1);
    expect_refused(&k, "idx", options(&k, folder, ""), "do not fit its header", "cut short");
    kit_write(&k, name, idx_images, sizeof idx_images);
    kit_write(&k, "f/train-labels-idx1-ubyte", shorter, sizeof shorter);
    expect_refused(&k, "idx", options(&k, folder, ""), "2 labels for 3 images", "not of one set");
    kit_write(&k, "f/old/train-labels-idx1-ubyte", shorter, sizeof shorter);
    expect_refused(&k, "idx", options(&k, folder, ""), "both 'old/train-labels-idx1-ubyte' and",
                   "data.labels");
    expect_refused(&k, "idx", options(&k, folder, ", split: test"), "no file 't10k-images", "");
    expect_refused(&k, "idx", options(&k, kit_path(&k, "none"), ""), "No such file",
                   "give a folder");
    kit_finish(&k);
}

/* Debian's package dataset-fashion-mnist, where it is installed. */
TEST(idx, fashion_mnist) {
    static const char *const folder = "/usr/share/datasets/fashion-mnist";
    if (access(folder, R_OK) != 0) {
        fprintf(stderr, "left out: idx/fashion_mnist: %s is not there\n", folder);
        cr_skip_test();
    }
    kit k;
    kit_init(&k);
    opened o = open_set(&k, "idx", options(&k, folder, ", split: test"));
    cr_assert(o.plugin.table->count(o.set) == 10000 && o.plugin.table->classes(o.set) == 10);
    static const int32_t labels[] = {9, 2, 1, 1, 6, 1, 4, 6, 5, 7};
    int of[10] = {0};
    for (int i = 0; i < 10000; i++) {
        of[o.plugin.table->label(o.set, i)]++;
    }
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(o.plugin.table->label(o.set, i), labels[i]);
        cr_assert_eq(of[i], 1000);
    }
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(o.plugin.table->read(o.set, 0, &s, &err), err);
    const unsigned char *p = s.images[0].data;
    static const unsigned char row_7[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 0,
                                          0, 0, 0, 0, 0, 3, 1, 0, 0, 7, 0, 37, 0, 0};
    cr_assert_eq(memcmp(p + 7 * 28, row_7, 28), 0);
    close_set(&o);
    kit_finish(&k);
}

/* A file of `count` records whose pixels tell record, channel and place. */
static kit_file cifar_batch(kit *k, const char *path, int count, int label_bytes, int first) {
    const size_t size = (size_t)label_bytes + 3072;
    unsigned char *data = arena_alloc(&k->memory, (size_t)count * size);
    for (int i = 0; i < count; i++) {
        unsigned char *r = data + (size_t)i * size;
        r[0] = (unsigned char)((first + i) % (label_bytes == 2 ? 20 : 10));
        r[label_bytes - 1] = label_bytes == 2 ? (unsigned char)(first + i + 50) : r[0];
        for (int j = 0; j < 3072; j++) {
            r[label_bytes + j] = (unsigned char)(100 * (j / 1024) + j % 32 + first + i);
        }
    }
    return (kit_file){path, data, (size_t)count * size};
}

static int cifar10(kit *k, kit_file *ret) {
    static const char names[] =
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    for (int i = 0; i < 5; i++) {
        /* in the archive they lie the other way round */
        const char *path = arena_print(&k->memory, "cifar-10-batches-bin/data_batch_%d.bin", 5 - i);
        ret[i] = cifar_batch(k, path, 3, 1, 3 * (4 - i));
    }
    ret[5] = cifar_batch(k, "cifar-10-batches-bin/test_batch.bin", 4, 1, 60);
    ret[6] = (kit_file){"cifar-10-batches-bin/batches.meta.txt", names, sizeof names - 1};
    return 7;
}

static void expect_cifar10(kit *k, const char *path) {
    opened o = open_set(k, "cifar", options(k, path, ""));
    cr_assert(o.plugin.table->count(o.set) == 15 && o.plugin.table->classes(o.set) == 10);
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 9), "truck");
    for (int i = 14; i >= 0; i--) {
        const unsigned char first[] = {(unsigned char)i, (unsigned char)(100 + i),
                                       (unsigned char)(200 + i), (unsigned char)(i + 1)};
        expect_raw(&o, i, i % 10, 32, 3, first, 4);
    }
    cr_assert_not_null(o.plugin.table->order);
    close_set(&o);
    o = open_set(k, "cifar", options(k, path, ", split: test"));
    cr_assert_eq(o.plugin.table->count(o.set), 4);
    expect_raw(&o, 1, 1, 32, 3, (const unsigned char[]){61, 161, 5}, 3);
    close_set(&o);
}

TEST(cifar, ten_from_archive_and_folder) {
    kit k;
    kit_init(&k);
    kit_file files[7];
    const int count = cifar10(&k, files);
    expect_cifar10(&k, kit_archive(&k, "cifar-10-binary.tar.gz", files, count));
    expect_cifar10(&k, kit_archive(&k, "c10.zip", files, count));
    for (int i = 0; i < count; i++) {
        kit_write(&k, arena_print(&k.memory, "d/%s", files[i].path), files[i].data, files[i].bytes);
    }
    expect_cifar10(&k, kit_path(&k, "d"));
    expect_cifar10(&k, kit_path(&k, "d/cifar-10-batches-bin"));
    /* through the store: read in the archive's order, kept in the dataset's */
    kit_plugin p;
    kd_error err = KD_ERROR_INIT;
    const char *yaml = options(&k, kit_path(&k, "cifar-10-binary.tar.gz"), "");
    EXPECT_GOOD(kit_plugin_load(&k, "cifar", yaml, &p, &err), err);
    const source_options o = {.table = p.table,
                              .config = p.config,
                              .id = p.id,
                              .version = p.version,
                              .options = yaml,
                              .host = &kit_host,
                              .cache = kit_path(&k, "cache")};
    source *s = NULL;
    EXPECT_GOOD(source_open(&o, &s, &err), err);
    for (int i = 0; i < 15; i++) {
        cr_assert(s->store->pixels[s->store->offset[i]] == i && s->store->label[i] == i % 10);
    }
    EXPECT_TEXT(s->store->class_name[0], "airplane");
    source_close(s);
    kit_plugin_finish(&p);
    kit_finish(&k);
}

TEST(cifar, hundred_fine_and_coarse) {
    static const char coarse[] = "aquatic_mammals\nfish\n";
    kit k;
    kit_init(&k);
    const kit_file files[] = {
        cifar_batch(&k, "cifar-100-binary/train.bin", 25, 2, 0),
        cifar_batch(&k, "cifar-100-binary/test.bin", 2, 2, 7),
        {"cifar-100-binary/coarse_label_names.txt", coarse, sizeof coarse - 1}};
    const char *path = kit_archive(&k, "cifar-100-binary.tar.gz", files, 3);
    opened o = open_set(&k, "cifar", options(&k, path, ""));
    cr_assert(o.plugin.table->count(o.set) == 25 && o.plugin.table->classes(o.set) == 100);
    cr_assert_null(o.plugin.table->class_name(o.set, 3)); /* the file of names is not there */
    expect_raw(&o, 22, 72, 32, 3, (const unsigned char[]){22, 122, 222}, 3);
    close_set(&o);
    o = open_set(&k, "cifar", options(&k, path, ", labels: coarse"));
    cr_assert_eq(o.plugin.table->classes(o.set), 20);
    EXPECT_TEXT(o.plugin.table->class_name(o.set, 1), "fish");
    expect_raw(&o, 22, 2, 32, 3, (const unsigned char[]){22, 122, 222}, 3);
    close_set(&o);
    kit_finish(&k);
}

TEST(cifar, refuses_with_a_hint) {
    kit k;
    kit_init(&k);
    kit_file files[7];
    cifar10(&k, files);
    const char *path = kit_archive(&k, "c.tar", files, 3);
    expect_refused(&k, "cifar", options(&k, path, ""),
                   "neither CIFAR-10 nor CIFAR-100 in its binary version", "data_batch_1.bin");
    path = kit_archive(&k, "c.tar", files + 1, 6);
    expect_refused(&k, "cifar", options(&k, path, ""), "data_batch_5.bin is missing", "again");
    expect_refused(&k, "cifar", options(&k, path, ", labels: coarse"),
                   "CIFAR-10 has no coarse labels", "leave data.labels out");
    files[0].bytes--;
    path = kit_archive(&k, "c.tar", files, 7);
    expect_refused(
        &k, "cifar", options(&k, path, ""),
        "data_batch_5.bin: 9218 bytes are not a whole number of CIFAR-10's records of 3073",
        "cut short");
    const kit_file python[] = {{"cifar-10-batches-py/data_batch_1", "x", 1}};
    path = kit_archive(&k, "p.tar", python, 1);
    expect_refused(&k, "cifar", options(&k, path, ""), "neither", "Python version");
    files[0] = (kit_file){"cifar-100-binary/train.bin", "x", 1};
    path = kit_archive(&k, "b.tar", files, 7);
    expect_refused(&k, "cifar", options(&k, path, ""), "holds both", "one of them");
    kit_finish(&k);
}
