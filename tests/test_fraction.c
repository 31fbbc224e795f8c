/* SPDX-License-Identifier: Apache-2.0
 * Fractions of the data: shares of classes, nesting, and that all arms see the same pairs. */
#include "base/log.h"
#include "base/threads.h"
#include "data/fraction.h"
#include "data/source.h"
#include "data_kit.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES = 1000, IMAGES = 48, PAIRS = IMAGES / 2 };

TEST(fraction, is_nested_and_keeps_the_shares_of_classes) {
    static const int sizes[] = {1, 49, 150, 300, 500}; /* the first are those without a label */
    int32_t class[SAMPLES];
    bool before[SAMPLES] = {0}, kept[SAMPLES];
    for (int c = 0, i = 0; c < 5; c++) {
        for (int end = i + sizes[c]; i < end; i++) {
            class[(i * 7) % SAMPLES] = c - 1;
        }
    }
    for (int percent = 1; percent <= 100; percent++) {
        int of[5] = {0}, all = 0;
        fraction_choose(percent / 100.0, 3, class, SAMPLES, kept);
        for (int i = 0; i < SAMPLES; i++) {
            cr_assert(kept[i] || !before[i], "sample %d is in a smaller fraction only", i);
            before[i] = kept[i];
            of[class[i] + 1] += kept[i];
            all += kept[i];
        }
        cr_assert_eq(all, percent * 10);
        for (int c = 0; c < 5; c++) {
            cr_assert(fabs(of[c] - sizes[c] * percent / 100.0) <= 1, "%d of %d at %d %%", of[c],
                      sizes[c], percent);
        }
    }
}

TEST(fraction, is_drawn_by_its_seed) {
    int32_t class[SAMPLES] = {0};
    bool one[SAMPLES], again[SAMPLES], two[SAMPLES];
    int common = 0;
    fraction_choose(0.5, 1, class, SAMPLES, one);
    fraction_choose(0.5, 1, class, SAMPLES, again);
    fraction_choose(0.5, 2, class, SAMPLES, two);
    cr_assert_eq(memcmp(one, again, sizeof one), 0);
    for (int i = 0; i < SAMPLES; i++) {
        common += one[i] && two[i];
    }
    /* 250 by chance, with a deviation of 7.9 */
    cr_assert(common > 200 && common < 300, "%d", common);
    fraction_choose(1e-9, 1, class, SAMPLES, one);
    common = 0;
    for (int i = 0; i < SAMPLES; i++) {
        common += one[i];
    }
    cr_assert_eq(common, 1, "a fraction of %d samples", common);
}

/* 48 pictures of four classes in turn; pairs of a manifest are i and i + 4 in blocks of eight. */
typedef struct bench {
    kit kit;
    kit_file files[IMAGES];
    int32_t labels[IMAGES];
    kit_list list;
    const char *manifest;
} bench;

static void ignore_lines(void *arg, int32_t level, const char *line) {
    (void)arg;
    (void)level;
    (void)line;
}

static void init(bench *b) {
    *b = (bench){0};
    kit_init(&b->kit);
    log_set_sink(ignore_lines, NULL);
    const char *text = "index_a,index_b\n";
    for (int i = 0; i < IMAGES; i++) {
        b->files[i] = kit_png(&b->kit, arena_print(&b->kit.memory, "%d.png", i),
                              kit_picture(&b->kit, 4, 4, 1, i));
        b->labels[i] = i % 4;
        if (i % 8 < 4) {
            text = arena_print(&b->kit.memory, "%s%d,%d\n", text, i, i + 4);
        }
    }
    b->list = (kit_list){.files = b->files,
                         .count = IMAGES,
                         .per_sample = 1,
                         .labels = b->labels,
                         .classes = 4,
                         .fingerprint = "singles"};
    b->manifest = kit_text(&b->kit, "pairs.csv", text);
}

static void finish(bench *b) {
    log_set_sink(NULL, NULL);
    kit_finish(&b->kit);
}

static source *open_with(bench *b, pair_options pairs, int threads) {
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    pool *workers = pool_create(threads, 0, &err);
    cr_assert_not_null(workers, "%s", err.message);
    const char *cache = arena_print(&b->kit.memory, "cache-%d", threads);
    const source_options o = {.table = &kit_dataset,
                              .config = &b->list,
                              .id = "list",
                              .version = "1",
                              .options = "",
                              .host = &kit_host,
                              .pool = workers,
                              .cache = kit_path(&b->kit, cache),
                              .pairs = pairs};
    EXPECT_GOOD(source_open(&o, &s, &err), err);
    pool_destroy(workers);
    return s;
}

TEST(fraction, of_samples_by_any_threads) {
    bench b;
    init(&b);
    const pair_options quarter = {.fraction = 0.25, .fraction_seed = 5};
    source *one = open_with(&b, quarter, 1), *four = open_with(&b, quarter, 4);
    cr_assert(one->samples.count == 12 && four->samples.count == 12);
    cr_assert(one->samples.taken == 12 && one->samples.whole == IMAGES);
    int of[4] = {0};
    for (int i = 0; i < 12; i++) {
        const int32_t at = one->samples.image[i];
        cr_assert_eq(at, four->samples.image[i]);
        cr_assert(i == 0 || at > one->samples.image[i - 1], "not in the order of the dataset");
        cr_assert(one->samples.source[i] == at && one->samples.label[i] == at % 4);
        of[at % 4]++;
    }
    cr_assert(of[0] == 3 && of[1] == 3 && of[2] == 3 && of[3] == 3);
    source_close(one);
    source_close(four);
    one = open_with(&b, (pair_options){.fraction = 1, .fraction_seed = 5}, 1);
    cr_assert(one->samples.count == IMAGES && one->samples.whole == 0);
    source_close(one);
    finish(&b);
}

/* The first images of the pairs that an arm sees, as a set. */
static void expect_pairs(bench *b, int arm, const char *path, int32_t want_samples,
                         const bool *want) {
    const pair_options half = {.manifest = path, .arm = arm, .seed = 1, .fraction = 0.5};
    source *s = open_with(b, half, 1);
    bool seen[IMAGES] = {0};
    cr_assert_eq(s->samples.count, want_samples);
    for (int64_t i = 0; i < s->samples.count * s->samples.n_images; i++) {
        seen[s->samples.image[i]] = true;
    }
    for (int i = 0; i < IMAGES; i++) {
        const bool second = path ? i % 8 >= 4 : i % 2;
        cr_assert_eq(seen[i], want[i] && !(arm == ARM_AUGMENTED && second), "arm %d: image %d", arm,
                     i);
    }
    source_close(s);
}

TEST(fraction, of_pairs_is_the_same_for_all_arms) {
    bench b;
    init(&b);
    for (int from_manifest = 1; from_manifest >= 0; from_manifest--) {
        const char *path = from_manifest ? b.manifest : NULL;
        if (!path) { /* a dataset of pairs */
            b.list.per_sample = 2;
            b.list.fingerprint = "pairs";
        }
        source *s = open_with(&b, (pair_options){.manifest = path, .fraction = 0.5}, 1);
        bool want[IMAGES] = {0};
        cr_assert(s->samples.count == PAIRS / 2 && s->samples.n_images == 2);
        for (int i = 0; i < PAIRS / 2; i++) {
            const int32_t *both = &s->samples.image[2 * i];
            cr_assert_eq(both[1] - both[0], path ? 4 : 1, "a pair is torn apart");
            want[both[0]] = want[both[1]] = true;
        }
        source_close(s);
        expect_pairs(&b, ARM_SEMANTIC, path, PAIRS / 2, want);
        expect_pairs(&b, ARM_AUGMENTED, path, PAIRS / 2, want);
        expect_pairs(&b, ARM_AUGMENTED_UNION, path, PAIRS, want);
        expect_pairs(&b, ARM_REPAIRED, path, PAIRS / 2, want);
    }
    finish(&b);
}
