/* SPDX-License-Identifier: Apache-2.0
 * What a run gives to a method step by step and between steps: keys of draws, scheduled scalars and
 * further programs; and that all of it goes on after a run was cut. */
#include "run_kit.h"

#include "base/file.h"
#include "base/safetensors.h"

#include "leaks.h"

#include <kindred/ops.h>
#include <kindred/philox.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* 64 samples in batches of 24: 2 steps an epoch, and 3 batches over the whole set. */
enum { STEPS = 6, BATCHES = 3, SAMPLES = 64, BATCH = 24, DRAWS = 8, SEED = 11 };

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(rules_run, .init = open_kit, .fini = close_kit);

/* Trains, or goes on. */
static int start(const char *name) {
    const char *diary = getenv("KINDRED_TEST_DIARY");
    char key[64];
    cr_assert(diary, "KINDRED_TEST_DIARY is not set");
    snprintf(key, sizeof key, "name=%s", name);
    return kit_start("log",
                     (const char *const[]){"train", "run.yaml", "--plugin", diary, key, "seed=11",
                                           "method={plugin: org.example.diary}", "train.epochs=3",
                                           "train.batch=24", "checkpoint.every_steps=1",
                                           "checkpoint.keep=9", "--resume", NULL});
}

static void finish(const char *name) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    const int status = kit_wait(start(name));
    cr_assert(file_read("log", 0, &text, &bytes, &err), "%s", err.message);
    cr_assert_eq(status, 0, "%s", text);
    free(text);
}

static safetensors *state_of(const char *name, int step) {
    char path[128];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "runs/%s/checkpoints/step-%d/state.safetensors", name, step);
    safetensors *file = safetensors_open(path, &err);
    cr_assert(file, "%s", err.message);
    return file;
}

static const void *find(const safetensors *file, const char *name, int64_t rows, int64_t columns) {
    kd_error err = KD_ERROR_INIT;
    const bool whole = strcmp(name, "diary.last") == 0;
    const kd_spec want = {whole ? KD_I32 : KD_F32, 2, {rows, columns}};
    const safetensor *t = safetensors_need(file, name, &want, &err);
    cr_assert(t, "%s", err.message);
    return t->data;
}

TEST(rules_run, every_step_draws_what_its_seed_and_number_say) {
    finish("whole");
    safetensors *file = state_of("whole", STEPS);
    const float *draws = find(file, "diary.draws", STEPS, DRAWS);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < DRAWS; i++) {
            const kd_philox block =
                kd_stream_draw(SEED, (uint64_t)step, kd_stream("diary"), (uint32_t)i / 4);
            cr_expect_eq(draws[step * DRAWS + i], kd_uniform(block.word[i % 4]), "step %d, %d",
                         step, i);
        }
    }
    safetensors_close(file);
}

TEST(rules_run, scheduled_scalars_are_on_their_curve) {
    finish("whole");
    safetensors *file = state_of("whole", STEPS);
    const float *curve = find(file, "diary.curve", STEPS, 1);
    for (int step = 0; step < STEPS; step++) { /* over 2 epochs of 2 steps */
        const double want = step < 4 ? 3 - (1 + cos(M_PI * step / 4)) : 3;
        cr_expect_float_eq(curve[step], want, 1e-6, "step %d: %g, not %g", step,
                           (double)curve[step], want);
    }
    safetensors_close(file);
}

/* After n epochs have begun: 3 at the start, then doubled and 1 more, then 10 more, each time. */
static double tale_of(int epochs) {
    double tale = 3;
    for (int i = 0; i < epochs; i++) {
        tale = 2 * tale + 1 + 10;
    }
    return tale;
}

TEST(rules_run, programs_run_once_at_the_start_and_in_their_order_before_each_epoch) {
    finish("whole");
    for (int step = 1; step <= STEPS; step++) {
        safetensors *file = state_of("whole", step);
        const int begun = (step + 1) / 2;
        const float *tale = find(file, "diary.tale", 1, 1);
        cr_expect_eq(tale[0], (float)tale_of(begun), "step %d: %g", step, (double)tale[0]);
        const float *seen = find(file, "diary.seen", SAMPLES, 1);
        const int32_t *last = find(file, "diary.last", BATCH, 1);
        for (int i = 0; i < SAMPLES; i++) {
            const int again = i < BATCHES * BATCH - SAMPLES; /* they fill the last batch up */
            cr_expect_eq(seen[i], (float)(begun * (1 + again)), "step %d, sample %d", step, i);
        }
        for (int i = 0; i < BATCH; i++) {
            cr_expect_eq(last[i], (2 * BATCH + i) % SAMPLES);
        }
        safetensors_close(file);
    }
}

/* As if killed after each step: in the middle of an epoch, and before the programs of the next. */
TEST(rules_run, what_programs_compute_survives_a_cut_bit_for_bit) {
    finish("whole");
    finish("cut");
    for (int after = 1; after < STEPS; after++) {
        for (int step = after + 1; step <= STEPS; step++) {
            kd_error err = KD_ERROR_INIT;
            char path[128];
            snprintf(path, sizeof path, "runs/cut/checkpoints/step-%d", step);
            cr_assert(file_remove_tree(path, &err), "%s", err.message);
        }
        finish("cut");
        for (int step = after + 1; step <= STEPS; step++) {
            cr_expect(kit_same_state("whole", "cut", step), "cut after %d, step %d", after, step);
        }
    }
}

static int newest(const char *name) {
    int64_t *steps = NULL;
    const int count = kit_checkpoints(name, &steps);
    const int step = count ? (int)steps[count - 1] : 0;
    free(steps);
    return step;
}

TEST(rules_run, killed_at_any_instant_ends_in_the_same_bits) {
    unsigned seed = (unsigned)getpid();
    const unsigned first = seed;
    finish("whole");
    for (int kills = 0; newest("cut") < STEPS && kills < 12; kills++) {
        const int pid = start("cut");
        usleep(20000 + (useconds_t)(rand_r(&seed) % 80000));
        kill(pid, SIGKILL);
        kit_wait(pid);
    }
    finish("cut");
    for (int step = 1; step <= STEPS; step++) {
        cr_expect(kit_same_state("whole", "cut", step), "step %d (seed %u)", step, first);
    }
}
