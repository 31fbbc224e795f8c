/* SPDX-License-Identifier: Apache-2.0
 * The synthetic dataset: determined by its options, and neither trivial nor without meaning. */
#include "data_kit.h"

#include <math.h>
#include <stdlib.h>

typedef struct opened {
    kit_plugin plugin;
    kd_set *set;
} opened;

static opened open_set(kit *k, const char *yaml) {
    opened o = {.set = NULL};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(kit_plugin_load(k, "synthetic", yaml, &o.plugin, &err), err);
    EXPECT_GOOD(o.plugin.table->open(o.plugin.config, NULL, &o.set, &err), err);
    return o;
}

static void close_set(opened *o) {
    o->plugin.table->close(o->set);
    kit_plugin_finish(&o->plugin);
}

static uint64_t hash_of(const opened *o, int64_t index, uint32_t which) {
    kd_sample s = {.size = sizeof s};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(o->plugin.table->read(o->set, index, &s, &err), err);
    cr_assert_lt(which, s.n_images);
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < s.images[which].bytes; i++) {
        hash = (hash ^ ((const unsigned char *)s.images[which].data)[i]) * 1099511628211u;
    }
    o->plugin.table->release_sample(o->set, &s);
    return hash;
}

TEST(synthetic, is_determined_by_its_options) {
    kit k;
    kit_init(&k);
    opened a = open_set(&k, "{size: 24}"), b = open_set(&k, "{size: 24}");
    cr_assert(a.plugin.table->count(a.set) == 10000 && a.plugin.table->classes(a.set) == 16);
    for (int i = 40; i >= 0; i--) { /* in any order */
        cr_assert_eq(hash_of(&a, i, 0), hash_of(&b, i, 0));
        cr_assert_neq(hash_of(&a, i, 0), hash_of(&a, i + 16, 0));
        cr_assert_eq(a.plugin.table->label(a.set, i), i % 16);
    }
    EXPECT_TEXT(a.plugin.table->fingerprint(a.set), b.plugin.table->fingerprint(b.set));
    close_set(&b);
    static const char *const others[] = {"{size: 24, seed: 2}", "{size: 24, split: test}",
                                         "{size: 24, lighting: 0.5}"};
    for (int i = 0; i < 3; i++) {
        b = open_set(&k, others[i]);
        for (int j = 0; j < 20; j++) {
            cr_assert_neq(hash_of(&a, j, 0), hash_of(&b, j, 0));
        }
        cr_assert_str_neq(a.plugin.table->fingerprint(a.set), b.plugin.table->fingerprint(b.set));
        close_set(&b);
    }
    close_set(&a);
    kit_finish(&k);
}

static const char *const factors[] = {"background", "lighting", "occlusion", "style",
                                      "color",      "pose",     "position",  "noise"};
enum { FACTORS = sizeof factors / sizeof *factors };
#define PLAIN                                                                                      \
    "background: 0, lighting: 0, occlusion: 0, style: 0, color: 0, pose: 0, position: 0, noise: 0"

/* With every factor off only the kind is left: both pictures of a pair are the same, and are those
 * of its label. */
TEST(synthetic, both_of_a_pair_are_of_its_kind) {
    kit k;
    kit_init(&k);
    opened o = open_set(&k, "{size: 24, kinds: 5, paired: true, " PLAIN "}");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(o.plugin.table->label(o.set, i), i % 5);
        cr_assert_eq(hash_of(&o, i, 0), hash_of(&o, i, 1));
        for (int j = 0; j < 20; j++) {
            cr_assert_eq(hash_of(&o, i, 0) == hash_of(&o, j, 0), i % 5 == j % 5, "%d, %d", i, j);
        }
    }
    close_set(&o);
    kit_finish(&k);
}

TEST(synthetic, pairs_share_the_kind_alone) {
    kit k;
    kit_init(&k);
    opened one = open_set(&k, "{size: 32, kinds: 5}"),
           two = open_set(&k, "{size: 32, kinds: 5, paired: true}");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(hash_of(&one, i, 0), hash_of(&two, i, 0)); /* a single is a pair's first */
        cr_assert_neq(hash_of(&two, i, 0), hash_of(&two, i, 1));
    }
    close_set(&one);
    close_set(&two);
    kit_finish(&k);
}

/* `differ` leaves one factor to its own, and nothing but that factor. */
TEST(synthetic, pairs_can_differ_in_one_factor) {
    kit k;
    kit_init(&k);
    for (int f = 0; f < FACTORS; f++) {
        char yaml[128];
        snprintf(yaml, sizeof yaml, "{size: 24, paired: true, differ: %s}", factors[f]);
        opened on = open_set(&k, yaml);
        snprintf(yaml, sizeof yaml, "{size: 24, paired: true, differ: %s, %s: 0}", factors[f],
                 factors[f]);
        opened off = open_set(&k, yaml);
        int differ = 0;
        for (int i = 0; i < 40; i++) {
            differ += hash_of(&on, i, 0) != hash_of(&on, i, 1);
            cr_assert_eq(hash_of(&off, i, 0), hash_of(&off, i, 1), "%s, %d", factors[f], i);
        }
        /* some have no occluder twice, or are filled twice */
        cr_assert_gt(differ, 25, "%s: %d", factors[f], differ);
        close_set(&on);
        close_set(&off);
    }
    kit_finish(&k);
}

/* Where a picture differs from another one. */
static void differences(const opened *o, int64_t a, int64_t b, int size, bool *ret) {
    kd_sample s = {.size = sizeof s}, t = {.size = sizeof t};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(o->plugin.table->read(o->set, a, &s, &err), err);
    EXPECT_GOOD(o->plugin.table->read(o->set, b, &t, &err), err);
    for (int i = 0; i < size * size; i++) {
        ret[i] = memcmp((const char *)s.images[0].data + 3 * i,
                        (const char *)t.images[0].data + 3 * i, 3) != 0;
    }
    o->plugin.table->release_sample(o->set, &s);
    o->plugin.table->release_sample(o->set, &t);
}

enum { GROUP = 8, VARIED = 24 };

/* The first of eight samples is the picture that there is without variants; each other one is the
 * second of the pair that differs in its factor alone, or a later drawing where that one cannot be
 * told from the picture. */
TEST(synthetic, variants_differ_in_one_factor) {
    kit k;
    kit_init(&k);
    opened o = open_set(&k, "{size: 24, kinds: 5, variants: true, count: 320}"),
           one = open_set(&k, "{size: 24, kinds: 5}");
    for (int64_t i = 0; i < 320; i++) {
        const int64_t picture = i / GROUP, place = i % GROUP;
        int64_t base = -1;
        const char *factor = NULL;
        cr_assert_eq(o.plugin.table->label(o.set, i), picture % 5);
        cr_assert_eq(o.plugin.table->variant(o.set, i, &base, &factor), place > 0);
        if (place == 0) {
            cr_assert_eq(hash_of(&o, i, 0), hash_of(&one, picture, 0));
            continue;
        }
        cr_assert_eq(base, i - place);
        EXPECT_TEXT(factor, factors[place - 1]);
        cr_assert_neq(hash_of(&o, i, 0), hash_of(&o, base, 0), "%s, %d", factor, (int)i);
    }
    for (int f = 0; f < FACTORS - 1; f++) {
        char yaml[128];
        snprintf(yaml, sizeof yaml, "{size: 24, kinds: 5, paired: true, differ: %s}", factors[f]);
        opened pair = open_set(&k, yaml);
        int same = 0;
        for (int64_t picture = 0; picture < 40; picture++) {
            const bool told = hash_of(&pair, picture, 0) != hash_of(&pair, picture, 1);
            const bool equal =
                hash_of(&o, picture * GROUP + 1 + f, 0) == hash_of(&pair, picture, 1);
            cr_assert_eq(told, equal, "%s, %d", factors[f], (int)picture);
            same += equal;
        }
        cr_assert_gt(same, 25);
        close_set(&pair);
    }
    close_set(&one);
    close_set(&o);
    kit_finish(&k);
}

/* Pixels: another background leaves the object alone and changes the corners; another style or
 * colour leaves the corners. */
TEST(synthetic, variants_change_their_own_pixels) {
    kit k;
    kit_init(&k);
    opened o = open_set(&k, "{size: 24, variants: true, lighting: 0, occlusion: 0, position: 0}");
    const int corners[] = {0, VARIED - 1, VARIED * (VARIED - 1), VARIED * VARIED - 1};
    int background = 0;
    for (int64_t base = 0; base < 40 * GROUP; base += GROUP) {
        bool differ[VARIED * VARIED];
        differences(&o, base, base + 1, VARIED, differ);
        int inside = 0;
        for (int i = 0; i < VARIED * VARIED; i++) {
            inside += !differ[i];
        }
        background += inside > 8;
        for (int place = 4; place <= 6; place++) { /* style, color, pose */
            differences(&o, base, base + place, VARIED, differ);
            for (int c = 0; c < 4; c++) {
                cr_assert_not(differ[corners[c]], "%s changed corner %d of %d", factors[place - 1],
                              c, (int)base);
            }
        }
    }
    cr_assert_gt(background, 30, "%d of 40 objects stay", background);
    close_set(&o);
    kit_finish(&k);
}

TEST(synthetic, refuses_variants_of_pairs) {
    kit k;
    kit_init(&k);
    opened o = {.set = NULL};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(kit_plugin_load(&k, "synthetic", "{paired: true, variants: true}", &o.plugin, &err),
                err);
    cr_assert_not(o.plugin.table->open(o.plugin.config, NULL, &o.set, &err));
    EXPECT_TEXT(err.message, "synthetic: samples are pairs or have variants, not both");
    kit_plugin_finish(&o.plugin);
    kit_finish(&k);
}

/* The corners, which no object reaches, are the same whatever the kind is. */
TEST(synthetic, factors_do_not_know_the_kind) {
    kit k;
    kit_init(&k);
    opened a = open_set(&k, "{size: 32, kinds: 1, lighting: 0}"),
           b = open_set(&k, "{size: 32, kinds: 256, lighting: 0}");
    const int corners[] = {0, 31, 31 * 32, 32 * 32 - 1};
    for (int i = 0; i < 256; i++) {
        kd_sample s = {.size = sizeof s}, t = {.size = sizeof t};
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(a.plugin.table->read(a.set, i, &s, &err), err);
        EXPECT_GOOD(b.plugin.table->read(b.set, i, &t, &err), err);
        const unsigned char *p = s.images[0].data, *q = t.images[0].data;
        for (int j = 0; j < 4; j++) {
            cr_assert_arr_eq(p + 3 * corners[j], q + 3 * corners[j], 3, "%d, corner %d", i, j);
        }
        a.plugin.table->release_sample(a.set, &s);
        b.plugin.table->release_sample(b.set, &t);
    }
    close_set(&a);
    close_set(&b);
    kit_finish(&k);
}

enum { KINDS = 16, TRAIN = 1600, TEST_COUNT = 320, SIZE = 16, PIXELS = SIZE * SIZE * 3 };

static float *pixels_of(kit *k, const char *yaml, int count, uint32_t which) {
    opened o = open_set(k, yaml);
    float *all = arena_alloc(&k->memory, (size_t)count * PIXELS * sizeof *all);
    for (int i = 0; i < count; i++) {
        kd_sample s = {.size = sizeof s};
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(o.plugin.table->read(o.set, i, &s, &err), err);
        for (int j = 0; j < PIXELS; j++) {
            all[i * PIXELS + j] = ((const unsigned char *)s.images[which].data)[j];
        }
        o.plugin.table->release_sample(o.set, &s);
    }
    close_set(&o);
    return all;
}

static int nearest(const float *picture, const float *among, int count) {
    float best = INFINITY;
    int ret = 0;
    for (int j = 0; j < count; j++) {
        float distance = 0;
        for (int d = 0; d < PIXELS && distance < best; d++) {
            const float by = picture[d] - among[j * PIXELS + d];
            distance += by * by;
        }
        ret = distance < best ? j : ret;
        best = distance < best ? distance : best;
    }
    return ret;
}

/* In per cent. options: what the flow mapping of both splits begins with; which: image of a pair.
 */
static int told_by_pixels(kit *k, const char *options, uint32_t which) {
    char yaml[256];
    snprintf(yaml, sizeof yaml, "{%s, size: 16}", options);
    const float *train = pixels_of(k, yaml, TRAIN, 0);
    snprintf(yaml, sizeof yaml, "{%s, size: 16, split: test}", options);
    const float *test = pixels_of(k, yaml, TEST_COUNT, which);
    int right = 0;
    for (int i = 0; i < TEST_COUNT; i++) {
        right += nearest(test + i * PIXELS, train, TRAIN) % KINDS == i % KINDS;
    }
    return 100 * right / TEST_COUNT;
}

/* Nearest pixels tell about as much as those of photographs do (a third of CIFAR-10): colours and
 * places do not give the kind away, and yet it is there to be seen. */
TEST(synthetic, pixels_tell_the_kind_a_little) {
    kit k;
    kit_init(&k);
    const int right = told_by_pixels(&k, "kinds: 16", 0);
    cr_assert(right >= 12 && right <= 40, "%d %%", right);
    kit_finish(&k);
}

/* Where pose and position alone vary, sixteen pixels a side show which of 16 kinds it is; the
 * second pictures of pairs as well. */
TEST(synthetic, the_shape_tells_the_kind) {
    kit k;
    kit_init(&k);
    const char *const shapes = "paired: true, background: 0, lighting: 0, occlusion: 0, style: 0, "
                               "color: 0, noise: 0";
    for (uint32_t which = 0; which < 2; which++) {
        const int right = told_by_pixels(&k, shapes, which);
        cr_assert_gt(right, 55, "image %u: %d %%", which, right);
    }
    kit_finish(&k);
}

/* A picture is as far from its partner as from any other of its kind. */
TEST(synthetic, partners_are_no_nearer_than_others) {
    kit k;
    kit_init(&k);
    const char *const yaml = "{size: 16, kinds: 1, paired: true}";
    const float *first = pixels_of(&k, yaml, 400, 0), *second = pixels_of(&k, yaml, 400, 1);
    int partners = 0;
    for (int i = 0; i < 400; i++) {
        partners += nearest(first + i * PIXELS, second, 400) == i;
    }
    cr_assert_lt(partners, 8, "%d of 400, where 1 is chance", partners);
    kit_finish(&k);
}
