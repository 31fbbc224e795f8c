/* SPDX-License-Identifier: Apache-2.0
 * `kindred report` on small runs, whole and damaged: what the page holds, and that it needs
 * nothing. */
#include "run_kit.h"

#include "base/file.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(report_run, .init = open_kit, .fini = close_kit);

static char *read_file(const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

static void run_words(const char *const *words) {
    const int status = kit_wait(kit_start("log", words));
    char *log = read_file("log");
    cr_assert_eq(status, 0, "%s %s: status %d\n%s", words[0], words[1], status, log);
    free(log);
}

static void train_small(const char *key) {
    const char *const words[] = {"train", "run.yaml", key, NULL};
    run_words(words);
}

static const char evals[] = "evals=[{plugin: knn, k: 5, before: true, every_epochs: 1}]";

static char *report(void) {
    const char *const words[] = {"report", "runs/small", NULL};
    run_words(words);
    return read_file("runs/small/report.html");
}

static void expect(const char *page, const char *want) {
    cr_assert(strstr(page, want) != NULL, "'%s' is not in the page", want);
}

static int count(const char *text, const char *word) {
    int n = 0;
    for (; (text = strstr(text, word)); text += strlen(word)) {
        n++;
    }
    return n;
}

/* No address, no script, and every source of an image inside of the page. */
static void expect_alone(const char *page) {
    cr_assert(!strstr(page, "http") && !strstr(page, "<script") && !strstr(page, "url("));
    cr_assert_eq(count(page, " src="), count(page, " src=\"data:image/"));
    cr_assert_eq(count(page, " href="), count(page, " href=\"#") + 1, "but for the empty icon");
    cr_assert_eq(count(page, "<img "), count(page, " alt=\""));
}

static void expect_well_formed(const char *path) {
    char command[512];
    snprintf(command, sizeof command, "xmllint --noout --nonet '%s' 2>well_formed", path);
    cr_assert_eq(system(command), 0, "%s", read_file("well_formed"));
}

static void expect_sections(const char *page) {
    static const char *const ids[] = {"results", "features",      "curves",   "neighbours",
                                      "views",   "configuration", "made-with"};
    char want[64];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(want, sizeof want, "<section id=\"%s\">", ids[i]);
        expect(page, want);
    }
    expect(page, "</html>");
}

TEST(report_run, has_everything_and_needs_nothing) {
    train_small(evals);
    char *page = report(), *again = report();
    cr_assert_str_eq(page, again, "the same run gives the same bytes");
    expect_sections(page);
    expect_alone(page);
    expect_well_formed("runs/small/report.html");
    expect(page, "<th scope=\"row\">untrained encoder</th>");
    expect(page, "<th scope=\"row\">trained encoder</th>");
    expect(page, "<th scope=\"row\">raw pixels</th>");
    expect(page, "weighted kNN: k 5"); /* its protocol */
    expect(page, "<h3>loss</h3>");
    expect(page, "16 of 16");
    expect(page, "Effective rank");
    expect(page, "principal components of their unit features");
    expect(page, ", view 2\" title=");
    expect(page, "temperature: 0.2");       /* of config.yaml */
    expect(page, "simclr");                 /* of plugins.lock */
    expect(page, "&quot;precision&quot;:"); /* of environment.json */
    cr_assert(!strstr(page, "Not shown"), "nothing is missing");
    cr_assert(!strstr(page, "id=\"pairs\""), "samples have one image");
    free(page);
    free(again);
}

/* The views are those of training: sample and draw of the first step, by the run's seed. */
TEST(report_run, another_seed_gives_other_views) {
    train_small("train.epochs=1");
    char *page = report();
    const char *const words[] = {"report", "runs/small", "seed=7", "--to", "other.html", NULL};
    run_words(words);
    char *other = read_file("other.html");
    const char *a = strstr(page, "id=\"views\""), *b = strstr(other, "id=\"views\"");
    cr_assert(strncmp(a, b, 3000) != 0);
    free(page);
    free(other);
}

TEST(report_run, pairs_are_shown) {
    train_small("data.paired=true");
    char *page = report();
    expect(page, "<section id=\"pairs\">");
    expect(page, "image 2 of the pair");
    expect(page, "source b");
    expect(page, "No eval has measured this run");
    expect_alone(page);
    expect_well_formed("runs/small/report.html");
    free(page);
}

/* Its neighbours are not called training images, and an image is none of its own. */
TEST(report_run, an_eval_of_test_images_alone_has_neighbours_among_them) {
    train_small("evals=[{plugin: invariance, test: {plugin: synthetic, split: test, count: 64, "
                "variants: true}}]");
    char *page = report();
    expect(page, "then the nearest of 64 of them");
    free(page);
}

TEST(report_run, a_line_that_was_cut_short_does_no_harm) {
    train_small("train.epochs=1");
    FILE *file = fopen("runs/small/metrics.jsonl", "a");
    fputs("{\"step\":9,\"lo", file);
    fclose(file);
    char *page = report();
    expect_sections(page);
    expect(page, "8 of 8");
    free(page);
}

/* What needs images or an encoder says what it lacks; the rest is there. */
TEST(report_run, without_checkpoint_or_plugins_the_rest_is_there) {
    kd_error err = KD_ERROR_INIT;
    train_small(evals);
    cr_assert(file_remove_tree("runs/small/checkpoints", &err));
    char *page = report();
    expect_sections(page);
    expect(page, "Not shown: runs/small/checkpoints");
    expect(page, ", view 2\" title="); /* views need no checkpoint */
    expect(page, "raw pixels");
    free(page);
    char *yaml = read_file("runs/small/config.yaml"), *at = strstr(yaml, "plugin: synthetic");
    memcpy(at, "plugin: syntetic_", 17);
    cr_assert(file_write("runs/small/config.yaml", yaml, strlen(yaml), &err));
    free(yaml);
    page = report();
    expect_sections(page);
    expect(page, "Not shown: runs/small/config.yaml");
    expect(page, "<h3>loss</h3>");
    expect_well_formed("runs/small/report.html");
    free(page);
}

TEST(report_run, what_is_no_run_is_refused) {
    const char *const words[] = {"report", "nowhere", NULL};
    cr_assert_eq(kit_wait(kit_start("log", words)), 1);
    char *log = read_file("log");
    expect(log, "nowhere: not the folder of a run");
    free(log);
}

/* Thirty grey pictures without labels, in pairs whose labels a manifest has. */
static void write_unlabelled(void) {
    enum { IMAGES = 30, PIXELS = 144 };
    kd_error err = KD_ERROR_INIT;
    unsigned char bytes[16 + IMAGES * PIXELS] = {0, 0, 8, 3,  0, 0, 0, IMAGES,
                                                 0, 0, 0, 12, 0, 0, 0, 12};
    char pairs[512] = "index_a,index_b,label\n";
    for (int i = 0; i < IMAGES * PIXELS; i++) {
        bytes[16 + i] = (unsigned char)(i * i / 7 + i / PIXELS * 31);
    }
    for (int i = 0; i < IMAGES; i += 2) {
        snprintf(pairs + strlen(pairs), sizeof pairs - strlen(pairs), "%d,%d,%d\n", i, i + 1,
                 i % 3);
    }
    cr_assert(file_write("images", bytes, sizeof bytes, &err), "%s", err.message);
    cr_assert(file_write("pairs.csv", pairs, strlen(pairs), &err), "%s", err.message);
}

TEST(report_run, labels_of_a_manifest_are_classes) {
    write_unlabelled();
    const char *const words[] = {"train",
                                 "run.yaml",
                                 "data={plugin: idx, path: images, labels: none, "
                                 "pairs: {manifest: pairs.csv}}",
                                 "views=[{size: 12, count: 2, normalize: store, ops: [center_crop, "
                                 "flip]}]",
                                 "train.batch=8",
                                 "evals=[]",
                                 "probe.lr=0.1",
                                 NULL};
    run_words(words);
    cr_assert_float_eq(kit_metric("small", 1, "probe_loss"), log(3), 1e-5);
    char *page = report();
    cr_assert_eq(count(page, "<path class=\"mark f"), 3, "%d classes are drawn",
                 count(page, "<path class=\"mark f"));
    expect(page, "class 2");
    free(page);
}
