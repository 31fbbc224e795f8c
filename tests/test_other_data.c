/* SPDX-License-Identifier: Apache-2.0
 * Evals on other data than the run's: of another size, in grey, in colour. Raw pixels tell their
 * classes apart without fail, so `before: true` says whether images and labels arrive. */
#include "run_kit.h"

#include "base/file.h"
#include "leaks.h"
#include "train/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <turbojpeg.h>

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

static run_kit kit;

enum { RECORD = 3 * 96 * 96, IMAGES = 20, SIDE = 28 };

static void put(const char *path, const void *data, size_t bytes) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_write(path, data, bytes, &err), "%s", err.message);
}

/* Flat pictures, class 4 green and class 7 magenta, in STL-10's format. */
static void make_stl10(void) {
    static unsigned char images[IMAGES * RECORD];
    unsigned char labels[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        labels[i] = i % 2 ? 5 : 8;
        for (int j = 0; j < RECORD; j++) {
            const bool green = j / (96 * 96) == 1;
            images[i * RECORD + j] = (unsigned char)(green == (i % 2 == 1) ? 200 + i : 20 + i);
        }
    }
    put("stl/train_X.bin", images, sizeof images);
    put("stl/train_y.bin", labels, sizeof labels);
    put("stl/test_X.bin", images, sizeof images);
    put("stl/test_y.bin", labels, sizeof labels);
}

/* Dark ones of class 0 and bright ones of class 1, as MNIST lays them down. */
static void make_idx(void) {
    static unsigned char images[16 + IMAGES * SIDE * SIDE] = {0, 0, 8, 3,    0, 0, 0, IMAGES,
                                                              0, 0, 0, SIDE, 0, 0, 0, SIDE};
    unsigned char labels[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES};
    for (int i = 0; i < IMAGES; i++) {
        labels[8 + i] = (unsigned char)(i % 2);
        for (int j = 0; j < SIDE * SIDE; j++) { /* darker on one side: not without variance */
            images[16 + i * SIDE * SIDE + j] =
                (unsigned char)((i % 2 ? 200 : 20) + (j % SIDE < 14) * (i % 2 ? 50 : 9));
        }
    }
    put("grey/train-images-idx3-ubyte", images, sizeof images);
    put("grey/train-labels-idx1-ubyte", labels, sizeof labels);
    put("grey/t10k-images-idx3-ubyte", images, sizeof images);
    put("grey/t10k-labels-idx1-ubyte", labels, sizeof labels);
}

/* Tiny-ImageNet with two classes; the pictures of `test` have no labels. */
static void make_tiny(void) {
    static const char *const paths[] = {"train/n01/images/a.JPEG", "train/n01/images/b.JPEG",
                                        "train/n02/images/a.JPEG", "train/n02/images/b.JPEG",
                                        "val/n01/a.JPEG",          "val/n02/a.JPEG",
                                        "test/images/test_0.JPEG", "test/images/test_1.JPEG",
                                        "test/images/test_2.JPEG", "test/images/test_3.JPEG"};
    unsigned char pixels[64 * 64];
    tjhandle tj = tjInitCompress();
    for (int i = 0; i < 10; i++) {
        unsigned char *data = NULL;
        unsigned long bytes = 0;
        char path[64];
        kd_error err = KD_ERROR_INIT;
        for (int j = 0; j < 64 * 64; j++) {
            pixels[j] = (unsigned char)((j % 64 / (3 + i) + j / 64 / (2 + i % 4)) % 2 * 200);
        }
        cr_assert_eq(
            tjCompress2(tj, pixels, 64, 0, 64, TJPF_GRAY, &data, &bytes, TJSAMP_GRAY, 90, 0), 0);
        snprintf(path, sizeof path, "tiny/%s", paths[i]);
        *strrchr(path, '/') = 0;
        cr_assert(file_make_directories(path, &err), "%s", err.message);
        path[strlen(path)] = '/';
        put(path, data, bytes);
        tjFree(data);
    }
    tjDestroy(tj);
}

static void open_kit(void) {
    kd_error err = KD_ERROR_INIT;
    kit_open(&kit);
    cr_assert(file_make_directories("stl", &err) && file_make_directories("grey", &err));
    make_stl10();
    make_idx();
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(other_data, .init = open_kit, .fini = close_kit);

#define TWO_STEPS "train.epochs=1", "data.count=16"
#define KNN(data)                                                                                  \
    "evals=[{plugin: knn, k: 3, before: true, train: {" data ", split: train}, test: {" data       \
    ", split: test}}]"

static double result(int64_t step, const char *of) {
    json_t *line = metrics_find("runs/small/metrics.jsonl", step, "knn", of);
    cr_assert(line, "no result of the %s at step %lld", of, (long long)step);
    const double value = json_number_value(json_object_get(line, "value"));
    json_decref(line);
    return value;
}

static void expect_measured(const char *evals, const char *more) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    cr_assert(kit_train(&kit, FOLDER_NEW, WITH(TWO_STEPS, evals, more), &outcome, &err), "%s",
              err.message);
    cr_assert_eq(outcome, TRAINED);
    cr_assert_eq(result(0, OF_PIXELS), 1);
    const double trained = result(2, OF_TRAINED);
    cr_assert(trained >= 0.5 && trained <= 1, "%g", trained);
}

TEST(other_data, larger_images_in_colour) {
    expect_measured(KNN("plugin: stl10, path: stl"), "seed=1");
}

TEST(other_data, grey_images_of_a_run_in_colour) {
    expect_measured(KNN("plugin: idx, path: grey"), "seed=1");
}

TEST(other_data, grey_images_of_a_grey_run) {
    expect_measured(KNN("plugin: idx, path: grey"),
                    "data={plugin: idx, path: grey, store: {size: 12}}");
}

static void expect_refusal(const char *more, const char *evals, const char *message,
                           const char *hint) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    cr_assert_not(kit_train(&kit, FOLDER_NEW, WITH("train.epochs=1", more, evals), &outcome, &err));
    cr_assert(strstr(err.message, message), "%s", err.message);
    cr_assert(strstr(err.hint, hint), "%s", err.hint);
}

TEST(other_data, refuses_what_cannot_be_measured) {
    expect_refusal("data={plugin: idx, path: grey}", KNN("plugin: stl10, path: stl"),
                   "in colour, and the run's are grey", "measure this encoder on grey images");
    expect_refusal("seed=1",
                   "evals=[{plugin: knn, train: {plugin: stl10, path: stl, split: unlabeled}}]",
                   "unlabeled_X.bin is missing", "wanted is");
    put("stl/unlabeled_X.bin", (unsigned char[RECORD]){0}, RECORD);
    expect_refusal("seed=1",
                   "evals=[{plugin: knn, train: {plugin: stl10, path: stl, split: unlabeled}, "
                   "test: {plugin: stl10, path: stl, split: test}}]",
                   "eval knn: its train data has no labels",
                   "train: {plugin: stl10, ..., split: train|test|unlabeled|train+unlabeled}");
    expect_refusal("seed=1",
                   "evals=[{plugin: knn, train: {plugin: stl10, path: stl, split: train}, "
                   "test: {plugin: stl10, path: stl, split: unlabeled}}]",
                   "evals.0.test: eval knn: its test data has no labels", "name a part that has");
}

/* The default test split of Tiny-ImageNet: what to write instead is said. */
TEST(other_data, says_which_part_has_labels) {
    make_tiny();
    expect_refusal("data={plugin: tiny_imagenet, path: tiny}", "evals=[{plugin: knn}]",
                   "evals.0: eval knn: its test data has no labels",
                   "test: {plugin: tiny_imagenet, ..., split: val}");
    expect_refusal("data={plugin: tiny_imagenet, path: tiny}",
                   "evals=[{plugin: knn, train: {plugin: tiny_imagenet, path: tiny, split: test}, "
                   "test: {plugin: tiny_imagenet, path: tiny, split: val}}]",
                   "evals.0.train: eval knn: its train data has no labels",
                   "train: {plugin: tiny_imagenet, ..., split: train|val|test}");
}

/* Of any pictures that a manifest groups. */
TEST(other_data, invariance_without_labels) {
    static const char factors[] = "index_a,index_b,factor\n0,1,odd\n2,3,odd\n";
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    make_tiny();
    put("factors.csv", factors, sizeof factors - 1);
    cr_assert(kit_train(&kit, FOLDER_NEW,
                        WITH(TWO_STEPS, "evals=[{plugin: invariance, factors: odd, test: {plugin: "
                                        "tiny_imagenet, path: tiny, split: test, "
                                        "factors: factors.csv}}]"),
                        &outcome, &err),
              "%s: %s", err.message, err.hint);
    json_t *line = metrics_find("runs/small/metrics.jsonl", 2, "invariance", OF_TRAINED);
    cr_assert(line);
    const double value = json_number_value(json_object_get(line, "value"));
    cr_assert(isfinite(value) && value > 0, "%g", value);
    json_decref(line);
}
