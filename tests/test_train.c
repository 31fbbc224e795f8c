/* SPDX-License-Identifier: Apache-2.0
 * What needs no plugin: schedules against closed forms, the file of metrics, the progress line. */
#include "base/file.h"
#include "train/metrics.h"
#include "train/pace.h"
#include "train/progress.h"
#include "train/schedule.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void expect_close(double is, double want, const char *what) {
    cr_assert(fabs(is - want) <= 1e-12 * (1 + fabs(want)), "%s: %.17g, not %.17g", what, is, want);
}

TEST(schedule, warms_up_linearly_and_decays_as_a_cosine) {
    const schedule s = {.decay = SCHEDULE_COSINE,
                        .total = 110,
                        .warmup = 10,
                        .lr = 0.8,
                        .start_lr = 0.1,
                        .final_lr = 0.02};
    expect_close(schedule_lr(&s, 0), 0.1, "first step");
    expect_close(schedule_lr(&s, 5), 0.45, "half of the warm-up");
    expect_close(schedule_lr(&s, 10), 0.8, "end of the warm-up");
    expect_close(schedule_lr(&s, 60), 0.41, "half of the cosine");
    expect_close(schedule_lr(&s, 35), 0.02 + 0.78 * (1 + sqrt(0.5)) / 2, "a quarter of it");
    cr_assert(schedule_lr(&s, 109) > 0.02 && schedule_lr(&s, 109) < 0.0202);
}

TEST(schedule, without_warm_up_begins_at_the_rate) {
    const schedule s = {.decay = SCHEDULE_COSINE, .total = 10, .lr = 0.3};
    expect_close(schedule_lr(&s, 0), 0.3, "first step");
    expect_close(schedule_lr(&s, 5), 0.15, "half");
}

TEST(schedule, a_run_that_is_all_warm_up_has_no_cosine) {
    const schedule s = {.decay = SCHEDULE_COSINE, .total = 4, .warmup = 4, .lr = 1};
    expect_close(schedule_lr(&s, 3), 0.75, "last step");
}

TEST(schedule, a_cosine_can_be_held_for_an_epoch) {
    const schedule s = {.decay = SCHEDULE_COSINE, .total = 40, .lr = 0.3, .hold = 10},
                   warm = {
                       .decay = SCHEDULE_COSINE, .total = 40, .warmup = 15, .lr = 1, .hold = 10};
    expect_close(schedule_lr(&s, 0), 0.3, "first epoch");
    expect_close(schedule_lr(&s, 9), 0.3, "its last step");
    expect_close(schedule_lr(&s, 10), 0.15 * (1 + sqrt(0.5)), "second epoch");
    expect_close(schedule_lr(&s, 29), 0.15, "third");
    expect_close(schedule_lr(&warm, 12), 0.8, "a warm-up is not held");
    expect_close(schedule_lr(&warm, 17), 1, "in the epoch that it ends in");
    expect_close(schedule_lr(&warm, 20), (1 + cos(acos(-1) / 5)) / 2, "after it");
}

TEST(schedule, constant_stays) {
    const schedule s = {.decay = SCHEDULE_CONSTANT, .total = 10, .warmup = 2, .lr = 0.3};
    expect_close(schedule_lr(&s, 1), 0.15, "warm-up");
    expect_close(schedule_lr(&s, 9), 0.3, "last step");
}

TEST(schedule, steps_at_milestones) {
    const int64_t at[] = {4, 8};
    const schedule s = {.decay = SCHEDULE_STEP,
                        .total = 10,
                        .lr = 1,
                        .n_milestones = 2,
                        .milestones = at,
                        .factor = 0.1};
    expect_close(schedule_lr(&s, 3), 1, "before");
    expect_close(schedule_lr(&s, 4), 0.1, "at the first");
    expect_close(schedule_lr(&s, 9), 0.01, "after the second");
}

TEST(schedule, weight_decay_follows_a_cosine) {
    const schedule s = {.total = 100, .weight_decay = 0.04, .final_weight_decay = 0.4};
    expect_close(schedule_weight_decay(&s, 0), 0.04, "first step");
    expect_close(schedule_weight_decay(&s, 50), 0.22, "half");
    const schedule same = {.total = 100, .weight_decay = 0.1, .final_weight_decay = 0.1};
    expect_close(schedule_weight_decay(&same, 37), 0.1, "constant");
}

static char *temporary(void) {
    char *folder = strdup("/tmp/kindred-train-XXXXXX");
    cr_assert(folder && mkdtemp(folder), "no temporary folder");
    return folder;
}

static void remove_tree(char *folder) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree(folder, &err), "%s", err.message);
    free(folder);
}

static void expect_text(const char *path, const char *want) {
    kd_error err = KD_ERROR_INIT;
    char *text = NULL;
    size_t bytes = 0;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    cr_assert_str_eq(text, want);
    free(text);
}

static void open_and_add(const char *path, int64_t step, int64_t next) {
    kd_error err = KD_ERROR_INIT;
    metrics *m = metrics_open(path, step, &err);
    cr_assert(m != NULL, "%s", err.message);
    if (next) {
        metrics_write(m, json_pack("{s:I, s:o, s:o}", "step", (json_int_t)next, "loss",
                                   metrics_real(0.5), "lr", metrics_real(NAN)));
    }
    metrics_close(m);
}

TEST(metrics, a_resumed_run_drops_what_comes_again) {
    char *folder = temporary(), path[256];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    open_and_add(path, 0, 1);
    open_and_add(path, 1, 2);
    open_and_add(path, 2, 3);
    open_and_add(path, 1, 2);
    expect_text(path,
                "{\"step\":1,\"loss\":0.5,\"lr\":null}\n{\"step\":2,\"loss\":0.5,\"lr\":null}\n");
    remove_tree(folder);
}

TEST(metrics, a_line_that_was_cut_short_is_dropped) {
    char *folder = temporary(), path[256];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"step\":1}\n{\"step\":2,\"lo", file);
    fclose(file);
    open_and_add(path, 10, 0);
    expect_text(path, "{\"step\":1}\n");
    remove_tree(folder);
}

TEST(metrics, finds_the_last_result_of_an_eval) {
    char *folder = temporary(), path[256];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"step\":5,\"loss\":1}\n"
          "{\"step\":5,\"eval\":\"knn\",\"of\":\"trained encoder\",\"value\":0.25}\n"
          "{\"step\":5,\"eval\":\"knn\",\"of\":\"trained encoder\",\"value\":0.5}\n"
          "{\"step\":5,\"eval\":\"linear\",\"of\":\"trained encoder\",\"value\":0.75}\n",
          file);
    fclose(file);
    json_t *line = metrics_find(path, 5, "knn", "trained encoder");
    expect_close(json_number_value(json_object_get(line, "value")), 0.5, "value");
    json_decref(line);
    cr_assert_null(metrics_find(path, 4, "knn", "trained encoder"));
    cr_assert_null(metrics_find(path, 5, "knn", "raw pixels"));
    cr_assert_null(metrics_find("/nowhere/metrics.jsonl", 5, "knn", "raw pixels"));
    remove_tree(folder);
}

TEST(metrics, a_folder_that_is_not_there_is_an_error) {
    kd_error err = KD_ERROR_INIT;
    cr_assert_null(metrics_open("/nowhere/metrics.jsonl", 0, &err));
    cr_assert(strstr(err.message, "/nowhere/metrics.jsonl"), "%s", err.message);
}

/* 10 steps of 16 views at 32 a second, 10 more at 64; evals, and steps that it has, take no time.
 */
TEST(metrics, pace_is_that_of_training) {
    char *folder = temporary(), path[256];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"step\":10,\"loss\":1,\"views_per_second\":32}\n"
          "{\"step\":10,\"eval\":\"knn\",\"of\":\"trained encoder\",\"value\":0.25}\n"
          "{\"step\":10,\"loss\":1,\"views_per_second\":1}\n"
          "{\"step\":20,\"loss\":1,\"views_per_second\":64}\n"
          "{\"step\":15,\"loss\":1,\"views_per_second\":1}\n",
          file);
    fclose(file);
    const training_pace p = pace_of_file(path, 16);
    cr_assert_eq(p.step, 20);
    expect_close(p.seconds, 7.5, "seconds");
    expect_close(p.views_per_second, 64, "views a second");
    cr_assert_eq(pace_of_file("/nowhere/metrics.jsonl", 16).step, 0);
    remove_tree(folder);
}

TEST(progress, the_line_is_golden) {
    char text[256];
    const progress_state state = {.step = 120,
                                  .total = 4680,
                                  .epoch = 1,
                                  .epochs = 20,
                                  .loss = 5.12345,
                                  .lr = 0.06,
                                  .views_per_second = 1234.4,
                                  .data_wait = 0.0031,
                                  .eta_seconds = 754};
    progress_format(&state, text, sizeof text);
    cr_assert_str_eq(text, "step 120/4680  epoch 1/20  loss 5.1235  lr 0.06  1234 views/s  "
                           "data wait 0.3%  ETA 12m34s");
}

TEST(progress, durations_are_short) {
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0s"},        {59.6, "1m00s"}, {61, "1m01s"}, {3600, "1h00m"},
                 {90000, "1d01h"}, {-1, "?"},       {NAN, "?"},    {INFINITY, "?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        progress_duration(cases[i].seconds, text, sizeof text);
        cr_assert_str_eq(text, cases[i].text);
    }
}

TEST(progress, elsewhere_than_a_terminal_lines_are_plain_and_few) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = tmpfile();
    progress p;
    progress_init(&p, file);
    cr_assert(!p.live);
    cr_assert(progress_due(&p, 100));
    progress_show(&p, &(progress_state){.step = 1, .total = 2}, 100);
    progress_note(&p, "not shown", 200);
    cr_assert(!progress_due(&p, 101));
    cr_assert(progress_due(&p, 200));
    progress_break(&p);
    rewind(file);
    FILE *copy = open_memstream(&text, &bytes);
    for (int c; (c = fgetc(file)) != EOF;) {
        fputc(c, copy);
    }
    fclose(copy);
    fclose(file);
    cr_assert_eq(text[bytes - 1], '\n');
    cr_assert_null(strchr(text, '\r'));
    cr_assert_null(strstr(text, "not shown"));
    free(text);
}
