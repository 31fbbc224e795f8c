/* SPDX-License-Identifier: Apache-2.0
 * Training in this process: what it learns, what it repeats, what it leaves, what it refuses. */
#include "run_kit.h"

#include "base/file.h"
#include "train/checkpoint.h"

#include "leaks.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(trainer, .init = open_kit, .fini = close_kit);

static void expect_train(int how, const char *const *overrides) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    cr_assert(kit_train(&kit, how, overrides, &outcome, &err), "%s", err.message);
    cr_assert_eq(outcome, TRAINED);
}

static void expect_refusal(int how, const char *const *overrides, const char *text) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    cr_assert(!kit_train(&kit, how, overrides, &outcome, &err), "not refused: %s", text);
    cr_assert(strstr(err.message, text) || strstr(err.hint, text), "%s (%s) lacks '%s'",
              err.message, err.hint, text);
}

TEST(trainer, the_loss_falls) {
    expect_train(FOLDER_NEW, WITH("train.epochs=12", "optimizer.lr=0.3"));
    double first = 0, last = 0;
    for (int i = 1; i <= 8; i++) {
        first += kit_metric("small", i, "loss") / 8;
        last += kit_metric("small", 88 + i, "loss") / 8;
    }
    cr_assert(last < first - 0.1, "from %g to %g", first, last);
}

TEST(trainer, the_same_run_gives_the_same_bits_and_another_seed_others) {
    expect_train(FOLDER_NEW, WITH("name=a"));
    expect_train(FOLDER_NEW, WITH("name=b"));
    expect_train(FOLDER_NEW, WITH("name=c", "seed=2"));
    cr_assert(kit_same_state("a", "b", 16));
    cr_assert(!kit_same_state("a", "c", 16));
}

/* How often a line is written changes none: each has the numbers of its own step. */
TEST(trainer, lines_of_metrics_are_of_their_steps) {
    static const int logged[] = {3, 6, 9, 12, 15, 16};
    expect_train(FOLDER_NEW, WITH("name=each"));
    expect_train(FOLDER_NEW, WITH("name=third", "train.log_every=3"));
    for (int step = 1, i = 0; step <= 16; step++) {
        const double loss = kit_metric("each", step, "loss");
        const double third = kit_metric("third", step, "loss");
        cr_expect(isfinite(loss));
        cr_expect(logged[i] == step ? third == loss : isnan(third), "step %d: %g, not %g", step,
                  third, loss);
        cr_expect(kit_metric("each", step, "host_us") > 0, "step %d has no time", step);
        i += logged[i] == step;
    }
}

/* The thread that writes meets the end of what a file may hold; the steps go on until they hear. */
TEST(trainer, a_checkpoint_that_cannot_be_written_ends_the_run) {
    expect_train(FOLDER_NEW, WITH("name=a")); /* packs the images */
    const struct rlimit small = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect_refusal(FOLDER_NEW, WITH("name=b"), "checkpoint of step 4");
    cr_assert_eq(kit_checkpoints("b", &(int64_t *){NULL}), 0);
}

TEST(trainer, keeps_the_newest_checkpoints) {
    int64_t *steps = NULL;
    expect_train(FOLDER_NEW, WITH("checkpoint.keep=3"));
    cr_assert_eq(kit_checkpoints("small", &steps), 3);
    cr_assert(steps[0] == 8 && steps[1] == 12 && steps[2] == 16);
    free(steps);
}

TEST(trainer, keeps_the_best_checkpoint) {
    int64_t *steps = NULL;
    double best = 0;
    char text[256];
    expect_train(FOLDER_NEW,
                 WITH("train.epochs=5", "checkpoint.keep=1", "checkpoint.keep_best=knn",
                      "checkpoint.every_epochs=1", "evals=[{plugin: knn, k: 5, every_epochs: 1}]"));
    const int count = kit_checkpoints("small", &steps);
    cr_assert(count == 1 || count == 2, "%d checkpoints", count);
    for (int64_t step = 8; step <= 40; step += 8) {
        const double value = kit_metric("small", step, "value");
        cr_assert(isfinite(value), "no eval after step %lld", (long long)step);
        best = value > best ? value : best;
    }
    FILE *note = fopen("runs/small/checkpoints/best.json", "r");
    cr_assert(note && fread(text, 1, sizeof text, note) > 0);
    fclose(note);
    json_t *object = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    cr_assert_float_eq(json_number_value(json_object_get(object, "value")), best, 1e-9);
    cr_assert_eq(json_integer_value(json_object_get(object, "step")), steps[0]);
    json_decref(object);
    free(steps);
}

TEST(trainer, a_resumed_run_ends_in_the_same_bits) {
    expect_train(FOLDER_NEW, WITH("name=whole"));
    expect_train(FOLDER_NEW, WITH("name=cut"));
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree("runs/cut/checkpoints/step-16", &err));
    expect_train(FOLDER_RESUME, WITH("name=cut"));
    cr_assert(kit_same_state("whole", "cut", 16));
}

static void damage(const char *path, long at) {
    FILE *file = fopen(path, "r+");
    cr_assert(file != NULL, "%s", path);
    fseek(file, at, at < 0 ? SEEK_END : SEEK_SET);
    const int was = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(was ^ 0x10, file);
    fclose(file);
}

TEST(trainer, a_damaged_checkpoint_is_passed_over) {
    kd_error err = KD_ERROR_INIT;
    expect_train(FOLDER_NEW, WITH("name=whole"));
    expect_train(FOLDER_NEW, WITH("name=cut"));
    damage("runs/cut/checkpoints/step-16/state.safetensors", -100);
    expect_train(FOLDER_RESUME, WITH("name=cut"));
    cr_assert(kit_same_state("whole", "cut", 16));
    damage("runs/cut/checkpoints/step-16/state.safetensors", 0);
    cr_assert(file_remove_tree("runs/cut/checkpoints/step-12/SHA256SUMS", &err));
    expect_refusal(FOLDER_RESUME, WITH("name=cut"), "SHA256SUMS");
}

TEST(trainer, leftovers_of_a_killed_process_are_cleaned) {
    kd_error err = KD_ERROR_INIT;
    expect_train(FOLDER_NEW, WITH("train.epochs=1"));
    cr_assert(file_make_directories("runs/small/checkpoints/step-9.tmp-999999999", &err));
    int64_t *steps = NULL;
    cr_assert_eq(kit_checkpoints("small", &steps), 2);
    free(steps);
    expect_train(FOLDER_RESUME, WITH("train.epochs=1"));
    cr_assert(!file_exists("runs/small/checkpoints/step-9.tmp-999999999"));
}

TEST(trainer, refuses_to_go_on_with_another_run) {
    expect_train(FOLDER_NEW, WITH("train.epochs=1"));
    expect_refusal(FOLDER_NEW, WITH("train.epochs=1"), "--resume");
    expect_refusal(FOLDER_RESUME, WITH("train.epochs=1", "optimizer.lr=0.2"),
                   "optimizer.lr was 0.1");
    expect_refusal(FOLDER_RESUME, WITH("train.epochs=1", "views.0.size=10"), "views.0.size was 12");
    expect_refusal(FOLDER_RESUME, WITH("train.epochs=1", "backbone.width=4"), "backbone.width");
    expect_refusal(FOLDER_RESUME, WITH("train.epochs=1", "data.fraction=0.5"),
                   "data.fraction was 1.0 when the run began and is 0.5 now");
    expect_refusal(FOLDER_RESUME, WITH("train.epochs=1", "views.0.normalize=null"), "normalize");
    expect_train(FOLDER_RESUME, WITH("train.epochs=1", "checkpoint.keep=1", "train.log_every=3"));
    expect_train(FOLDER_OVERWRITE, WITH("train.epochs=1", "optimizer.lr=0.2"));
}

/* Killed after its rename, --overwrite leaves the old run under another name. */
TEST(trainer, the_next_start_removes_a_run_that_was_overwritten) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_make_directories("runs/small.tmp-999999999/checkpoints", &err));
    cr_assert(file_make_directories("runs/smaller.tmp-999999999", &err)); /* another run's */
    expect_train(FOLDER_NEW, WITH("train.epochs=1"));
    cr_assert_not(file_exists("runs/small.tmp-999999999"));
    cr_assert(file_exists("runs/smaller.tmp-999999999"));
    expect_refusal(FOLDER_NEW, WITH("name=small.tmp-7"), "what is left over");
}

TEST(trainer, does_not_overwrite_what_is_no_run) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_make_directories("runs/small/letters", &err));
    expect_refusal(FOLDER_OVERWRITE, WITH("train.epochs=1"), "is not a run");
    cr_assert(file_exists("runs/small/letters"));
}

#define DIVERGING                                                                                  \
    "optimizer.lr=1000", "optimizer.weight_decay=10", "optimizer.momentum=0",                      \
        "optimizer.decay_all=true", "train.epochs=20", "schedule.decay=constant"

TEST(trainer, a_loss_that_is_not_finite_stops_the_run_at_its_step) {
    const char *const diverging[] = {DIVERGING, "checkpoint.every_epochs=0",
                                     "checkpoint.every_steps=0", NULL};
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    long long failed = -1;
    cr_assert(!kit_train(&kit, FOLDER_NEW, diverging, &outcome, &err));
    cr_assert_eq(sscanf(err.message, "step %lld: the loss is", &failed), 1, "%s", err.message);
    cr_assert(failed > 1 && strstr(err.hint, "no checkpoint is left"), "%s", err.hint);
}

TEST(trainer, weights_that_are_not_finite_are_never_saved_over_good_ones) {
    const char *const diverging[] = {DIVERGING, "checkpoint.every_steps=1", "checkpoint.keep=1",
                                     NULL};
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    long long failed = -1, good = -1;
    cr_assert(!kit_train(&kit, FOLDER_NEW, diverging, &outcome, &err));
    cr_assert_eq(sscanf(err.message, "checkpoint of step %lld: ", &failed), 1, "%s", err.message);
    cr_assert(strstr(err.message, "is not finite"), "%s", err.message);
    const char *named = strstr(err.hint, "runs/small/checkpoints/step-");
    cr_assert(named && sscanf(named, "runs/small/checkpoints/step-%lld", &good) == 1, "%s",
              err.hint);
    cr_assert_eq(good, failed - 1);
    cr_assert(file_exists(named), "%s is named but gone", named);
}

TEST(trainer, pairs_feed_both_views) {
    expect_train(FOLDER_NEW, WITH("name=semantic", "data.paired=true"));
    expect_train(FOLDER_NEW,
                 WITH("name=augmented", "data.paired=true", "data.pairs={arm: augmented}"));
    cr_assert(!kit_same_state("semantic", "augmented", 16));
    /* Two entries of one view take turns as one entry of two does. */
    expect_train(FOLDER_NEW, WITH("name=apart", "data.paired=true",
                                  "views=[{recipe: simclr_cifar, size: 12, normalize: store}, "
                                  "{recipe: simclr_cifar, size: 12, normalize: store}]"));
    cr_assert(kit_same_state("semantic", "apart", 16));
}

TEST(trainer, evals_compare_with_untrained_and_pixels_once) {
    const char *const with_eval[] = {"train.epochs=1", "evals=[{plugin: knn, k: 5, before: true}]",
                                     NULL};
    expect_train(FOLDER_NEW, with_eval);
    json_t *line = metrics_find("runs/small/metrics.jsonl", 0, "knn", "raw pixels");
    cr_assert(line != NULL);
    json_decref(line);
    char *text = NULL, *again = NULL;
    size_t bytes = 0, bytes_again = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read("runs/small/metrics.jsonl", 0, &text, &bytes, &err));
    expect_train(FOLDER_RESUME, with_eval);
    cr_assert(file_read("runs/small/metrics.jsonl", 0, &again, &bytes_again, &err));
    cr_assert_str_eq(text, again);
    free(text);
    free(again);
}

TEST(trainer, evals_do_not_change_what_is_learned) {
    expect_train(FOLDER_NEW, WITH("name=without"));
    expect_train(FOLDER_NEW, WITH("name=with", "evals=[{plugin: knn, k: 5, every_epochs: 1}]"));
    cr_assert(kit_same_state("with", "without", 16));
}

TEST(trainer, refuses_what_does_not_fit_together) {
    expect_refusal(FOLDER_NEW, WITH("views.0.count=1"), "wants at least 2");
    expect_refusal(FOLDER_NEW, WITH("train.batch=65"), "more than the 64 samples");
    expect_refusal(FOLDER_NEW, WITH("train.batch=33", "data.fraction=0.5"),
                   "more than the 32 samples");
    expect_refusal(FOLDER_NEW, WITH("data.fraction=0"), "data.fraction=0: must be above 0");
    expect_refusal(FOLDER_NEW, WITH("data.fraction=1.5"),
                   "data.fraction=1.5: 1.5 is out of range: 0 to 1");
    expect_refusal(FOLDER_NEW, WITH("evals=[{plugin: knn}, {plugin: knn}]"),
                   "another eval is named");
    expect_refusal(FOLDER_NEW, WITH("checkpoint.keep_best=knn"), "there is no eval 'knn'");
    expect_refusal(FOLDER_NEW, WITH("schedule.warmup_epochs=3"), "longer than the run");
    expect_refusal(FOLDER_NEW, WITH("name=a/b"), "cannot be the name of a folder");
    expect_refusal(FOLDER_NEW, WITH("data.store.size=7"), "neither a number of pixels");
    expect_refusal(FOLDER_NEW, WITH("device=cpu"), "device: {plugin: cpu}");
    cr_assert(!file_exists("runs"));
}
