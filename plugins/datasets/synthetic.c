/* SPDX-License-Identifier: Apache-2.0
 * Rendered objects of K kinds, with everything but the kind up to chance: what an encoder must
 * learn to look through, and data to try a run on. Nothing is read; a sample is a function of the
 * seed. */
#include "synthetic_render.h"
#include "synthetic_shapes.h"

#include <kindred/dataset.h>
#include <stdlib.h>
#include <string.h>

struct synthetic {
    int kinds, count, size, seed, split, differ;
    bool paired, variants;
    double background, lighting, occlusion, style, color, pose, position, noise;
};

KD_PLUGIN(DATASET, "synthetic", "1.0.0", struct synthetic,
          "rendered shapes with random background, light, occlusion, style, colour and pose",
          "kindred")
KD_INT(struct synthetic, kinds, 16, 1, 256, "how many kinds of shapes: the classes")
KD_INT(struct synthetic, count, 10000, 1, 100000000, "samples")
KD_INT(struct synthetic, size, 64, 8, 1024, "height and width in pixels")
KD_BOOL(struct synthetic, paired, false, "a sample is two pictures of one kind; false: one picture")
KD_CHOICE(struct synthetic, differ, "all",
          "all|background|lighting|occlusion|style|color|pose|position|noise",
          "what the two pictures of a pair do not share: all but the kind, or one factor")
KD_BOOL(struct synthetic, variants, false,
        "of 8 samples the first is a picture, the others are it with one factor drawn anew: "
        "background, lighting, occlusion, style, color, pose, position")
KD_INT(struct synthetic, seed, 1, 0, 2147483647, "another seed, other pictures")
KD_CHOICE(struct synthetic, split, "train", "train|test", "train and test share no picture")
KD_FLOAT(struct synthetic, background, 1, 0, 10,
         "how much tones, patterns and clutter behind the object vary; 0: even grey")
KD_FLOAT(struct synthetic, lighting, 1, 0, 10,
         "direction, strength and tint of the light, relief and shadow; 0: even light")
KD_FLOAT(struct synthetic, occlusion, 1, 0, 10,
         "the size of what hides parts of the object's edge; 0: nothing does")
KD_FLOAT(struct synthetic, style, 1, 0, 10,
         "how often an object is an outline, textured or rimmed; 0: always filled")
KD_FLOAT(struct synthetic, color, 1, 0, 10, "the object's colours; 0: always light grey")
KD_FLOAT(struct synthetic, pose, 1, 0, 10,
         "turn (1: up to 22.5 degrees), scale, mirroring, shear; 0: upright and of one size")
KD_FLOAT(struct synthetic, position, 1, 0, 10,
         "how far from the centre (1: a tenth of the picture); 0: at the centre")
KD_FLOAT(struct synthetic, noise, 1, 0, 10, "of the camera; 0: none")

/* A picture and its variants: one for each factor but noise, which is the camera's. */
enum { GROUP = 1 + NOISE };
static const char *const factor_name[NOISE] = {"background", "lighting", "occlusion", "style",
                                               "color",      "pose",     "position"};

struct kd_set {
    struct synthetic config;
    double amount[N_FACTORS];
    char fingerprint[320];
    char name[SHAPE_KINDS][32];
};

static void write_fingerprint(kd_set *set) {
    const struct synthetic *c = &set->config;
    const size_t room = sizeof set->fingerprint;
    int at = snprintf(set->fingerprint, room, "renderer 2 %d %d %d %d %d %d %d %d", c->kinds,
                      c->count, c->size, c->seed, c->split, c->paired, c->differ, c->variants);
    for (int f = 0; f < N_FACTORS; f++) {
        at += snprintf(set->fingerprint + at, room - (size_t)at, " %.17g", set->amount[f]);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    (void)host;
    const struct synthetic *c = config;
    if (c->paired && c->variants) {
        kd_fail(err, KD_E_INVALID, "synthetic: samples are pairs or have variants, not both");
        return kd_hint(err, "leave out paired, or variants");
    }
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->config = *c;
    const double amount[N_FACTORS] = {
        [BACKGROUND] = c->background, [LIGHTING] = c->lighting, [OCCLUSION] = c->occlusion,
        [STYLE] = c->style,           [COLOR] = c->color,       [POSE] = c->pose,
        [POSITION] = c->position,     [NOISE] = c->noise};
    memcpy(set->amount, amount, sizeof amount);
    write_fingerprint(set);
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

/* The picture that a sample shows, itself or varied. */
static int64_t picture(const kd_set *set, int64_t index) {
    return set->config.variants ? index / GROUP : index;
}

static int32_t label(const kd_set *set, int64_t index) {
    return (int32_t)(picture(set, index) % set->config.kinds);
}

static bool variant(const kd_set *set, int64_t index, int64_t *ret_base, const char **ret_factor) {
    const int64_t place = index % GROUP;
    if (!set->config.variants || place == 0) {
        return false;
    }
    *ret_base = index - place;
    *ret_factor = factor_name[place - 1];
    return true;
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

/* Of the first or second picture of a pair; a single picture is a first one. */
static chance chance_of(const kd_set *set, int64_t index, uint32_t which) {
    const struct synthetic *c = &set->config;
    chance ret = {.key = (uint64_t)c->split << 32 | (uint32_t)c->seed};
    ret.sample = (uint32_t)picture(set, index);
    const int differ = c->variants ? (int)(index % GROUP) : c->differ;
    const bool all = !c->variants && differ == 0;
    for (int f = 0; f < N_FACTORS; f++) {
        ret.image[f] = all || differ == f + 1 ? which : 0;
        ret.amount[f] = set->amount[f];
    }
    return ret;
}

/* A variant: the first drawing of its factor that can be told from the picture's own. Where the
 * factor does not vary there is none. */
static void render_variant(const kd_set *set, int64_t index, unsigned char *base,
                           unsigned char *ret) {
    const struct synthetic *c = &set->config;
    const size_t bytes = 3 * (size_t)c->size * (size_t)c->size;
    chance from = chance_of(set, index, 0);
    render(label(set, index), c->size, &from, base);
    memcpy(ret, base, bytes);
    for (uint32_t drawing = 1; drawing < 16 && memcmp(ret, base, bytes) == 0; drawing++) {
        from = chance_of(set, index, drawing);
        render(label(set, index), c->size, &from, ret);
    }
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const struct synthetic *c = &set->config;
    const int32_t kind = label(set, index);
    const size_t bytes = 3 * (size_t)c->size * (size_t)c->size;
    const uint32_t n = c->paired ? 2 : 1;
    const bool varied = c->variants && index % GROUP;
    unsigned char *pixels = malloc((n + varied) * bytes);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        const chance from = chance_of(set, index, i);
        if (varied) {
            render_variant(set, index, pixels + bytes, pixels);
        } else {
            render(kind, c->size, &from, pixels + i * bytes);
        }
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
           .release_sample = release_sample, .fingerprint = fingerprint, .variant = variant)
