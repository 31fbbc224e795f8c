/* SPDX-License-Identifier: Apache-2.0
 * Studies and their data: runs of other samples are never mixed, arms take equal steps. */
#include "study_kit.h"

#include "base/file.h"
#include "base/json_lines.h"

#include "leaks.h"

#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    study_kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(study_data, .init = open_kit, .fini = close_kit);

/* `kindred study study.yaml` with these words, ending in NULL. */
static int start(const char *const *more) {
    const char *words[24] = {"study", "study.yaml", "paper=[]"};
    int n = 3;
    for (; *more; more++) {
        words[n++] = *more;
    }
    return kit_start("log", words);
}

static void expect(int pid, int want, const char *said) {
    const int status = kit_wait(pid);
    char *text = study_kit_text("log");
    cr_assert_eq(status, want, "status %d:\n%s", status, text);
    cr_assert(strstr(text, said), "'%s' is not in:\n%s", said, text);
    free(text);
}

static study_results results(const char *name, arena *a) {
    char path[256];
    study_results r;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "studies/%s", name);
    cr_assert(study_results_read(path, a, &r, &err), "%s", err.message);
    return r;
}

/* Pairs of images of one kind, which are four apart. */
static void write_pairs(int first, int count) {
    char text[1024];
    int used = snprintf(text, sizeof text, "index_a,index_b,id\n");
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < count; i++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%d,%d,p%d\n", (i + first) % 32,
                         (i + first + 4) % 32, i);
    }
    cr_assert(file_write("pairs.csv", text, (size_t)used, &err), "%s", err.message);
}

static void write_rejected(const char *ids) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_write("rejected.txt", ids, strlen(ids), &err), "%s", err.message);
}

#define ON_PAIRS                                                                                   \
    "seeds=[1,2]", "compare.axis=arm", "data.paired=false", "data.pairs.manifest=pairs.csv",       \
        "matrix=[{axis: arm, key: data.pairs.arm, values: [augmented_union, augmented]}]"

TEST(study_data, runs_of_other_pairs_are_named_and_never_mixed) {
    const char *const words[] = {"name=pairs", ON_PAIRS, NULL};
    const char *const more[] = {"name=pairs", ON_PAIRS, "seeds=[1,2,3]", NULL};
    write_pairs(0, 16);
    expect(start(words), 0, "run 4/4 augmented-seed2");
    write_pairs(12, 16); /* as many: no key of a run tells */
    expect(start(more), 1, "4 of 6 runs no longer fit: augmented_union-seed1, ");
    expect(start(more), 1, "its data were 20 samples (");
    write_pairs(0, 16);
    expect(start(more), 0, "run 6/6 augmented-seed3");
}

TEST(study_data, overwrite_begins_every_arm_anew) {
    const char *const words[] = {"name=fewer", ON_PAIRS, "data.pairs.reject=rejected.txt", NULL};
    const char *const anew[] = {"name=fewer", ON_PAIRS, "data.pairs.reject=rejected.txt",
                                "--overwrite", NULL};
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    write_pairs(0, 24);
    write_rejected("p1\n");
    expect(start(words), 0, "run 4/4 augmented-seed2");
    write_rejected("p1\np2\np3\np4\np5\np6\np7\np8\np9\n");
    expect(start(words), 1, "4 of 4 runs no longer fit");
    expect(start(anew), 0, "run 4/4 augmented-seed2");
    const study_results r = results("fewer", &a);
    for (int i = 0; i < r.n_rows; i++) { /* fifteen pairs are a batch an epoch */
        cr_assert(r.row[i].n == 2 && r.row[i].steps == 3 && r.row[i].most_steps == 3);
    }
    json_t *lines = json_lines_read("studies/fewer/results.jsonl", &err);
    cr_assert_eq(json_array_size(lines), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *line = json_array_get(lines, i);
        const char *name = json_string_value(json_object_get(line, "run"));
        const char *data = json_string_value(json_object_get(line, "data"));
        const char *want = strncmp(name, "augmented-", 10) == 0 ? "15 samples (" : "20 samples (";
        cr_assert(data && strncmp(data, want, strlen(want)) == 0, "%s: %s", name, data);
    }
    json_decref(lines);
    arena_free(&a);
}

TEST(study_data, pairs_that_change_while_the_study_runs_end_it) {
    const char *const words[] = {"name=during", ON_PAIRS, "train.epochs=10", NULL};
    write_pairs(0, 16);
    const int pid = start(words);
    for (int i = 0; !file_exists("studies/during/results.jsonl"); i++) {
        cr_assert(i < 3000, "no run comes to its end");
        usleep(10000);
    }
    write_pairs(12, 16);
    expect(pid, 1, "the data changed while the study ran");
    expect(start(words), 1, "runs no longer fit");
}

static void expect_steps(const char *name, const char *const *more, const int64_t *want, int rows) {
    arena a = {0};
    expect(start(more), 0, "");
    const study_results r = results(name, &a);
    cr_assert_eq(r.n_rows, rows);
    for (int i = 0; i < rows; i++) {
        cr_assert_eq(r.row[i].steps, want[i], "row %d: %d steps", i, (int)r.row[i].steps);
    }
    arena_free(&a);
}

TEST(study_data, arms_take_equal_steps_whatever_is_compared) {
    /* 32 pairs: four steps an epoch, three epochs; as single images eight. */
    const char *const none[] = {
        "name=none", "seeds=[1]", "compare={}",
        "matrix=[{axis: arm, key: data.pairs.arm, values: [augmented, augmented_union]}]", NULL};
    expect_steps("none", none, (const int64_t[]){12, 12}, 2);
    const char *const other[] = {"name=other", "seeds=[1]", "compare={axis: t}",
                                 "matrix=[{axis: arm, values: {u: {data: {pairs: {arm: "
                                 "augmented_union}}}, a: {data: {pairs: {arm: augmented}}}}}, "
                                 "{axis: t, key: method.temperature, values: [0.2, 0.5]}]",
                                 NULL};
    expect_steps("other", other, (const int64_t[]){24, 24, 24, 24}, 4);
    const char *const fraction[] = {
        "name=fraction", "seeds=[1]", "compare={axis: arm}",
        "matrix=[{axis: count, key: data.count, values: [32, 16]}, {axis: arm, key: "
        "data.pairs.arm, values: [augmented, augmented_union]}]",
        NULL};
    expect_steps("fraction", fraction, (const int64_t[]){12, 12, 6, 6}, 4);
}

/* An epoch is asked of a process without the run's evals, one of which this key names. */
TEST(study_data, equal_steps_where_the_best_is_kept) {
    const char *const words[] = {
        "name=best",
        "seeds=[1]",
        "compare={}",
        "checkpoint.keep_best=knn",
        "evals.0.every_epochs=1",
        "matrix=[{axis: arm, key: data.pairs.arm, values: [augmented, augmented_union]}]",
        NULL};
    expect_steps("best", words, (const int64_t[]){12, 12}, 2);
}

TEST(study_data, plan_counts_runs_whose_folders_are_gone) {
    const char *const words[] = {"name=gone", "seeds=[1,2]", "compare={}", "matrix=[]", NULL};
    const char *const plan[] = {"name=gone", "seeds=[1,2]", "compare={}",
                                "matrix=[]", "--plan",      NULL};
    kd_error err = KD_ERROR_INIT;
    expect(start(words), 0, "");
    expect(start(plan), 0, "0 runs are left");
    cr_assert(file_remove_tree("studies/gone/runs/seed2", &err), "%s", err.message);
    expect(start(plan), 0, "1 runs are left");
    cr_assert(file_remove_tree("studies/gone/runs", &err), "%s", err.message);
    expect(start(plan), 0, "2 runs are left");
}

/* One line tells what all arms begin with. */
TEST(study_data, untrained_encoders_stand_in_the_table) {
    const char *const words[] = {
        "name=before",
        "seeds=[1,2]",
        "compare={axis: arm}",
        "evals.0.before=true",
        "matrix=[{axis: arm, key: data.pairs.arm, values: [augmented, semantic]}, "
        "{axis: width, key: backbone.width, values: [2, 4]}]",
        NULL};
    arena a = {0};
    expect(start(words), 0, "| untrained encoder | any | 4 |");
    const study_results r = results("before", &a);
    cr_assert_eq(r.n_before, 3, "two widths, and the pixels of all");
    for (int i = 0; i < 3; i++) {
        const study_before_row *one = &r.before[i];
        cr_assert(one->n == 2 && one->cell[0].mean > 0, "%s", one->of);
        cr_assert_str_eq(one->value[0], "any");
        cr_assert_str_eq(one->value[1], i == 0 ? "2" : i == 1 ? "4" : "any");
        cr_assert_str_eq(one->of, i < 2 ? "untrained encoder" : "raw pixels");
    }
    cr_assert_eq(r.row[0].untrained[0].mean, r.before[0].cell[0].mean);
    cr_assert_neq(r.row[0].untrained[0].mean, r.row[1].untrained[0].mean);
    arena_free(&a);
}
