/* SPDX-License-Identifier: Apache-2.0
 * Studies as the program runs them: what comes of one that is killed, stopped, changed or planned.
 */
#include "study_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    study_kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(study_runs, .init = open_kit, .fini = close_kit);

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
    char *text = study_kit_text("log");
    cr_assert_eq(status, want, "status %d:\n%s", status, text);
    free(text);
}

static void expect_in_file(const char *path, const char *want) {
    char *text = study_kit_text(path);
    cr_assert(strstr(text, want), "'%s' is not in:\n%s", want, text);
    free(text);
}

static void expect_log(const char *want) {
    expect_in_file("log", want);
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
TEST(study_runs, compared_arms_take_equal_steps) {
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
    char *ret = study_kit_printed(&r, study_print_markdown);
    arena_free(&a);
    return ret;
}

static void expect_same_table(const char *name, const char *other) {
    char *a = numbers(name), *b = numbers(other);
    cr_assert_str_eq(a, b, "%s\nand\n%s", a, b);
    free(a);
    free(b);
}

TEST(study_runs, killed_at_any_instant_ends_in_the_same_table) {
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
    char *text = study_kit_text("log");
    cr_assert_null(strstr(text, "run 1/"), "%s", text);
    free(text);
}

static void wait_for(const char *path) {
    for (int i = 0; !file_exists(path); i++) {
        cr_assert(i < 3000, "%s does not come", path);
        usleep(10000);
    }
}

TEST(study_runs, ctrl_c_ends_after_a_checkpoint) {
    expect_status(start("whole", "train.epochs=20"), 0);
    const int pid = start("cut", "train.epochs=20");
    wait_for("studies/cut/runs/augmented_union-seed1/checkpoints/step-2");
    kill(pid, SIGINT);
    expect_status(pid, 130);
    expect_log("the same command goes on");
    expect_status(start("cut", "train.epochs=20"), 0);
    expect_same_table("whole", "cut");
}

TEST(study_runs, what_no_longer_fits_is_named_and_never_mixed) {
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

TEST(study_runs, a_run_that_fails_takes_no_other_with_it) {
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
    cr_assert_eq(r.n_failed, 1);
    cr_assert_str_eq(r.failed[0].name, "100-seed1");
    expect_in_file("studies/part/table.md", "- 100-seed1 failed with status 1: ");
    expect_in_file("studies/part/table.md", "32 samples");
    /* The run is put right, and what was said of it goes. */
    cr_assert(file_write("studies/part/logs/8-seed1.failed", "of an older try\n", 16, &err));
    expect_status(
        kit_start("log", (const char *const[]){"study", "study.yaml", "name=part", words[3],
                                               words[4], words[5], words[6], words[7],
                                               "data.count=112", "--overwrite", NULL}),
        0);
    arena_free(&a);
    cr_assert(study_results_read("studies/part", &a, &r, &err), "%s", err.message);
    cr_assert(r.row[0].n == 1 && r.row[1].n == 1 && r.n_failed == 0);
    arena_free(&a);
}

/* Else the old number would stand for a run that begins anew and does not come to its end. */
TEST(study_runs, a_result_goes_with_its_run) {
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

TEST(study_runs, plan_says_what_it_will_take) {
    expect_status(start("planned", "--plan"), 0);
    expect_log("augmented_union-seed1");
    expect_log("a few steps");
    expect_log("4 runs are left");
    cr_assert(!file_exists("studies/planned/results.jsonl"));
    cr_assert(!file_exists("studies/planned/probes"));
    cr_assert(!file_exists("studies/planned/study.yaml")); /* nothing of it has been run */
    expect_status(start("planned", NULL), 0);
    expect_status(start("planned", "--plan"), 0);
    expect_log("finished runs");
    expect_log("0 runs are left");
}

/* All that the study's report is made of. */
static char *record(const char *name) {
    static const char *const files[] = {"study.yaml", "results.jsonl", "table.md"};
    char path[256], *all = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&all, &bytes);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "studies/%s/%s", name, files[i]);
        char *text = study_kit_text(path);
        fprintf(to, "%s\n", text);
        free(text);
    }
    fclose(to);
    return all;
}

TEST(study_runs, plan_changes_no_record) {
    expect_status(start("kept", NULL), 0);
    char *before = record("kept");
    const char *const words[] = {"study",  "study.yaml",  "name=kept", small[1], small[2],
                                 small[3], "seeds=[1,5]", "--plan",    NULL};
    expect_status(kit_start("log", words), 0);
    expect_log("2 runs are left");
    char *after = record("kept");
    cr_assert_str_eq(before, after, "%s\nand\n%s", before, after);
    free(before);
    free(after);
}
