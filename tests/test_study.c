/* SPDX-License-Identifier: Apache-2.0
 * Studies: what a matrix expands to, what is compared and how, and what comes of a study that is
 * killed. golden/study has a study with results, and what is printed of it;
 * KINDRED_REWRITE_GOLDEN=1 writes the latter. */
#include "run_kit.h"

#include "base/file.h"
#include "config/yaml_writer.h"
#include "study/statistics.h"
#include "study/study_results.h"

#include "leaks.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static char *text_of(const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

static void copy_golden(const char *name, const char *to) {
    char path[512];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    char *text = text_of(path);
    cr_assert(file_write(to, text, strlen(text), &err), "%s", err.message);
    free(text);
}

static void open_kit(void) {
    kit_open(&kit);
    copy_golden("run.yaml", "run.yaml");
    copy_golden("study.yaml", "study.yaml");
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(study, .init = open_kit, .fini = close_kit);

static void expect_golden(const char *name, const char *is) {
    char path[512];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    if (getenv("KINDRED_REWRITE_GOLDEN")) {
        cr_assert(file_write(path, is, strlen(is), &err), "%s", err.message);
    }
    char *want = text_of(path);
    cr_assert_str_eq(is, want, "%s is\n%s\nand not\n%s", name, is, want);
    free(want);
}

/* ---- what a matrix is ---- */

static void print_run(const study_run *r, FILE *to) {
    static const char *const keys[] = {"views", "train", "method"};
    const config_node *root = config_root(r->run->source);
    kd_error err = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    fprintf(to, "# %s: row %d, seed %d, arm %d\n", r->name, r->row, r->run->keys.seed,
            r->run->data.pairs.arm);
    for (int i = 0; i < 3; i++) {
        yaml_write_node(w, keys[i], config_child(root, keys[i]));
    }
    fputs(yaml_finish(w, &err), to);
    yaml_writer_destroy(w);
}

TEST(study, expands_to_runs) {
    char *text = NULL;
    size_t bytes = 0;
    study *s = NULL;
    study_runs runs;
    kd_error err = KD_ERROR_INIT;
    static const char *const overrides[] = {"seeds=[4]", "train.batch=16"};
    cr_assert(study_load("study.yaml", overrides, 2, &s, &err), "%s", err.message);
    cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
    cr_assert_eq(runs.count, 8);
    FILE *out = open_memstream(&text, &bytes);
    for (int i = 0; i < runs.count; i++) {
        cr_assert_eq(study_baseline_row(s, runs.item[i].row), 4 + runs.item[i].row % 4);
        print_run(&runs.item[i], out);
    }
    fclose(out);
    expect_golden("runs.txt", text);
    free(text);
    study_runs_free(&runs);
    study_destroy(s);
}

static const study_run *find_run(const study_runs *runs, const char *name) {
    for (int i = 0; i < runs->count; i++) {
        if (strcmp(runs->item[i].name, name) == 0) {
            return &runs->item[i];
        }
    }
    cr_assert_fail("there is no run %s", name);
    return NULL;
}

/* What the paper says of its setting. */
static void expect_paper(const study_runs *runs) {
    const study_run *r = find_run(runs, "byol-semantic-seed2");
    cr_assert_str_eq(r->run->method.plugin->note.id, "byol");
    cr_assert_str_eq(r->run->backbone.plugin->note.id, "resnet");
    cr_assert_eq(r->run->train.epochs, 200);
    cr_assert_eq(r->run->train.batch, 256);
    cr_assert_eq(r->run->view_list.view[0].augment.size, 64);
    cr_assert_eq(r->run->n_evals, 3);
    r = find_run(runs, "dino-augmented_union-seed1");
    cr_assert_str_eq(r->run->backbone.plugin->note.id, "vit");
    cr_assert_eq(r->run->view_list.count, 6);
    cr_assert_eq(r->run->optimizer.name, 2);
    cr_assert_eq(r->run->n_evals, 3);
}

/* The second axis brings views of its own; the first takes an op out of those. */
TEST(study, ops_go_from_the_views_of_all_axes) {
    study *s = NULL;
    study_runs runs;
    kd_error err = KD_ERROR_INIT;
    static const char *const overrides[] = {
        "seeds=[1]", "compare={}", "paper=[]",
        "matrix=[{axis: cut, values: {all: {}, no-gray: {without: [grayscale]}}}, {axis: own, "
        "values: {own: {views: [{size: 12, count: 2, normalize: store, ops: [random_resized_crop, "
        "{grayscale: 0.5}]}]}}}]"};
    cr_assert(study_load("study.yaml", overrides, 4, &s, &err), "%s", err.message);
    cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
    for (int i = 0; i < 2; i++) {
        const config_node *views = config_child(config_root(runs.item[i].run->source), "views");
        cr_assert_eq(config_count(config_child(config_item(views, 0), "ops")), 2 - i, "%s",
                     runs.item[i].name);
    }
    study_runs_free(&runs);
    study_destroy(s);
}

/* Every example of a study is understood, run by run. */
TEST(study, examples_expand) {
    static const char *const examples[] = {
        "study-synthetic.yaml",           "study-cifar100.yaml",
        "paper/main-table.yaml",          "paper/epochs-800.yaml",
        "paper/tiny-imagenet.yaml",       "paper/transforms.yaml",
        "paper/crop-only.yaml",           "paper/pairs-per-class.yaml",
        "paper/small/main-table.yaml",    "paper/small/epochs-800.yaml",
        "paper/small/tiny-imagenet.yaml", "paper/small/transforms.yaml",
        "paper/small/crop-only.yaml",     "paper/small/pairs-per-class.yaml",
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char path[512];
        study *s = NULL;
        study_runs runs;
        kd_error err = KD_ERROR_INIT;
        snprintf(path, sizeof path, "%s/../examples/%s", getenv("KINDRED_TEST_SOURCE"),
                 examples[i]);
        cr_assert(study_load(path, NULL, 0, &s, &err), "%s", err.message);
        cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
        cr_assert_eq(runs.count, study_rows(s) * (int)s->keys.seeds.count);
        if (strcmp(examples[i], "paper/main-table.yaml") == 0) {
            expect_paper(&runs);
        }
        study_runs_free(&runs);
        study_destroy(s);
    }
}

/* ---- statistics ---- */

/* Quantiles as printed tables have them (Abramowitz and Stegun, table 26.10); means by hand. */
TEST(study, statistics) {
    static const struct {
        int n;
        double t;
    } table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},  {5, 2.571},  {9, 2.262},
                 {10, 2.228}, {29, 2.045}, {30, 2.042}, {60, 2.000}, {120, 1.980}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const double t = student_quantile(0.95, table[i].n);
        cr_assert(fabs(t - table[i].t) < 0.0005, "%d: %.6f", table[i].n, t);
        cr_assert(fabs(student_within(t, table[i].n) - 0.95) < 1e-12);
    }
    cr_assert(fabs(student_quantile(0.99, 4) - 4.604) < 0.0005);
    const double values[] = {2, 4, 9};
    cr_assert_eq(mean_of(values, 3), 5);
    cr_assert(fabs(deviation_of(values, 3) - sqrt(13)) < 1e-15); /* (9 + 1 + 16) / 2 */
    cr_assert(isnan(deviation_of(values, 1)));
}

static char *printed(const study_results *r, void (*print)(const study_results *r, FILE *to)) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    print(r, out);
    fclose(out);
    return text;
}

static void expect_printed(const study_results *r, const char *name,
                           void (*print)(const study_results *r, FILE *to)) {
    char *text = printed(r, print);
    expect_golden(name, text);
    free(text);
}

TEST(study, tables) {
    arena a = {0};
    study_results r;
    kd_error err = KD_ERROR_INIT;
    copy_golden("results.jsonl", "results.jsonl");
    cr_assert(study_results_read(".", &a, &r, &err), "%s", err.message);
    /* 0.80, 0.82, 0.87 against 0.75, 0.76, 0.74: differences 0.05, 0.06, 0.13, mean 0.08,
     * deviation sqrt((9 + 4 + 25) / 2) / 100, times 4.302653 / sqrt(3). */
    const study_difference *d = &r.difference[0].cell[0];
    cr_assert_eq(d->n, 3);
    cr_assert(fabs(d->mean - 0.08) < 1e-12);
    cr_assert(fabs(d->half - 4.3026527297 * sqrt(19) / 100 / sqrt(3)) < 1e-9);
    cr_assert(fabs(d->published - 0.045) < 1e-12);
    cr_assert(r.difference[1].cell[0].n == 1 && isnan(r.difference[1].cell[0].half));
    cr_assert_eq(r.runs_done, 10);
    cr_assert_eq(r.runs_wanted, 24);
    expect_printed(&r, "table.md", study_print_markdown);
    expect_printed(&r, "table.csv", study_print_csv);
    expect_printed(&r, "differences.csv", study_print_differences_csv);
    arena_free(&a);
    cr_assert(!study_results_read("absent", &a, &r, &err));
    arena_free(&a);
}

/* ---- the program ---- */

static const char *const small[] = {
    "seeds=[1,2]", "compare.axis=arm",
    "matrix=[{axis: arm, key: data.pairs.arm, values: [augmented_union, augmented]}]", "paper=[]"};

static int start(const char *name, const char *more) {
    char key[64];
    snprintf(key, sizeof key, "name=%s", name);
    const char *const words[] = {"study",  "study.yaml", key,  small[0], small[1],
                                 small[2], small[3],     more, NULL};
    return kit_start("log", words);
}

static void expect_status(int pid, int want) {
    const int status = kit_wait(pid);
    char *text = text_of("log");
    cr_assert_eq(status, want, "status %d:\n%s", status, text);
    free(text);
}

static void expect_log(const char *want) {
    char *text = text_of("log");
    cr_assert(strstr(text, want), "'%s' is not in:\n%s", want, text);
    free(text);
}

/* A line of metrics.jsonl of a study's run. */
static double metric(const char *study_name, const char *name, int64_t step, const char *key) {
    char path[256];
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_make_directories("runs", &err));
    snprintf(path, sizeof path, "../studies/%s/runs/%s", study_name, name);
    return kit_metric(path, step, key);
}

/* augmented_union has twice as many samples; its schedule, with a warm-up of an epoch, is the
 * baseline's to the step. */
TEST(study, compared_arms_take_equal_steps) {
    expect_status(start("equal", NULL), 0);
    cr_assert(!isnan(metric("equal", "augmented_union-seed1", 12, "loss")));
    for (int64_t step = 1; step <= 12; step++) {
        const double lr = metric("equal", "augmented_union-seed1", step, "lr");
        cr_assert_eq(lr, metric("equal", "augmented-seed1", step, "lr"), "step %d", (int)step);
        cr_assert_eq(metric("equal", "augmented_union-seed1", step, "epoch"), (double)step / 4);
    }
    cr_assert(isnan(metric("equal", "augmented_union-seed1", 13, "lr")));
    expect_status(start("unequal", "equal=epochs"), 0);
    cr_assert(!isnan(metric("unequal", "augmented_union-seed1", 24, "lr")));
    cr_assert(isnan(metric("unequal", "augmented-seed1", 13, "lr")));
}

/* Every number of the table but times; the caller frees. */
static char *numbers(const char *name) {
    char path[256];
    arena a = {0};
    study_results r;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "studies/%s", name);
    cr_assert(study_results_read(path, &a, &r, &err), "%s", err.message);
    for (int i = 0; i < r.n_rows; i++) {
        r.row[i].seconds = r.row[i].views_per_second = 0;
    }
    r.name = "same";
    char *ret = printed(&r, study_print_markdown);
    arena_free(&a);
    return ret;
}

static void expect_same_table(const char *name, const char *other) {
    char *a = numbers(name), *b = numbers(other);
    cr_assert_str_eq(a, b, "%s\nand\n%s", a, b);
    free(a);
    free(b);
}

TEST(study, killed_at_any_instant_ends_in_the_same_table) {
    unsigned seed = (unsigned)getpid();
    int kills = 0;
    expect_status(start("whole", NULL), 0);
    for (int i = 0; kills < 5 && i < 30; i++) {
        const int pid = start("cut", NULL);
        usleep(30000 + (useconds_t)(rand_r(&seed) % 400000));
        kill(pid, SIGKILL);
        const int status = kit_wait(pid);
        cr_assert(status == 256 + SIGKILL || status == 0, "status %d", status);
        kills += status != 0;
    }
    cr_assert_eq(kills, 5);
    expect_status(start("cut", NULL), 0);
    expect_same_table("whole", "cut");
    expect_status(start("cut", NULL), 0); /* nothing is left to do */
    char *text = text_of("log");
    cr_assert_null(strstr(text, "run 1/"), "%s", text);
    free(text);
}

static void wait_for(const char *path) {
    for (int i = 0; !file_exists(path); i++) {
        cr_assert(i < 3000, "%s does not come", path);
        usleep(10000);
    }
}

TEST(study, ctrl_c_ends_after_a_checkpoint) {
    expect_status(start("whole", "train.epochs=20"), 0);
    const int pid = start("cut", "train.epochs=20");
    wait_for("studies/cut/runs/augmented_union-seed1/checkpoints/step-2");
    kill(pid, SIGINT);
    expect_status(pid, 130);
    expect_log("the same command goes on");
    expect_status(start("cut", "train.epochs=20"), 0);
    expect_same_table("whole", "cut");
}

TEST(study, what_no_longer_fits_is_named_and_never_mixed) {
    expect_status(start("changed", NULL), 0);
    char *before = numbers("changed");
    expect_status(start("changed", "method.temperature=0.3"), 1);
    expect_log("4 of 4 runs no longer fit: augmented_union-seed1, ");
    expect_log("method.temperature was 0.2 when the run began and is 0.3 now");
    expect_status(start("changed", "evals.0.k=3"), 1);
    expect_log("its evals were others");
    char *after = numbers("changed");
    cr_assert_str_eq(before, after, "%s\nand\n%s", before, after);
    free(before);
    free(after);
    /* More seeds fit; --overwrite begins anew what does not. */
    expect_status(start("changed", "seeds=[1,2,3]"), 0);
    expect_log("run 5/6 augmented_union-seed3");
    const char *const words[] = {
        "study",  "study.yaml", "name=changed",           small[0],      small[1],
        small[2], small[3],     "method.temperature=0.9", "--overwrite", NULL};
    expect_status(kit_start("log", words), 0);
    expect_log("run 1/4 ");
    expect_status(start("changed", NULL), 1);
}

TEST(study, a_run_that_fails_takes_no_other_with_it) {
    const char *const words[] = {"study",
                                 "study.yaml",
                                 "name=part",
                                 "seeds=[1]",
                                 "compare={}",
                                 "paper=[]",
                                 "matrix=[{axis: batch, key: train.batch, values: [100, 8]}]",
                                 "train.epochs=20",
                                 NULL};
    expect_status(kit_start("log", words), 1);
    expect_log("run 100-seed1 failed with status 1");
    expect_log("32 samples");
    expect_log("1 of 2 runs failed");
    arena a = {0};
    study_results r;
    kd_error err = KD_ERROR_INIT;
    cr_assert(study_results_read("studies/part", &a, &r, &err), "%s", err.message);
    cr_assert(r.row[0].n == 0 && r.row[1].n == 1);
    arena_free(&a);
}

/* Else the old number would stand for a run that begins anew and does not come to its end. */
TEST(study, a_result_goes_with_its_run) {
    const char *words[] = {"study",    "study.yaml", "name=gone",     "seeds=[1]", "compare={}",
                           "paper=[]", "matrix=[]",  "data.count=32", NULL};
    arena a = {0};
    study_results r;
    kd_error err = KD_ERROR_INIT;
    expect_status(kit_start("log", words), 0);
    cr_assert(file_remove_tree("studies/gone/runs", &err), "%s", err.message);
    words[7] = "data.count=4"; /* fewer than a batch */
    expect_status(kit_start("log", words), 1);
    cr_assert(study_results_read("studies/gone", &a, &r, &err), "%s", err.message);
    cr_assert_eq(r.runs_done, 0);
    arena_free(&a);
}

TEST(study, plan_says_what_it_will_take) {
    expect_status(start("planned", "--plan"), 0);
    expect_log("augmented_union-seed1");
    expect_log("a few steps");
    expect_log("4 runs are left");
    cr_assert(!file_exists("studies/planned/results.jsonl"));
    cr_assert(!file_exists("studies/planned/probes"));
    expect_status(start("planned", NULL), 0);
    expect_status(start("planned", "--plan"), 0);
    expect_log("finished runs");
    expect_log("0 runs are left");
}
