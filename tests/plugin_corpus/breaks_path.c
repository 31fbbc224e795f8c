/* SPDX-License-Identifier: Apache-2.0
 * A dataset of grey squares that would read a file, but does not look whether there is one. */
#include <kindred/dataset.h>

struct breaks_path {
    const char *path;
};

KD_PLUGIN(DATASET, "breaks_path", "1.0.0", struct breaks_path, "grey squares", "nobody")
KD_PATH(struct breaks_path, path, "", "a file of squares; empty: drawn ones")

enum { SIDE = 4, COUNT = 8 };
struct kd_set {
    uint8_t pixels[COUNT][SIDE * SIDE];
};

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    static kd_set set;
    (void)config;
    (void)host;
    (void)err;
    *ret = &set;
    return true;
}

static void close_set(kd_set *set) {
    (void)set;
}

static int64_t count(const kd_set *set) {
    (void)set;
    return COUNT;
}

static int32_t classes(const kd_set *set) {
    (void)set;
    return 0;
}

static int32_t label(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return -1;
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL;
}

static const char *fingerprint(const kd_set *set) {
    (void)set;
    return "squares 1";
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    (void)err;
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = SIDE,
                                .width = SIDE,
                                .channels = 1,
                                .data = set->pixels[index],
                                .bytes = sizeof set->pixels[index]};
    ret->label = -1;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    (void)sample;
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes, .label = label,
           .path = path, .read = read_sample, .release_sample = release_sample,
           .fingerprint = fingerprint)
