/* SPDX-License-Identifier: Apache-2.0
 * Nearest neighbours and mined pairs of features that are known, how precision is counted, and
 * `kindred pairs mine` from a run to a run on its pairs. */
#include "run_kit.h"

#include "base/file.h"
#include "data/manifest.h"
#include "train/mining.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>

static run_kit kit;
static run *opened;
static assembly device;

static void open_kit(void) {
    static const char *const keys[] = {"device={plugin: cpu, threads: 1}"};
    kd_error err = KD_ERROR_INIT;
    kit_open(&kit);
    cr_assert(run_load(kit.plugins, "run.yaml", keys, 1, &opened, &err), "%s", err.message);
    cr_assert(assembly_open(&device, opened, kit.plugins, NULL, ASSEMBLE_MEMORY, &err), "%s",
              err.message);
}

static void close_kit(void) {
    assembly_close(&device);
    run_destroy(opened);
    kit_close(&kit);
}

TestSuite(mining, .init = open_kit, .fini = close_kit);

enum { ROWS = 700, WIDTH = 16384, USED = 6, NEAREST = 5 };

/* So wide that the bank is three tiles, and zero but for the first few. */
static float *make_rows(void) {
    float *value = kd_alloc((size_t)ROWS * WIDTH * sizeof *value);
    uint32_t state = 7;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < USED; j++) {
            state = state * 1664525u + 1013904223u;
            value[i * WIDTH + j] = (float)(state >> 8) / 8388608.0f - 1;
        }
    }
    /* the same direction three times, in different tiles and at different lengths */
    for (int j = 0; j < USED; j++) {
        value[300 * WIDTH + j] = 2 * value[10 * WIDTH + j];
        value[600 * WIDTH + j] = 4 * value[10 * WIDTH + j];
    }
    return value;
}

static double cosine(const float *a, const float *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int j = 0; j < USED; j++) {
        ab += (double)a[j] * (double)b[j];
        aa += (double)a[j] * (double)a[j];
        bb += (double)b[j] * (double)b[j];
    }
    return ab / sqrt(aa * bb);
}

/* How many other rows are more alike, by more than rounding of f32 is worth. */
static int nearer(const float *rows, int query, double than) {
    int count = 0;
    for (int i = 0; i < ROWS; i++) {
        count += i != query && cosine(rows + i * WIDTH, rows + query * WIDTH) > than + 1e-5;
    }
    return count;
}

TEST(mining, neighbours_are_exact_over_tiles) {
    kd_error err = KD_ERROR_INIT;
    float *rows = make_rows();
    const neighbour_search s = {.query = rows,
                                .queries = ROWS,
                                .bank = rows,
                                .rows = ROWS,
                                .width = WIDTH,
                                .k = NEAREST,
                                .others_only = true,
                                .what = "test"};
    neighbours n;
    cr_assert(neighbours_find(&device, &s, &n, &err), "%s", err.message);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < NEAREST; j++) {
            const int32_t at = n.index[i * NEAREST + j];
            cr_assert(at >= 0 && at < ROWS && at != i);
            const double is = cosine(rows + i * WIDTH, rows + at * WIDTH);
            cr_assert_float_eq(is, (double)n.similarity[i * NEAREST + j], 1e-5);
            cr_assert_leq(nearer(rows, i, is), j, "neighbour %d of row %d is not that near", j, i);
            for (int before = 0; before < j; before++) {
                cr_assert_neq(n.index[i * NEAREST + before], at, "row %d stands twice", at);
            }
        }
    }
    /* equals go by their number, whatever tile they lie in */
    cr_assert(n.index[10 * NEAREST] == 300 && n.index[10 * NEAREST + 1] == 600);
    cr_assert(n.index[300 * NEAREST] == 10 && n.index[300 * NEAREST + 1] == 600);
    cr_assert(n.index[600 * NEAREST] == 10 && n.index[600 * NEAREST + 1] == 300);
    neighbours_free(&n);
    free(rows);
}

TEST(mining, neighbours_of_other_rows) {
    static const float bank[] = {1, 0, 0, 1, -1, 0}, query[] = {2, 1, -3, -0.5f};
    const neighbour_search s = {
        .query = query, .queries = 2, .bank = bank, .rows = 3, .width = 2, .k = 3, .what = "test"};
    kd_error err = KD_ERROR_INIT;
    neighbours n;
    cr_assert(neighbours_find(&device, &s, &n, &err), "%s", err.message);
    static const int32_t want[] = {0, 1, 2, 2, 1, 0};
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(n.index[i], want[i]);
    }
    neighbours_free(&n);
}

/* A point of the circle for each angle in degrees. */
static void at_angles(const double *degrees, int count, float *ret) {
    for (int i = 0; i < count; i++) {
        const double angle = degrees[i] * M_PI / 180;
        ret[2 * i] = (float)cos(angle);
        ret[2 * i + 1] = (float)sin(angle);
    }
}

static mined_pairs mine(const double *degrees, int count, mining_options o) {
    float value[64];
    kd_error err = KD_ERROR_INIT;
    mined_pairs p;
    at_angles(degrees, count, value);
    cr_assert(mine_pairs(&device, value, count, 2, &o, &p, &err), "%s", err.message);
    return p;
}

static void expect_pairs(const mined_pairs *p, int count, const int want[][2]) {
    cr_assert_eq(p->count, count, "%d pairs", (int)p->count);
    for (int i = 0; i < count; i++) {
        cr_assert(p->pair[i].row[0] == want[i][0] && p->pair[i].row[1] == want[i][1],
                  "pair %d is %d, %d", i, p->pair[i].row[0], p->pair[i].row[1]);
    }
}

/* 0 and 3 degrees choose each other, and so do 90 and 91; 8 chooses 3, which does not choose it. */
static const double angles[] = {8, 90, 3, 0, 91, 180};

TEST(mining, pairs_choose_each_other) {
    static const int want[][2] = {{1, 4}, {2, 3}};
    mined_pairs p = mine(
        angles, 6,
        (mining_options){.k = 1, .min_similarity = -1, .max_similarity = INFINITY, .per_image = 1});
    expect_pairs(&p, 2, want);
    cr_assert_eq(p.mutual, 2);
    cr_assert_float_eq((double)p.pair[0].similarity, cos(M_PI / 180), 1e-6);
    cr_assert_float_eq((double)p.pair[1].similarity, cos(3 * M_PI / 180), 1e-6);
    mined_free(&p);
    const double least = cos(2 * M_PI / 180);
    p = mine(angles, 6,
             (mining_options){
                 .k = 1, .min_similarity = least, .max_similarity = INFINITY, .per_image = 1});
    expect_pairs(&p, 1, want);
    cr_assert_eq(p.mutual, 2);
    mined_free(&p);
    p = mine(
        angles, 6,
        (mining_options){.k = 1, .min_similarity = -1, .max_similarity = least, .per_image = 1});
    expect_pairs(&p, 1, want + 1);
    mined_free(&p);
}

/* Of two nearest, 0, 3 and 8 degrees all choose each other; the most alike two are taken. */
TEST(mining, the_most_alike_go_first) {
    static const int once[][2] = {{1, 4}, {2, 3}}, twice[][2] = {{1, 4}, {2, 3}, {0, 2}, {0, 3}};
    mined_pairs p = mine(
        angles, 6,
        (mining_options){.k = 2, .min_similarity = 0, .max_similarity = INFINITY, .per_image = 1});
    expect_pairs(&p, 2, once);
    cr_assert_geq(p.mutual, 4);
    mined_free(&p);
    p = mine(angles, 6,
             (mining_options){
                 .k = 2, .min_similarity = 0.9, .max_similarity = INFINITY, .per_image = 2});
    expect_pairs(&p, 4, twice);
    mined_free(&p);
}

TEST(mining, equals_go_by_number) {
    static const double same[] = {7, 7, 7, 7, 7};
    static const int want[][2] = {{0, 1}, {2, 3}};
    mined_pairs p = mine(
        same, 5,
        (mining_options){.k = 4, .min_similarity = -1, .max_similarity = INFINITY, .per_image = 1});
    expect_pairs(&p, 2, want);
    cr_assert_eq(p.mutual, 10);
    mined_free(&p);
}

TEST(mining, errors) {
    static const float broken[] = {1, 0, NAN, 0, 1, 1};
    const mining_options o = {
        .k = 1, .min_similarity = -1, .max_similarity = INFINITY, .per_image = 1};
    kd_error err = KD_ERROR_INIT;
    mined_pairs p;
    cr_assert_not(mine_pairs(&device, broken, 3, 2, &o, &p, &err));
    cr_assert_str_eq(err.message, "the encoder's features are not finite");
    cr_assert_not(mine_pairs(&device, broken, 1, 2, &o, &p, &err));
    cr_assert_str_eq(err.message, "1 neighbours of each are wanted, and there are 0");
}

/* 3 of 4 labelled pairs are of one class: Wilson's interval by its formula, worked out apart. Of 9
 * labelled images 4, 3 and 2 are of one class: 12 + 6 + 2 of 72 ordered pairs of two. */
TEST(mining, precision) {
    mined_pair list[] = {{{0, 1}, 1}, {{2, 3}, 1}, {{4, 5}, 1}, {{6, 7}, 1}, {{8, 9}, 1}};
    const int32_t label[] = {0, 0, 0, 0, 1, 1, 1, 2, -1, 2};
    const mined_pairs p = {.pair = list, .count = 5};
    mined_precision is;
    cr_assert(mined_measure(&p, label, 10, &is));
    cr_assert(is.labelled == 4 && is.same == 3);
    cr_assert_float_eq(is.share, 0.75, 1e-12);
    cr_assert_eq(is.independent, 4);
    cr_assert_float_eq(is.low, 0.300642, 1e-6);
    cr_assert_float_eq(is.high, 0.954413, 1e-6);
    cr_assert_float_eq(is.chance, 20.0 / 72, 1e-12);
    const int32_t none[10] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    cr_assert_not(mined_measure(&p, none, 10, &is));
}

/* Three pairs of image 0 are of one class, one of others is not. Residuals are 1/4 three times and
 * -3/4: by image 3/4, 1/4 three times and -3/4 twice, whose squares are 15/8; those of pairs are
 * 6/8. So 15/8 / 6/8 - 1 = 1.5 pairs tell as much as one, of at most (9 + 5) / 4 - 1. */
TEST(mining, pairs_that_share_an_image_tell_less) {
    mined_pair list[] = {{{0, 1}, 1}, {{0, 2}, 1}, {{0, 3}, 1}, {{4, 5}, 1}};
    const int32_t label[] = {0, 0, 0, 0, 0, 1};
    mined_pairs p = {.pair = list, .count = 4};
    mined_precision is;
    cr_assert(mined_measure(&p, label, 6, &is));
    cr_assert_float_eq(is.independent, 4 / 1.5, 1e-12);
    cr_assert_float_eq(is.low, 0.238502, 1e-6);
    cr_assert_float_eq(is.high, 0.966370, 1e-6);
    p.count = 3; /* all are of one class: nothing says that they do not go together */
    cr_assert(mined_measure(&p, label, 6, &is));
    cr_assert_float_eq(is.independent, 1, 1e-12);
    cr_assert_float_eq(is.low, 0.206549, 1e-6);
    const int32_t other[] = {0, 0, 0, 1, 0, 0};
    p.count = 4; /* they contradict one another: not more than independent ones */
    cr_assert(mined_measure(&p, other, 6, &is));
    cr_assert_float_eq(is.independent, 4, 1e-12);
}

static int program(const char *log, const char *const *words) {
    return kit_wait(kit_start(log, words));
}

static char *text_of(const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

static void expect_run(const char *const *words) {
    const int status = program("log", words);
    char *log = text_of("log");
    cr_assert_eq(status, 0, "%s", log);
    free(log);
}

#define DATA "--data", "plugin=synthetic", "kinds=4", "count=64", "size=12"

/* The manifest comes out the same twice, names each image once at most, and a run takes it. */
TEST(mining, from_a_run_to_a_run) {
    expect_run((const char *const[]){"train", "run.yaml", "train.epochs=1", NULL});
    for (int i = 0; i < 2; i++) {
        expect_run((const char *const[]){"pairs", "mine", "--encoder", "runs/small", DATA, "--k",
                                         "3", "--to", i ? "again.csv" : "pairs.csv", NULL});
    }
    char *log = text_of("log"), *first = text_of("pairs.csv"), *again = text_of("again.csv");
    cr_assert_str_eq(first, again);
    cr_assert(strstr(log, "mutual neighbours") && strstr(log, "by chance 23.8 %"), "%s", log);
    free(first);
    free(again);
    kd_error err = KD_ERROR_INIT;
    manifest m;
    bool seen[64] = {0};
    cr_assert(manifest_read("pairs.csv", &m, &err), "%s", err.message);
    for (int64_t i = 0; i < m.count; i++) {
        cr_assert(isfinite(m.row[i].similarity) && m.row[i].id && m.row[i].label < 0);
        cr_assert(i == 0 || m.row[i].similarity <= m.row[i - 1].similarity);
        for (int side = 0; side < 2; side++) {
            cr_assert_not(seen[m.row[i].image[side].index]);
            seen[m.row[i].image[side].index] = true;
        }
    }
    manifest_free(&m);
    cr_assert_null(strstr(log, "pairs share images"), "%s", log);
    /* Where all are of one class, those that share an image may say no more than one of them. */
    expect_run((const char *const[]){"pairs", "mine", "--encoder", "runs/small", "--data",
                                     "plugin=synthetic", "kinds=1", "count=64", "size=12", "--k",
                                     "9", "--per-image", "9", "--to", "many.csv", NULL});
    free(log);
    log = text_of("log");
    cr_assert(strstr(log, "pairs share images: the interval is that of "), "%s", log);
    free(log);
    expect_run((const char *const[]){"train", "run.yaml", "name=mined", "train.steps=1",
                                     "train.batch=2", "data.pairs.manifest=pairs.csv", NULL});
}

TEST(mining, wrong_words) {
    static const struct {
        const char *words[16], *want;
        int status;
    } cases[] = {
        {{"pairs", "mine", DATA, "--to", "a.csv"}, "--encoder RUN_DIR is missing", 2},
        {{"pairs", "mine", "--encoder", "x", "--to", "a.csv"}, "--data plugin=NAME", 2},
        {{"pairs", "mine", "--encoder", "absent", DATA, "--to", "a.csv"},
         "absent: not the folder of a run",
         1},
        {{"pairs", "mine", "--encoder", "x", DATA, "--to", "a.csv", "--k", "1001"},
         "--k 1001: more than 1000",
         2},
        {{"pairs", "mine", "--encoder", "x", DATA, "--to", "a.csv", "--min-similarity", "nan"},
         "--min-similarity nan: not a cosine, from -1 to 1",
         2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int status = program("log", cases[i].words);
        char *log = text_of("log");
        cr_assert_eq(status, cases[i].status, "%s", log);
        cr_assert(strstr(log, cases[i].want), "\"%s\" is not in %s", cases[i].want, log);
        free(log);
    }
    cr_assert_not(file_exists("a.csv"));
}
