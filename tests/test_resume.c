/* SPDX-License-Identifier: Apache-2.0
 * The program killed and interrupted at any instant, and what comes of going on. */
#include "run_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(resume, .init = open_kit, .fini = close_kit);

/* A checkpoint after every step, so that most instants lie in or beside one. */
static int start_method(const char *name, bool go_on, const char *method, const char *epochs) {
    char key[64], how[256], length[32];
    snprintf(key, sizeof key, "name=%s", name);
    snprintf(how, sizeof how, "method=%s", method);
    snprintf(length, sizeof length, "train.epochs=%s", epochs);
    const char *const words[] = {"train",
                                 "run.yaml",
                                 key,
                                 "checkpoint.every_steps=1",
                                 length,
                                 how,
                                 go_on ? "--resume" : NULL,
                                 NULL};
    return kit_start("log", words);
}

static int start(const char *name, bool go_on) {
    return start_method(name, go_on, "{plugin: simclr, temperature: 0.2, hidden: 16, output: 8}",
                        "5");
}

static char *log_text(void) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read("log", 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

static void expect_status(int pid, int want) {
    const int status = kit_wait(pid);
    char *text = log_text();
    cr_assert_eq(status, want, "status %d:\n%s", status, text);
    free(text);
}

static void expect_log(const char *want) {
    char *text = log_text();
    cr_assert(strstr(text, want), "'%s' is not in:\n%s", want, text);
    free(text);
}

static int newest(const char *name) {
    int64_t *steps = NULL;
    const int count = kit_checkpoints(name, &steps);
    const int step = count ? (int)steps[count - 1] : -1;
    free(steps);
    return step;
}

TEST(resume, killed_at_any_instant_ends_in_the_same_bits) {
    unsigned seed = (unsigned)getpid();
    int kills = 0;
    expect_status(start("whole", false), 0);
    cr_assert_eq(newest("whole"), 40);
    while (newest("cut") < 40 && kills < 60) {
        const int pid = start("cut", true);
        usleep(20000 + (useconds_t)(rand_r(&seed) % 60000) * (useconds_t)(1 + kills / 10));
        kill(pid, SIGKILL);
        const int status = kit_wait(pid);
        cr_assert(status == 256 + SIGKILL || status == 0, "status %d", status);
        kills += status == 256 + SIGKILL;
    }
    cr_assert(kills > 3, "only %d kills", kills);
    expect_status(start("cut", true), 0);
    cr_assert(kit_same_state("whole", "cut", 40), "after %d kills (seed %u)", kills, seed);
    for (int64_t step = 1; step <= 40; step++) {
        cr_assert_eq(kit_metric("whole", step, "loss"), kit_metric("cut", step, "loss"));
    }
}

/* What lasts from step to step beside weights: queues, averages, a centre, a memory bank, clusters
 * and prototypes. */
TEST(resume, killed_with_memories_ends_in_the_same_bits) {
    static const char *const methods[] = {
        "{plugin: moco, queue: 20, split: 2, keep: 0.9, output: 16}",
        "{plugin: dino, hidden: 16, bottleneck: 8, output: 8}",
        "{plugin: pirl, negatives: 8, output: 8, grid: 2}",
        "{plugin: deepcluster, prototypes: [4, 5], hidden: 16, output: 8}",
        "{plugin: swav, prototypes: 8, hidden: 16, output: 8, queue: 16, queue_epochs: 0}",
        "{plugin: nnclr, queue: 20, hidden: 16, output: 8, predictor_hidden: 16}",
    };
    unsigned seed = (unsigned)getpid();
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
        char whole[16], cut[16];
        int kills = 0;
        snprintf(whole, sizeof whole, "whole%zu", m);
        snprintf(cut, sizeof cut, "cut%zu", m);
        expect_status(start_method(whole, false, methods[m], "2"), 0);
        for (int tries = 0; kills < 3 && tries < 40 && newest(cut) < 16; tries++) {
            const int pid = start_method(cut, true, methods[m], "2"), before = newest(cut);
            for (int i = 0; newest(cut) == before && i < 1000; i++) {
                usleep(2000);
            }
            usleep((useconds_t)(rand_r(&seed) % 10000));
            kill(pid, SIGKILL);
            kills += kit_wait(pid) == 256 + SIGKILL;
        }
        cr_expect(kills > 0, "%s was not killed", methods[m]);
        expect_status(start_method(cut, true, methods[m], "2"), 0);
        char *ran = log_text();
        cr_expect(kit_same_state(whole, cut, 16), "%s after %d kills (seed %u)\n%s", methods[m],
                  kills, seed, ran);
        free(ran);
    }
}

static void wait_for_step(const char *name) {
    for (int i = 0; newest(name) < 1; i++) {
        cr_assert(i < 2000, "no checkpoint in 20 seconds");
        usleep(10000);
    }
}

static void interrupt_with(int number) {
    expect_status(start("whole", false), 0);
    const int pid = start("cut", false);
    wait_for_step("cut");
    kill(pid, number);
    expect_status(pid, 128 + number);
    expect_log("--resume");
    const int step = newest("cut");
    cr_assert(step >= 1 && step < 40, "step %d", step);
    expect_status(start("cut", true), 0);
    cr_assert(kit_same_state("whole", "cut", 40));
}

TEST(resume, ctrl_c_writes_a_checkpoint_and_ends_with_130) {
    interrupt_with(SIGINT);
}

TEST(resume, sigterm_writes_a_checkpoint_and_ends_with_143) {
    interrupt_with(SIGTERM);
}

TEST(resume, one_process_at_a_time) {
    const int pid = start("cut", false);
    wait_for_step("cut");
    kill(pid, SIGSTOP);
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    const int other = kit_start("other", (const char *const[]){"train", "run.yaml", "name=cut",
                                                               "checkpoint.every_steps=1",
                                                               "train.epochs=5", "--resume", NULL});
    cr_assert_eq(kit_wait(other), 1);
    cr_assert(file_read("other", 0, &text, &bytes, &err));
    cr_assert(strstr(text, "another process is training there"), "%s", text);
    free(text);
    kill(pid, SIGCONT);
    expect_status(pid, 0);
}

TEST(resume, another_device_goes_on_and_is_told_of) {
    const int pid = start("cut", false);
    wait_for_step("cut");
    kill(pid, SIGINT);
    expect_status(pid, 128 + SIGINT);
    expect_status(kit_start("log", (const char *const[]){"train", "run.yaml", "name=cut",
                                                         "checkpoint.every_steps=1",
                                                         "train.epochs=5", "--resume",
                                                         "device={plugin: cpu, threads: 1}", NULL}),
                  0);
    expect_log("the run began on another device (");
    expect_log("it goes on, but not with the bits that it would have had there");
    cr_assert_eq(newest("cut"), 40);
}
