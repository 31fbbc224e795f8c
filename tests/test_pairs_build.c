/* SPDX-License-Identifier: Apache-2.0
 * Pair sets made of labels: how many, of what, which; and manifests written and read again. */
#include "data/pairs_build.h"
#include "data/pairs_classes.h"
#include "data/source.h"
#include "data_kit.h"

#include <math.h>
#include <stdlib.h>

enum { IMAGES = 60, CLASSES = 4 };

/* Sixty images without any content, of three classes of 20, 24 and 15; one has no label, and the
 * fourth class no image. */
typedef struct bench {
    kit kit;
    kit_file files[IMAGES];
    int32_t labels[IMAGES];
    kit_list list;
    listing listing;
} bench;

static void init(bench *b) {
    kd_error err = KD_ERROR_INIT;
    *b = (bench){0};
    kit_init(&b->kit);
    for (int i = 0; i < IMAGES; i++) {
        b->files[i] = (kit_file){arena_print(&b->kit.memory, "%d, \"a\".png", i), "x", 1};
        b->labels[i] = i == 7 ? -1 : i < 21 ? 0 : i < 45 ? 1 : 2;
    }
    b->list = (kit_list){.files = b->files,
                         .count = IMAGES,
                         .per_sample = 1,
                         .labels = b->labels,
                         .classes = CLASSES};
    EXPECT_GOOD(listing_open(&kit_dataset, &b->list, &kit_host, &b->listing, &err), err);
}

static void finish(bench *b) {
    listing_free(&b->listing);
    kit_finish(&b->kit);
}

static manifest build(bench *b, build_options o, build_counts *counts) {
    kd_error err = KD_ERROR_INIT;
    manifest m;
    EXPECT_GOOD(pairs_build(&b->listing, &o, &m, counts, &err), err);
    return m;
}

static void expect_error(bench *b, build_options o, const char *want, const char *hint) {
    kd_error err = KD_ERROR_INIT;
    manifest m;
    build_counts counts;
    cr_assert_not(pairs_build(&b->listing, &o, &m, &counts, &err), "accepted: %s", want);
    EXPECT_TEXT(err.message, want);
    EXPECT_TEXT(err.hint, hint);
    manifest_free(&m);
}

static bool has_row(const manifest *m, const manifest_row *wanted) {
    for (int64_t i = 0; i < m->count; i++) {
        if (m->row[i].image[0].index == wanted->image[0].index &&
            m->row[i].image[1].index == wanted->image[1].index) {
            return true;
        }
    }
    return false;
}

TEST(build, pairs_are_of_one_class_and_share_no_image) {
    bench b;
    build_counts counts;
    init(&b);
    manifest m = build(&b, (build_options){.seed = 1}, &counts);
    int of[CLASSES] = {0};
    bool seen[IMAGES] = {0};
    for (int64_t i = 0; i < m.count; i++) {
        for (int side = 0; side < 2; side++) {
            const int64_t which = m.row[i].image[side].index;
            cr_assert_eq(b.labels[which], m.row[i].label);
            cr_assert_str_eq(m.row[i].image[side].path, b.files[which].path);
            cr_assert_not(seen[which], "image %d stands in two pairs", (int)which);
            seen[which] = true;
        }
        of[m.row[i].label]++;
    }
    cr_assert(of[0] == 10 && of[1] == 12 && of[2] == 7 && of[3] == 0);
    cr_assert(counts.pairs == 29 && m.count == 29 && counts.classes == 3);
    cr_assert(counts.fewest == 7 && counts.most == 12 && counts.short_classes == 1);
    cr_assert_str_eq(m.row[0].class_name, "zero");
    manifest_free(&m);
    finish(&b);
}

TEST(build, smaller_sets_are_part_of_larger_ones) {
    bench b;
    build_counts counts;
    init(&b);
    manifest all = build(&b, (build_options){.seed = 3}, &counts);
    for (int64_t per_class = 1; per_class <= 12; per_class++) {
        const build_options o = {.seed = 3, .per_class = per_class, .allow_fewer = true};
        manifest some = build(&b, o, &counts);
        cr_assert(counts.most == per_class && some.count == counts.pairs);
        for (int64_t i = 0; i < some.count; i++) {
            cr_assert(has_row(&all, &some.row[i]), "%d a class: pair %d is another", (int)per_class,
                      (int)i);
        }
        manifest_free(&some);
    }
    manifest_free(&all);
    finish(&b);
}

TEST(build, the_seed_decides) {
    bench b;
    build_counts counts;
    init(&b);
    manifest m = build(&b, (build_options){.seed = 1}, &counts),
             again = build(&b, (build_options){.seed = 1}, &counts),
             other = build(&b, (build_options){.seed = 2}, &counts);
    int same = 0;
    for (int64_t i = 0; i < m.count; i++) {
        cr_assert(m.row[i].image[0].index == again.row[i].image[0].index &&
                  m.row[i].image[1].index == again.row[i].image[1].index);
        same += has_row(&other, &m.row[i]);
    }
    cr_assert_lt(same, 10, "%d of %d pairs are the same for another seed", same, (int)m.count);
    manifest_free(&m);
    manifest_free(&again);
    manifest_free(&other);
    finish(&b);
}

/* Other classes change nothing about a class's pairs, and drawn classes are nested. */
TEST(build, of_some_classes) {
    bench b;
    build_counts counts;
    init(&b);
    manifest all = build(&b, (build_options){.seed = 1}, &counts);
    const char *file = kit_text(&b.kit, "classes.txt", "2\r\n\nzero\n");
    manifest some = build(&b, (build_options){.seed = 1, .classes = file}, &counts);
    cr_assert(counts.classes == 2 && some.count == 17);
    for (int64_t i = 0; i < some.count; i++) {
        cr_assert(some.row[i].label != 1 && has_row(&all, &some.row[i]));
    }
    manifest_free(&some);
    bool before[CLASSES] = {0};
    for (int n = 1; n <= CLASSES; n++) {
        const char *number = arena_print(&b.kit.memory, "%d", n);
        some = build(&b, (build_options){.seed = 5, .classes = number}, &counts);
        bool now[CLASSES] = {0};
        for (int64_t i = 0; i < some.count; i++) {
            now[some.row[i].label] = true;
        }
        for (int class = 0; class < CLASSES; class ++) {
            cr_assert(now[class] || !before[class]);
            before[class] = now[class];
        }
        manifest_free(&some);
    }
    cr_assert(before[0] && before[1] && before[2]);
    manifest_free(&all);
    finish(&b);
}

TEST(build, classes_that_are_too_small) {
    bench b;
    build_counts counts;
    init(&b);
    expect_error(&b, (build_options){.seed = 1, .per_class = 8},
                 "8 pairs need 16 images of a class, and of 2 there are fewer: 2 (15), 3 (0)",
                 "--allow-fewer takes what they have; --classes FILE leaves them out");
    manifest m =
        build(&b, (build_options){.seed = 1, .per_class = 8, .allow_fewer = true}, &counts);
    cr_assert(m.count == 23 && counts.short_classes == 2 && counts.fewest == 7);
    manifest_free(&m);
    finish(&b);
}

TEST(build, without_labels) {
    bench b;
    kd_error err = KD_ERROR_INIT;
    init(&b);
    listing_free(&b.listing);
    b.list.classes = 0;
    EXPECT_GOOD(listing_open(&kit_dataset, &b.list, &kit_host, &b.listing, &err), err);
    expect_error(&b, (build_options){.seed = 1}, "the dataset has no labels",
                 "`kindred pairs mine` finds pairs without them");
    finish(&b);
}

/* Two classes of one name are told apart by the folders of their images. */
TEST(build, classes_by_folders) {
    static const char *const names[CLASSES] = {"crane", "crane", "thing", NULL};
    static const char *const accepted[] = {"n01\nn02\n", "thing\nn01\n", "n03\n3\n"};
    static const bool want[][CLASSES] = {{1, 1, 0, 0}, {1, 0, 1, 0}, {0, 0, 1, 1}};
    bench b;
    kd_error err = KD_ERROR_INIT;
    bool chosen[CLASSES];
    const char *paths[IMAGES];
    init(&b);
    for (int i = 0; i < IMAGES; i++) {
        paths[i] = arena_print(&b.kit.memory, "train/n0%d/%s/%d.png", b.labels[i] + 1,
                               i % 2 ? "odd" : "even", i);
    }
    b.listing.class_name = names;
    b.listing.path = paths;
    for (int i = 0; i < 3; i++) {
        EXPECT_GOOD(
            classes_choose(&b.listing, kit_text(&b.kit, "c.txt", accepted[i]), 1, chosen, &err),
            err);
        cr_assert_eq(memcmp(chosen, want[i], sizeof chosen), 0, "%s", accepted[i]);
    }
    const char *path = kit_text(&b.kit, "c.txt", "thing\ncrane\n");
    expect_error(
        &b, (build_options){.classes = path},
        arena_print(&b.kit.memory, "%s:2: the classes 0 and 1 are both named 'crane'", path),
        "give the folder of its images (a WordNet id) instead, as in "
        "'train/n01/even/0.png' and 'train/n02/odd/21.png'");
    static const char *const shared[] = {"train", "odd", "even"}; /* folders of several classes */
    for (int i = 0; i < 3; i++) {
        path = kit_text(&b.kit, "c.txt", shared[i]);
        cr_assert_not(classes_choose(&b.listing, path, 1, chosen, &err), "%s", shared[i]);
        EXPECT_IN(":1: no class", err.message);
    }
    path = kit_text(&b.kit, "c.txt", "n01\nn01\n");
    cr_assert_not(classes_choose(&b.listing, path, 1, chosen, &err));
    EXPECT_IN(":2: class 'n01' stands there twice", err.message);
    finish(&b);
}

TEST(build, lists_of_classes) {
    bench b;
    init(&b);
    const char *path = kit_text(&b.kit, "c.txt", "zero\nzreo\n");
    expect_error(&b, (build_options){.classes = path},
                 arena_print(&b.kit.memory, "%s:2: no class 'zreo' in the dataset", path),
                 "did you mean 'zero'?");
    path = kit_text(&b.kit, "d.txt", "1\n17\n");
    expect_error(&b, (build_options){.classes = path},
                 arena_print(&b.kit.memory, "%s:2: no class '17' in the dataset", path),
                 "classes are named as in 'zero'");
    path = kit_text(&b.kit, "e.txt", "1\nzero\n1\n");
    expect_error(&b, (build_options){.classes = path},
                 arena_print(&b.kit.memory, "%s:3: class '1' stands there twice", path),
                 "a class is taken or not: take the line out");
    path = kit_text(&b.kit, "f.txt", "\n");
    expect_error(&b, (build_options){.classes = path},
                 arena_print(&b.kit.memory, "%s: it names no class", path),
                 "each class has a line of its own");
    expect_error(&b, (build_options){.classes = "5"}, "--classes 5: the dataset has 4 classes", "");
    expect_error(&b, (build_options){.classes = "0"}, "--classes 0: the dataset has 4 classes", "");
    path = kit_text(&b.kit, "g.txt", "3\n");
    expect_error(&b, (build_options){.classes = path},
                 "no pair: none of the classes has two images", "");
    finish(&b);
}

TEST(listing, of_pairs_and_of_what_cannot_be_read) {
    bench b;
    kd_error err = KD_ERROR_INIT;
    listing l;
    init(&b);
    b.list.per_sample = 2;
    cr_assert_not(listing_open(&kit_dataset, &b.list, &kit_host, &l, &err));
    EXPECT_TEXT(err.message, "the dataset yields samples of 2 images already");
    listing_free(&l);
    b.list.per_sample = 1;
    for (int i = 0; i < IMAGES; i++) {
        b.files[i].data = i == 5 ? "x" : NULL;
    }
    EXPECT_GOOD(listing_open(&kit_dataset, &b.list, &kit_host, &l, &err), err);
    listing_free(&l);
    b.files[5].data = NULL;
    cr_assert_not(listing_open(&kit_dataset, &b.list, &kit_host, &l, &err));
    EXPECT_TEXT(err.message, "none of the dataset's 60 images can be read");
    listing_free(&l);
    b.labels[3] = CLASSES;
    b.files[5].data = "x";
    cr_assert_not(listing_open(&kit_dataset, &b.list, &kit_host, &l, &err));
    EXPECT_TEXT(err.message, "image 3 of the dataset has the label 4 of 4 classes");
    listing_free(&l);
    finish(&b);
}

static void expect_same(const manifest *a, const manifest *b) {
    cr_assert_eq(a->count, b->count);
    for (int64_t i = 0; i < a->count; i++) {
        const manifest_row *x = &a->row[i], *y = &b->row[i];
        char made[PAIR_ID], other[PAIR_ID];
        for (int side = 0; side < 2; side++) {
            const image_reference *p = &x->image[side], *q = &y->image[side];
            cr_assert(p->path ? q->path && strcmp(p->path, q->path) == 0
                              : !q->path && p->index == q->index);
        }
        cr_assert(x->label == y->label);
        cr_assert_str_eq(x->class_name ? x->class_name : "", y->class_name ? y->class_name : "");
        cr_assert_str_eq(manifest_id(x, made), manifest_id(y, other));
        cr_assert((isnan(x->similarity) && isnan(y->similarity)) ||
                  fabs(x->similarity - y->similarity) < 1e-6);
    }
}

static void expect_round_trip(bench *b, const manifest *m) {
    static const char *const names[] = {"m.csv", "m.jsonl"};
    for (int i = 0; i < 2; i++) {
        kd_error err = KD_ERROR_INIT;
        manifest read;
        const char *path = kit_path(&b->kit, names[i]);
        EXPECT_GOOD(manifest_write(path, m, &err), err);
        EXPECT_GOOD(manifest_read(path, &read, &err), err);
        expect_same(m, &read);
        manifest_free(&read);
    }
}

TEST(manifest, is_read_as_it_was_written) {
    bench b;
    build_counts counts;
    init(&b);
    manifest m = build(&b, (build_options){.seed = 1}, &counts);
    expect_round_trip(&b, &m); /* names with commas and quotes */
    m.row[2].similarity = 0.25;
    m.row[2].label = -1;
    m.row[4].similarity = -1;
    m.row[3].id = "mine";
    m.row[5].class_name = "a \"b\"\nc";
    expect_round_trip(&b, &m);
    for (int64_t i = 0; i < m.count; i++) {
        m.row[i] = (manifest_row){
            .image = {{NULL, i}, {NULL, 59 - i}}, .label = -1, .similarity = (double)NAN};
    }
    expect_round_trip(&b, &m);
    manifest_free(&m);
    finish(&b);
}

TEST(manifest, cannot_be_written_anyhow) {
    bench b;
    kd_error err = KD_ERROR_INIT;
    manifest m = {0};
    init(&b);
    manifest_add(
        &m,
        (manifest_row){.image = {{"a\xff", 0}, {"b", 1}}, .label = -1, .similarity = (double)NAN});
    const char *path = kit_path(&b.kit, "m.jsonl");
    cr_assert_not(manifest_write(path, &m, &err));
    EXPECT_TEXT(err.message,
                arena_print(&b.kit.memory, "%s: pair 1 has a name that is not UTF-8", path));
    EXPECT_TEXT(err.hint, "write a .csv, which takes any bytes");
    expect_same(&m, &m);
    EXPECT_GOOD(manifest_write(kit_path(&b.kit, "m.csv"), &m, &err), err);
    cr_assert_not(manifest_write("m.txt", &m, &err));
    EXPECT_TEXT(err.message, "m.txt: neither .csv nor .jsonl");
    manifest_free(&m);
    finish(&b);
}

static void make_pictures(bench *b) {
    for (int i = 0; i < IMAGES; i++) {
        b->files[i] = kit_png(&b->kit, arena_print(&b->kit.memory, "%d.png", i),
                              kit_picture(&b->kit, 4, 4, 1, i));
    }
    b->list.fingerprint = "pictures";
}

TEST(build, every_arm_trains_on_it) {
    static const struct {
        int arm, images, samples;
    } arms[] = {{ARM_SEMANTIC, 2, 29},
                {ARM_AUGMENTED, 1, 29},
                {ARM_AUGMENTED_UNION, 1, 58},
                {ARM_REPAIRED, 2, 29}};
    bench b;
    kd_error err = KD_ERROR_INIT;
    build_counts counts;
    init(&b);
    listing_free(&b.listing);
    make_pictures(&b);
    EXPECT_GOOD(listing_open(&kit_dataset, &b.list, &kit_host, &b.listing, &err), err);
    manifest m = build(&b, (build_options){.seed = 1}, &counts);
    const char *path = kit_path(&b.kit, "m.csv");
    EXPECT_GOOD(manifest_write(path, &m, &err), err);
    for (size_t i = 0; i < sizeof arms / sizeof *arms; i++) {
        source *s = NULL;
        const source_options o = {.table = &kit_dataset,
                                  .config = &b.list,
                                  .id = "list",
                                  .version = "1",
                                  .options = "",
                                  .host = &kit_host,
                                  .cache = kit_path(&b.kit, "cache"),
                                  .pairs = {.manifest = path, .arm = arms[i].arm, .seed = 1}};
        EXPECT_GOOD(source_open(&o, &s, &err), err);
        cr_assert(s->samples.count == arms[i].samples && s->samples.n_images == arms[i].images);
        for (int64_t p = 0; p < s->samples.count; p++) {
            const int32_t *of = &s->samples.image[p * s->samples.n_images];
            cr_assert_eq(s->samples.label[p], b.labels[of[0]]);
            cr_assert(arms[i].images == 1 || b.labels[of[1]] == b.labels[of[0]]);
            if (arms[i].arm == ARM_SEMANTIC) {
                cr_assert(of[0] == m.row[p].image[0].index && of[1] == m.row[p].image[1].index);
            }
        }
        source_close(s);
    }
    manifest_free(&m);
    finish(&b);
}
