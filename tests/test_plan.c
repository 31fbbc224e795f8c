/* SPDX-License-Identifier: Apache-2.0
 * What `kindred plan` predicts against what `kindred train` takes, and evals that rehearse badly.
 */
#include "run_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(plan, .init = open_kit, .fini = close_kit);

enum { MOST_WORDS = 12 };

/* kindred COMMAND run.yaml WORDS, with the hungry eval. Returns its process id. */
static int start(const char *command, const char *const *words) {
    const char *all[MOST_WORDS + 5] = {command, "run.yaml", "--plugin",
                                       getenv("KINDRED_TEST_HUNGRY")};
    cr_assert(all[3], "KINDRED_TEST_HUNGRY is not set");
    for (int i = 0; words[i]; i++) {
        cr_assert_lt(i, MOST_WORDS);
        all[4 + i] = words[i];
    }
    return kit_start("log", all);
}

/* What the plan prints; the caller frees. */
static char *plan(const char *const *words) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    const int status = kit_wait(start("plan", words));
    cr_assert(file_read("log", 0, &text, &bytes, &err), "%s", err.message);
    cr_assert_eq(status, 0, "%s", text);
    return text;
}

/* The number after a label, in MiB. */
static double mib_of(const char *text, const char *label) {
    double mib = 0;
    const char *at = strstr(text, label);
    cr_assert(at && sscanf(at + strlen(label), "%lf", &mib) == 1, "no '%s' in\n%s", label, text);
    return mib;
}

static double anonymous_mib(int pid) {
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status)) {
        sscanf(line, "RssAnon: %lf kB", &kib);
    }
    if (status) {
        fclose(status);
    }
    return kib / 1024;
}

/* Trains, and returns the most anonymous memory that was seen. */
static double peak_mib(const char *const *words) {
    const int pid = start("train", words);
    double peak = 0;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        const double now = anonymous_mib(pid);
        peak = now > peak ? now : peak;
        usleep(2000);
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "training fails: see %s/log",
              kit.folder);
    return peak;
}

/* AddressSanitizer has memory of its own, more than the run's: there nothing is trained for it. */
#if defined(__SANITIZE_ADDRESS__)
#define MEASURED false
#else
#define MEASURED true
#endif

static void expect_prediction(const char *const *words) {
    char *text = plan(words);
    const double predicted = mib_of(text, "peak, predicted");
    if (MEASURED) {
        const double measured = peak_mib(words), tolerance = 0.05 * measured;
        cr_assert(predicted > measured - tolerance && predicted < measured + tolerance,
                  "predicted %.1f MiB, measured %.1f MiB\n%s", predicted, measured, text);
    }
    free(text);
}

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(plan, predicts_the_peak_of_a_run_without_evals) {
    expect_prediction(WITH("train.epochs=1", "train.batch=128", "data.count=256", "data.size=32",
                           "views.0.size=32", "backbone.width=8"));
}

/* Ten rates and ten decays are a hundred classifiers at once: much memory, little arithmetic. So
 * much that what no plan can know is small beside it: whether the heap has room left by what ran
 * before, here up to 1.6 MiB less than predicted. */
TEST(plan, predicts_the_peak_of_a_run_with_the_evals_of_this_build) {
    expect_prediction(
        WITH("train.epochs=1", "data.count=1200", "data.kinds=60", "train.steps=4",
             "evals=[{plugin: knn, k: 200, before: true}, {plugin: linear, epochs: 1, min_steps: "
             "5, batch: 800, learning_rates: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], weight_decays: [0, "
             "0, 0, 0, 0, 0, 0, 0, 0, 0]}]"));
}

/* A second engine stands beside the run's. */
TEST(plan, predicts_the_peak_of_an_eval_that_trains) {
    expect_prediction(WITH("train.epochs=1", "train.steps=4", "data.count=512", "data.size=32",
                           "views.0.size=32", "backbone.width=8",
                           "evals=[{plugin: finetune, batch: 128, epochs: 1, min_steps: 4}]"));
}

/* The second program is the larger, and only the memory of one is held when the host closes what
 * evals leave open. */
TEST(plan, predicts_the_peak_of_any_eval) {
    const char *const *words =
        WITH("train.epochs=1",
             "evals=[{plugin: org.example.hungry, name: a, host: 48, first: 16, "
             "second: 64, runs: 10, leaves_open: true}, {plugin: org.example.hungry, "
             "name: b, host: 48, first: 16, second: 64, runs: 10, leaves_open: true}]");
    expect_prediction(words);
    if (!MEASURED) {
        peak_mib(words); /* a program that nobody closed would be told of */
    }
}

TEST(plan, counts_the_programs_of_one_eval_at_a_time) {
    char *text =
        plan(WITH("evals=[{plugin: org.example.hungry, name: a, first: 40, second: 30}, {plugin: "
                  "org.example.hungry, name: b, first: 10, second: 50}]"));
    const double device = mib_of(text, "programs of evals"),
                 host = mib_of(text, "buffers of evals");
    /* The engine's own memory, well below a MiB, is used first. */
    cr_assert(device > 49 && device < 51, "%s", text);
    cr_assert(!MEASURED || (host >= 1 && host < 3), "%s", text);
    cr_assert(!strstr(text, "may take more"), "%s", text);
    free(text);
}

TEST(plan, ends_when_a_loop_waits_for_a_result) {
    char *text = plan(WITH("evals=[{plugin: org.example.hungry, first: 20, waits: true}]"));
    cr_assert(strstr(text, "may take more"), "%s", text);
    cr_assert(mib_of(text, "programs of evals") > 19, "%s", text);
    free(text);
}

TEST(plan, says_why_an_eval_stops_early) {
    char *text = plan(WITH("evals=[{plugin: knn, k: 500}]"));
    cr_assert(strstr(text, "eval knn: knn: k is 500, but there are only 64 training samples"), "%s",
              text);
    free(text);
}
