/* SPDX-License-Identifier: Apache-2.0
 * Pair manifests and their errors, and the rows of a batch. */
#include "base/log.h"
#include "data/order.h"
#include "data/pairs_id.h"
#include "data/source.h"
#include "data_kit.h"

#include <stdlib.h>

#define IMAGES 6

/* Six images, "cat/0.png" to "cat/5.png", labels 0 0 1 1 2 2; the fourth may be broken. */
typedef struct bench {
    kit kit;
    kit_file files[IMAGES];
    int32_t labels[IMAGES];
    kit_list list;
    source_options options;
} bench;

static void init(bench *b) {
    *b = (bench){0};
    kit_init(&b->kit);
    for (int i = 0; i < IMAGES; i++) {
        b->files[i] = kit_png(&b->kit, arena_print(&b->kit.memory, "cat/%d.png", i),
                              kit_picture(&b->kit, 4 + i, 6, 1, i));
        b->labels[i] = i / 2;
    }
    b->list = (kit_list){.files = b->files,
                         .count = IMAGES,
                         .per_sample = 1,
                         .labels = b->labels,
                         .classes = 3,
                         .fingerprint = "one"};
    b->options = (source_options){.table = &kit_dataset,
                                  .config = &b->list,
                                  .id = "list",
                                  .version = "1",
                                  .options = "",
                                  .host = &kit_host,
                                  .cache = kit_path(&b->kit, "cache")};
}

static void finish(bench *b) {
    kit_finish(&b->kit);
}

static source *open_source(bench *b) {
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(source_open(&b->options, &s, &err), err);
    return s;
}

/* text under a name; the message must be "NAME: want" or "NAME:LINE: want". */
static void expect_error(bench *b, const char *name, const char *text, const char *want,
                         const char *hint) {
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    b->options.pairs.manifest = kit_text(&b->kit, name, text);
    cr_assert_not(source_open(&b->options, &s, &err), "accepted: %s", text);
    const char *full = arena_print(&b->kit.memory, "%s%s", b->options.pairs.manifest, want);
    EXPECT_TEXT(err.message, full);
    EXPECT_TEXT(err.hint, hint);
}

static void expect_pairs(bench *b, const char *name, const char *text, int count,
                         const int want[][3]) {
    b->options.pairs.manifest = kit_text(&b->kit, name, text);
    source *s = open_source(b);
    cr_assert(s->samples.count == count && s->samples.n_images == 2, "%d pairs",
              (int)s->samples.count);
    for (int i = 0; i < count; i++) {
        cr_assert(s->samples.image[2 * i] == want[i][0] &&
                      s->samples.image[2 * i + 1] == want[i][1],
                  "pair %d: %d, %d", i, s->samples.image[2 * i], s->samples.image[2 * i + 1]);
        cr_assert_eq(s->samples.label[i], want[i][2], "pair %d: label %d", i, s->samples.label[i]);
    }
    source_close(s);
}

TEST(pairs, csv) {
    static const int want[][3] = {{0, 1, 0}, {4, 2, -1}, {5, 4, 2}};
    bench b;
    init(&b);
    expect_pairs(&b, "a.csv", "a,b\ncat/0.png,cat/1.png\n./cat/4.png,cat/2.png\n", 2, want);
    expect_pairs(&b, "b.csv", "index_a,index_b,label\n0,1,\n4,2,\n5,4,2\n", 3, want);
    /* quotes, line ends of Windows, a byte order mark, empty lines, columns in any order */
    expect_pairs(&b, "c.CSV",
                 "\xef\xbb\xbf\"label\",\"b\",a\r\n,cat/1.png,\"cat/0.png\"\r\n\r\n"
                 "\"\",\"cat/2.png\",cat/4.png\r\n2,\"cat/4.png\",\"cat/5.png\"",
                 3, want);
    finish(&b);
}

TEST(pairs, csv_quoting) {
    static const int want[][3] = {{0, 1, 0}};
    bench b;
    init(&b);
    b.files[0].path = "a, \"b\"\nc";
    b.files[1].path = "";
    expect_pairs(&b, "a.csv", "a,b\n\"a, \"\"b\"\"\nc\",\"\"\n", 1, want);
    /* lines are counted through quoted line ends */
    expect_error(&b, "b.csv", "a,b\n\"a, \"\"b\"\"\nc\",\"\"\nx,y\n",
                 ":4: no image 'x' in the dataset", "paths are relative to data.path, as in ''");
    finish(&b);
}

TEST(pairs, jsonl) {
    static const int want[][3] = {{0, 1, 0}, {4, 2, -1}, {5, 4, 2}};
    bench b;
    init(&b);
    expect_pairs(&b, "a.jsonl",
                 "{\"a\": \"cat/0.png\", \"b\": 1}\n\n{\"b\": 2, \"a\": 4, \"label\": null}\n"
                 "{\"a\": \"./cat/5.png\", \"b\": \"cat/4.png\", \"label\": 2}",
                 3, want);
    finish(&b);
}

/* Samples of one image are what pairs are compared with. */
TEST(pairs, arms) {
    bench b;
    init(&b);
    b.options.pairs.manifest = kit_text(&b.kit, "a.csv", "index_a,index_b\n0,1\n4,2\n");
    b.options.pairs.arm = ARM_AUGMENTED;
    source *s = open_source(&b);
    cr_assert(s->samples.count == 2 && s->samples.n_images == 1);
    cr_assert(s->samples.image[0] == 0 && s->samples.image[1] == 4);
    source_close(s);
    b.options.pairs.manifest = NULL;
    b.options.pairs.arm = ARM_AUTO;
    s = open_source(&b);
    cr_assert(s->samples.count == IMAGES && s->samples.n_images == 1);
    source_close(s);
    b.list.per_sample = 2; /* a dataset of pairs */
    b.list.fingerprint = "pairs";
    for (int arm = ARM_AUTO; arm <= ARM_AUGMENTED; arm++) {
        b.options.pairs.arm = arm;
        s = open_source(&b);
        const bool both = arm != ARM_AUGMENTED;
        cr_assert(s->samples.count == IMAGES / 2 && s->samples.n_images == (both ? 2 : 1));
        cr_assert_eq(s->samples.image[1], both ? 1 : 2);
        cr_assert_eq(s->samples.label[2], 1);
        source_close(s);
    }
    finish(&b);
}

static void expect_arm(bench *b, int arm, const char *message, const char *hint) {
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    b->options.pairs.arm = arm;
    cr_assert_not(source_open(&b->options, &s, &err));
    EXPECT_TEXT(err.message, message);
    EXPECT_IN(hint, err.hint);
}

TEST(pairs, arms_that_do_not_fit) {
    bench b;
    init(&b);
    expect_arm(&b, ARM_SEMANTIC, "data.pairs.arm is semantic, but the dataset has no pairs",
               "data.pairs.manifest");
    b.options.pairs.arm = ARM_AUTO;
    b.list.per_sample = 2;
    b.list.fingerprint = "pairs";
    expect_error(&b, "a.csv", "index_a,index_b\n0,1\n", ": the dataset yields pairs already",
                 "leave data.pairs.manifest out, or let the plugin yield single images");
    b.list.per_sample = 3;
    b.list.fingerprint = "three";
    b.options.pairs.manifest = NULL;
    expect_arm(&b, ARM_AUTO, "samples of 3 to 3 images: all must be single images or all pairs",
               "");
    finish(&b);
}

static void ignore_lines(void *arg, int32_t level, const char *line) {
    (void)arg;
    (void)level;
    (void)line;
}

/* Names one of three pairs; a list that is for others, or for indices, must not go unnoticed. */
TEST(pairs, of_a_dataset_are_turned_down_by_their_paths) {
    bench b;
    kd_set *set = NULL;
    kd_error err = KD_ERROR_INIT;
    const kd_dataset_host host = {.size = sizeof host, .host = &kit_host};
    char second[PAIR_ID], before[PAIR_ID];
    init(&b);
    log_set_sink(ignore_lines, NULL);
    b.list.per_sample = 2;
    b.list.fingerprint = "pairs";
    EXPECT_GOOD(kit_dataset.open(&b.list, &host, &set, &err), err);
    pairs_id(&kit_dataset, set, 1, second);
    b.options.pairs.reject = kit_text(&b.kit, "r.txt", second);
    source *s = open_source(&b);
    cr_assert(s->samples.count == 2 && s->samples.rejected == 1);
    cr_assert(s->samples.image[0] == 0 && s->samples.image[2] == 4);
    source_close(s);
    b.list.files += 2; /* the first pair goes: the second has another index */
    b.list.labels += 1;
    b.list.count -= 2;
    b.list.fingerprint = "fewer";
    s = open_source(&b);
    cr_assert(s->samples.count == 1 && s->samples.rejected == 1 && s->samples.label[0] == 1);
    source_close(s);
    b.options.pairs.reject = kit_text(&b.kit, "r.txt", "1\n");
    cr_assert_not(source_open(&b.options, &s, &err));
    EXPECT_IN("r.txt:1: no pair '1' in the dataset", err.message);
    /* without paths the fingerprint and the index are what tells pairs apart */
    const char *path = b.files[2].path;
    b.files[2].path = b.files[4].path = NULL;
    pairs_id(&kit_dataset, set, 0, before);
    cr_assert_str_neq(pairs_id(&kit_dataset, set, 1, second), before);
    b.list.fingerprint = "other";
    cr_assert_str_neq(pairs_id(&kit_dataset, set, 0, second), before);
    b.files[2].path = b.files[4].path = path;
    kit_dataset.close(set);
    log_set_sink(NULL, NULL);
    finish(&b);
}

TEST(pairs, repaired_needs_labels_and_says_where) {
    bench b;
    init(&b);
    b.labels[2] = -1;
    b.options.pairs.arm = ARM_REPAIRED;
    expect_error(&b, "a.csv", "index_a,index_b\n\n0,1\n2,3\n4,5\n",
                 ":4: data.pairs.arm is repaired, but the pair has no label",
                 "partners are drawn from the same class: give labels in a column `label`, or use "
                 "a dataset that has them");
    finish(&b);
}

TEST(pairs, of_broken_images_are_left_out) {
    static const int want[][3] = {{0, 1, 0}, {2, 4, -1}};
    bench b;
    init(&b);
    log_set_sink(ignore_lines, NULL);
    b.files[3].bytes = 0;
    b.options.on_error = ON_ERROR_SKIP;
    b.options.pairs.manifest = kit_text(&b.kit, "a.csv", "index_a,index_b\n0,1\n3,4\n2,5\n");
    source *s = open_source(&b);
    cr_assert(s->samples.count == 2 && s->samples.left_out == 1);
    cr_assert(s->samples.image[2] == want[1][0] && s->samples.image[3] == want[1][1]);
    source_close(s);
    expect_error(&b, "b.csv", "index_a,index_b\n3,4\n", ": every pair has a broken image",
                 "mend the images, which warnings name, or name others");
    log_set_sink(NULL, NULL);
    finish(&b);
}

TEST(pairs, csv_errors) {
    static const char *const quotes =
        "a field with a comma or a quote in it stands in quotes, where a quote is doubled: "
        "\"a, \"\"b\"\".png\"";
    static const char *const number =
        "indices count the dataset's samples; paths have the columns a,b";
    static const char *const large = "labels are the numbers of classes, from 0 without gaps";
    static const char *const columns = "the header is a,b or index_a,index_b; label, class_name, "
                                       "id, similarity, factor may follow";
    static const struct {
        const char *text, *want, *hint;
        bool columns;
    } cases[] = {
        {"", ":1: unknown column ''", NULL, true},
        {"a,b\n", ": it names no pair",
         "each pair has a line of its own; in CSV they follow a header", false},
        {"a,c\nx,y\n", ":1: unknown column 'c'", NULL, true},
        {"a,b,lable\n", ":1: unknown column 'lable'; did you mean 'label'?", NULL, true},
        {"a,a\n", ":1: repeated column 'a'", NULL, true},
        {"a,label\n", ":1: a pair needs the columns a and b, or index_a and index_b", NULL, true},
        {"a,index_b\n", ":1: a pair needs the columns a and b, or index_a and index_b", NULL, true},
        {"a,b,index_a\n", ":1: a pair needs the columns a and b, or index_a and index_b", NULL,
         true},
        {"a,b\ncat/0.png\n", ":2: 1 fields, but the header has 2", quotes, false},
        {"a,b\ncat/0.png,cat/1.png,x\n", ":2: 3 fields, but the header has 2", quotes, false},
        {"a,b\n\ncat/0.png,\"cat/1.png\n", ":3: a quote is not closed", quotes, false},
        {"a,b\n\"cat/0.png\"x,cat/1.png\n", ":2: 'x' after a closing quote", quotes, false},
        {"a,b\ncat/0.png,cat/1.pmg\n", ":2: no image 'cat/1.pmg' in the dataset",
         "did you mean 'cat/1.png'?", false},
        {"a,b\ncat/0.png,elephant\n", ":2: no image 'elephant' in the dataset",
         "paths are relative to data.path, as in 'cat/0.png'", false},
        {"a,b\ncat/2.png,./cat/2.png\n", ":2: an image is paired with itself",
         "a pair is two different images; for two views of one image leave data.pairs out", false},
        {"index_a,index_b\n0,1\n0,6\n", ":3: index 6 is beyond the last, 5",
         "indices count from 0; is it a manifest of another dataset?", false},
        {"index_a,index_b\n-1,3\n", ":2: index_a '-1' is not a number from 0", number, false},
        {"index_a,index_b\n0,1.5\n", ":2: index_b '1.5' is not a number from 0", number, false},
        {"index_a,index_b,label\n0,1,dog\n", ":2: label 'dog' is not a number from 0",
         "labels are the numbers of classes; an empty one is none", false},
        {"a,b,id\ncat/0.png,cat/1.png,two words\n", ":2: id 'two words' is not a word",
         "an id has no blank and no # in it; an empty one is made by kindred", false},
        {"a,b,similarity\ncat/0.png,cat/1.png,much\n", ":2: similarity 'much' is not a number",
         "it is a cosine, such as 0.75; an empty one is none", false},
        {"index_a,index_b,label\n0,1,3\n", ":2: label 3, but the dataset has 3 classes",
         "labels count from 0; is it a manifest of another dataset?", false},
        {"index_a,index_b,label\n0,1,1000001\n", ":2: label 1000001 is above 1000000", large,
         false},
        {"index_a,index_b,label\n0,1,4294967297\n", ":2: label 4294967297 is above 1000000", large,
         false},
    };
    bench b;
    init(&b);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(&b, "p.csv", cases[i].text, cases[i].want,
                     cases[i].columns ? columns : cases[i].hint);
    }
    expect_error(&b, "p.tsv", "a\tb\n", ": neither .csv nor .jsonl",
                 "pairs come as CSV with a header, or as JSON lines");
    finish(&b);
}

/* A manifest of another split or dataset names images that are there, but other ones. */
TEST(pairs, of_another_dataset_are_refused) {
    static const char *const hint =
        "is it a manifest of another split or dataset? The images' own labels count where the "
        "columns label and class_name are left out";
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a,b,label\ncat/0.png,cat/1.png,0\ncat/2.png,cat/3.png,2\n",
         ":3: label 2, but 'cat/2.png' is of class 1"},
        {"index_a,index_b,label\n3,1,0\n", ":2: label 0, but 'cat/3.png' is of class 1"},
        {"index_a,index_b,label\n4,0,2\n", ":2: label 2, but 'cat/0.png' is of class 0 (zero)"},
        {"a,b,label\ncat/0.png,cat/2.png,0\n", ":2: label 0, but 'cat/2.png' is of class 1"},
        {"index_a,index_b,class_name\n4,5,two\n2,3,zero\n",
         ":3: class_name 'zero', but 'cat/2.png' is of class 1"},
        {"index_a,index_b,label,class_name\n2,3,1,zero\n",
         ":2: class_name 'zero', but 'cat/2.png' is of class 1"},
    };
    static const int same[][3] = {{0, 1, 0}, {4, 5, 2}, {1, 2, -1}};
    static const int own[][3] = {{0, 1, 900000}, {2, 3, -1}};
    bench b;
    init(&b);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(&b, "p.csv", cases[i].text, cases[i].want, hint);
    }
    /* class names are for people: those of the dataset, or any others */
    expect_pairs(&b, "p.csv",
                 "index_a,index_b,label,class_name\n0,1,0,zero\n4,5,2,n01443537\n1,2,,\n", 3, same);
    b.list.labels = NULL;
    b.list.classes = 0;
    b.list.fingerprint = "without labels";
    expect_pairs(&b, "p.csv", "index_a,index_b,label,class_name\n0,1,900000,fish\n2,3,,\n", 2, own);
    finish(&b);
}

TEST(pairs, jsonl_errors) {
    static const char *const keys =
        "a line is {\"a\": path or index, \"b\": path or index, \"label\": number}; "
        "\"class_name\", \"id\", \"similarity\" and \"factor\" may follow";
    static const struct {
        const char *text, *want;
        bool keys;
    } cases[] = {
        {"{\"a\": 0}", ":1: 'b' is missing", true},
        {"{\"a\": 0, \"b\": 1}\n{\"b\": 0}", ":2: 'a' is missing", true},
        {"{\"a\": 0, \"b\": 1, \"lable\": 1}", ":1: unknown key 'lable'; did you mean 'label'?",
         true},
        {"{\"a\": 0, \"b\": -1}", ":1: 'b' is neither a path nor an index", true},
        {"{\"a\": 0.5, \"b\": 1}", ":1: 'a' is neither a path nor an index", true},
        {"{\"a\": 0, \"b\": 1, \"label\": \"x\"}", ":1: 'label' is not a number from 0", true},
        {"[0, 1]", ":1: not an object", true},
    };
    bench b;
    init(&b);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(&b, "p.jsonl", cases[i].text, cases[i].want, cases[i].keys ? keys : "");
    }
    expect_error(&b, "p.jsonl", "\n\n", ": it names no pair",
                 "each pair has a line of its own; in CSV they follow a header");
    expect_error(&b, "p.jsonl", "{\"a\": 0, \"b\": 99}", ":1: index 99 is beyond the last, 5",
                 "indices count from 0; is it a manifest of another dataset?");
    expect_error(&b, "p.jsonl", "{\"a\": 0, \"b\": 1, \"label\": 2147483647}",
                 ":1: label 2147483647 is above 1000000",
                 "labels are the numbers of classes, from 0 without gaps");
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    b.options.pairs.manifest = kit_text(&b.kit, "p.jsonl", "{\"a\": 0,\n");
    cr_assert_not(source_open(&b.options, &s, &err));
    EXPECT_IN("p.jsonl:1: not JSON: ", err.message);
    EXPECT_TEXT(err.hint, keys);
    b.options.pairs.manifest = kit_path(&b.kit, "missing.csv");
    cr_assert_not(source_open(&b.options, &s, &err));
    EXPECT_IN("missing.csv", err.message);
    finish(&b);
}

static void expect_row(const source *s, const row *r, int64_t sample, int32_t which) {
    cr_assert_eq(r->sample, sample);
    cr_assert(r->offset == s->store->offset[which] && r->height == s->store->height[which] &&
                  r->width == s->store->width[which],
              "sample %d: not image %d", (int)sample, which);
}

TEST(rows, of_single_images) {
    bench b;
    init(&b);
    source *s = open_source(&b);
    row rows[4];
    int32_t order[IMAGES];
    order_fill(9, 4, order, IMAGES);
    cr_assert_eq(batch_rows(s->store, &s->samples, order, 9, 4, 0, 4, 0, rows), 4);
    for (int i = 0; i < 4; i++) {
        expect_row(s, &rows[i], order[i], order[i]);
    }
    /* the last batch is filled up with the epoch's first samples */
    cr_assert_eq(batch_rows(s->store, &s->samples, order, 9, 4, 1, 4, 1, rows), 2);
    for (int i = 0; i < 4; i++) {
        expect_row(s, &rows[i], order[(4 + i) % IMAGES], order[(4 + i) % IMAGES]);
    }
    cr_assert_eq(batch_rows(s->store, &s->samples, NULL, 9, 4, 1, 4, 0, rows), 2);
    expect_row(s, &rows[0], 4, 4);
    source_close(s);
    finish(&b);
}

/* The two sides get the two images of a pair, in an order that changes. */
TEST(rows, of_pairs) {
    bench b;
    init(&b);
    b.options.pairs.manifest = kit_text(&b.kit, "a.csv", "index_a,index_b\n0,3\n5,2\n");
    source *s = open_source(&b);
    int first[2] = {0};
    for (int epoch = 0; epoch < 50; epoch++) {
        row one[2], two[2];
        batch_rows(s->store, &s->samples, NULL, 1, epoch, 0, 2, 0, one);
        batch_rows(s->store, &s->samples, NULL, 1, epoch, 0, 2, 1, two);
        for (int i = 0; i < 2; i++) {
            const int32_t *both = &s->samples.image[2 * i];
            const bool swapped = one[i].offset != s->store->offset[both[0]];
            expect_row(s, &one[i], i, both[swapped]);
            expect_row(s, &two[i], i, both[!swapped]);
            first[i] += swapped;
        }
    }
    cr_assert(first[0] > 10 && first[0] < 40 && first[1] > 10 && first[1] < 40);
    source_close(s);
    finish(&b);
}
