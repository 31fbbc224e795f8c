/* SPDX-License-Identifier: Apache-2.0
 * The synthetic dataset: determined by its options, and neither trivial nor without meaning. */
#include "data_kit.h"

#include "../plugins/datasets/synthetic_shapes.h"

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
    static const char *const others[] = {"{size: 24, seed: 2}", "{size: 24, split: test}"};
    for (int i = 0; i < 2; i++) {
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

TEST(synthetic, pairs_share_the_kind_alone) {
    kit k;
    kit_init(&k);
    opened one = open_set(&k, "{size: 32, kinds: 5}"),
           two = open_set(&k, "{size: 32, kinds: 5, paired: true}");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(hash_of(&one, i, 0), hash_of(&two, i, 0)); /* a single is a pair's first */
        cr_assert_neq(hash_of(&two, i, 0), hash_of(&two, i, 1));
        cr_assert_eq(two.plugin.table->label(two.set, i), i % 5);
    }
    close_set(&one);
    close_set(&two);
    kit_finish(&k);
}

/* ---- Whether it is worth learning. ---- */

enum { KINDS = 16, TRAIN = 1600, TEST_COUNT = 320, SIZE = 16 };

static float *pixels_of(kit *k, const char *yaml, int count) {
    opened o = open_set(k, yaml);
    float *all = arena_alloc(&k->memory, (size_t)count * SIZE * SIZE * 3 * sizeof *all);
    for (int i = 0; i < count; i++) {
        kd_sample s = {.size = sizeof s};
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(o.plugin.table->read(o.set, i, &s, &err), err);
        for (int j = 0; j < SIZE * SIZE * 3; j++) {
            all[i * SIZE * SIZE * 3 + j] = ((const unsigned char *)s.images[0].data)[j];
        }
        o.plugin.table->release_sample(o.set, &s);
    }
    close_set(&o);
    return all;
}

/* Nearest pixels know little more than chance (1 in 16): the kind is not in colours or places. */
TEST(synthetic, pixels_do_not_tell_the_kind) {
    kit k;
    kit_init(&k);
    const float *train = pixels_of(&k, "{size: 16, count: 1600}", TRAIN);
    const float *test = pixels_of(&k, "{size: 16, count: 320, split: test}", TEST_COUNT);
    int right = 0;
    for (int i = 0; i < TEST_COUNT; i++) {
        float best = INFINITY;
        int nearest = 0;
        for (int j = 0; j < TRAIN; j++) {
            float distance = 0;
            for (int d = 0; d < SIZE * SIZE * 3 && distance < best; d++) {
                const float by = test[i * SIZE * SIZE * 3 + d] - train[j * SIZE * SIZE * 3 + d];
                distance += by * by;
            }
            nearest = distance < best ? j : nearest;
            best = distance < best ? distance : best;
        }
        right += nearest % KINDS == i % KINDS;
    }
    cr_assert_lt(right, TEST_COUNT / 5, "%d of %d", right, TEST_COUNT);
    kit_finish(&k);
}

/* ---- Shapes. ---- */

enum { GRID = 40 };

/* The shape's silhouette turned by `turns` fortieths of a circle. */
static void silhouette(int kind, int turns, char ret[GRID * GRID]) {
    const double angle = turns * 2 * 3.14159265358979 / 40, c = cos(angle), s = sin(angle);
    for (int i = 0; i < GRID * GRID; i++) {
        const double x = (i % GRID + 0.5) / GRID * 2.1 - 1.05,
                     y = (i / GRID + 0.5) / GRID * 2.1 - 1.05;
        ret[i] = shape_distance(kind, c * x + s * y, c * y - s * x) < 0;
    }
}

/* No two kinds look the same, however they are turned. */
TEST(shapes, all_differ) {
    static char fixed[SHAPE_KINDS][GRID * GRID];
    static char name[SHAPE_KINDS][32];
    int area[SHAPE_KINDS] = {0};
    for (int k = 0; k < SHAPE_KINDS; k++) {
        silhouette(k, 0, fixed[k]);
        shape_name(k, name[k], sizeof name[k]);
        for (int i = 0; i < GRID * GRID; i++) {
            area[k] += fixed[k][i];
        }
        cr_assert(area[k] > GRID * GRID / 25, "%s is too small: %d", name[k], area[k]);
    }
    for (int a = 0; a < SHAPE_KINDS; a++) {
        for (int turns = 0; turns < 40; turns++) {
            char turned[GRID * GRID];
            silhouette(a, turns, turned);
            for (int b = 0; b < a; b++) {
                if (abs(area[a] - area[b]) > 40) {
                    continue; /* they differ by at least that, but for the corners of pixels */
                }
                int differ = 0;
                for (int i = 0; i < GRID * GRID; i++) {
                    differ += turned[i] != fixed[b][i];
                }
                cr_assert(differ > 12, "%s and %s look alike: %d", name[a], name[b], differ);
            }
        }
        for (int b = 0; b < a; b++) {
            cr_assert_str_neq(name[a], name[b]);
        }
    }
}

/* Inside the unit circle, and near it a distance: no faster than the place moves. */
TEST(shapes, distances_behave) {
    for (int k = 0; k < SHAPE_KINDS; k++) {
        for (int i = 0; i < 720; i++) {
            const double a = i * 3.14159265358979 / 360, c = cos(a), s = sin(a);
            cr_assert_gt(shape_distance(k, 1.02 * c, 1.02 * s), -0.001, "kind %d at %d", k, i);
            for (double r = 0.05; r < 1.2; r += 0.05) {
                const double d = shape_distance(k, r * c, r * s);
                cr_assert(isfinite(d), "kind %d", k);
            }
        }
    }
}
