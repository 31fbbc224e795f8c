/* SPDX-License-Identifier: Apache-2.0
 * Rendered objects of K kinds, with everything but the kind up to chance: what an encoder must
 * learn to look through, and data to try a run on. Nothing is read; a sample is a function of the
 * seed. */
#include "synthetic_render.h"
#include "synthetic_shapes.h"

#include <kindred/dataset.h>
#include <stdlib.h>

struct synthetic {
    int kinds, count, size, seed, split;
    bool paired;
};

KD_PLUGIN(DATASET, "synthetic", "1.0.0", struct synthetic,
          "rendered shapes with random background, light, occlusion, style, colour and pose",
          "kindred")
KD_INT(struct synthetic, kinds, 16, 1, 256, "how many kinds of shapes: the classes")
KD_INT(struct synthetic, count, 10000, 1, 100000000, "samples")
KD_INT(struct synthetic, size, 64, 8, 1024, "height and width in pixels")
KD_BOOL(struct synthetic, paired, false,
        "a sample is two pictures of one kind that share nothing else; false: one picture")
KD_INT(struct synthetic, seed, 1, 0, 2147483647, "another seed, other pictures")
KD_CHOICE(struct synthetic, split, "train", "train|test", "train and test share no picture")

struct kd_set {
    struct synthetic config;
    char fingerprint[128];
    char name[SHAPE_KINDS][32];
};

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    (void)host;
    const struct synthetic *c = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->config = *c;
    snprintf(set->fingerprint, sizeof set->fingerprint, "renderer 1 %d %d %d %d %d %d", c->kinds,
             c->count, c->size, c->seed, c->split, c->paired);
    for (int i = 0; i < c->kinds; i++) {
        shape_name(i, set->name[i], sizeof set->name[i]);
    }
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
    return set->config.kinds;
}

static const char *class_name(const kd_set *set, int32_t label) {
    return set->name[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    return (int32_t)(index % set->config.kinds);
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const struct synthetic *c = &set->config;
    const int32_t kind = label(set, index);
    const size_t bytes = 3 * (size_t)c->size * (size_t)c->size;
    const uint32_t n = c->paired ? 2 : 1;
    unsigned char *pixels = malloc(n * bytes);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        const dice d = {.key = (uint64_t)c->split << 32 | (uint32_t)c->seed,
                        .sample = (uint32_t)index,
                        .image = i};
        render(kind, c->size, d, pixels + i * bytes);
        ret->images[i] = (kd_image){.format = KD_IMAGE_RAW,
                                    .height = c->size,
                                    .width = c->size,
                                    .channels = 3,
                                    .data = pixels + i * bytes,
                                    .bytes = bytes};
    }
    ret->n_images = n;
    ret->label = kind;
    ret->owner = pixels;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    free(sample->owner);
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes,
           .class_name = class_name, .label = label, .path = path, .read = read_sample,
           .release_sample = release_sample, .fingerprint = fingerprint)
