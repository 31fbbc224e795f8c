/* SPDX-License-Identifier: Apache-2.0
 * Written to the headers of 2026-11-23 that lie beside it: gratings, whose class is the direction of
 * their stripes.
 *
 * A sample is a pure function of the options and its index: read in any order, by any number of
 * threads, it is the same. To read files, use the host's reader (kd_files_api in
 * kindred/dataset.h), which sees a folder and an archive alike.
 *
 * source  no data set of anyone's: pictures drawn by a formula
 */
#include <kindred/dataset.h>
#include <kindred/philox.h>
#include <math.h>
#include <stdlib.h>

struct gratings {
    int count, size, directions, seed;
};

KD_PLUGIN(DATASET, "older.gratings", "0.1.0", struct gratings,
          "gratings in several directions", "drawn by a formula")
KD_INT(struct gratings, count, 512, 1, 10000000, "number of samples")
KD_INT(struct gratings, size, 32, 4, 1024, "height and width of a picture")
KD_INT(struct gratings, directions, 4, 2, 64, "number of classes")
KD_INT(struct gratings, seed, 0, 0, 1000000, "another seed gives other pictures")

struct kd_set {
    struct gratings config;
    char fingerprint[96];
};

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    (void)host;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->config = *(const struct gratings *)config;
    const struct gratings *c = &set->config;
    snprintf(set->fingerprint, sizeof set->fingerprint, "gratings 1 %d %d %d %d", c->count, c->size,
             c->directions, c->seed);
    *ret = set;
    return true;
}

static void close_set(kd_set *set) {
    free(set);
}

static int64_t count(const kd_set *set) {
    return set->config.count;
}

static int32_t classes(const kd_set *set) {
    return set->config.directions;
}

static int32_t label(const kd_set *set, int64_t index) {
    return (int32_t)(index % set->config.directions);
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

/* Stripes whose width and place are drawn from (seed, index), in pixels [size, size, 3]. */
static void draw(const struct gratings *c, int64_t index, int32_t direction, uint8_t *pixels) {
    const kd_philox r = kd_philox_draw((uint64_t)c->seed, (uint32_t)index, 0, 0, 0);
    const double pi = 3.14159265358979323846;
    const double angle = pi * direction / c->directions;
    const double wave = 2 * pi * (2 + 2 * (double)kd_uniform(r.word[0])) / c->size;
    const double phase = 2 * pi * (double)kd_uniform(r.word[1]);
    for (int y = 0; y < c->size; y++) {
        for (int x = 0; x < c->size; x++) {
            const double at = wave * (x * cos(angle) + y * sin(angle)) + phase;
            memset(pixels + 3 * ((size_t)y * (size_t)c->size + (size_t)x),
                   (int)(127.5 + 127.5 * sin(at)), 3);
        }
    }
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const struct gratings *c = &set->config;
    const size_t bytes = 3 * (size_t)c->size * (size_t)c->size;
    uint8_t *pixels = malloc(bytes);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    draw(c, index, label(set, index), pixels);
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = c->size,
                                .width = c->size,
                                .channels = 3,
                                .data = pixels,
                                .bytes = bytes};
    ret->label = label(set, index);
    ret->owner = pixels;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    free(sample->owner);
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes, .label = label,
           .path = path, .read = read_sample, .release_sample = release_sample,
           .fingerprint = fingerprint)
