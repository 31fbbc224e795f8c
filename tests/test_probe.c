/* SPDX-License-Identifier: Apache-2.0
 * The online probe: it learns, and nothing else of a run notices. */
#include "run_kit.h"

#include "base/file.h"
#include "base/safetensors.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(probe, .init = open_kit, .fini = close_kit);

enum { MOST = 16 };

/* Trains with these overrides, ending in NULL, and two more. */
static bool train_with(int how, const char *const *overrides, const char *name, const char *lr,
                       kd_error *err) {
    const char *all[MOST] = {name, lr};
    int outcome = -1;
    for (int i = 0; overrides[i]; i++) {
        cr_assert_lt(i + 2, MOST - 1);
        all[i + 2] = overrides[i];
    }
    return kit_train(&kit, how, all, &outcome, err);
}

static void expect_train(int how, const char *const *overrides, const char *name, const char *lr) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(train_with(how, overrides, name, lr, &err), "%s", err.message);
}

static safetensors *open_state(const char *name) {
    char path[128];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "runs/%s/checkpoints/step-16/state.safetensors", name);
    safetensors *state = safetensors_open(path, &err);
    cr_assert(state, "%s", err.message);
    return state;
}

/* All that the plain run keeps but its ring of reports, which has fewer columns, is the same in the
 * other one. */
static void expect_same(const char *plain, const char *probed) {
    safetensors *a = open_state(plain), *b = open_state(probed);
    int same = 0;
    for (int i = 0; i < safetensors_count(a); i++) {
        const safetensor *t = safetensors_at(a, i), *u = safetensors_find(b, t->name);
        if (strcmp(t->name, "reports.ring") == 0) {
            continue;
        }
        cr_assert(u && u->bytes == t->bytes, "%s", t->name);
        cr_assert(memcmp(t->data, u->data, t->bytes) == 0, "%s differs", t->name);
        same++;
    }
    cr_assert(same > 40 && safetensors_count(b) > safetensors_count(a));
    cr_assert(safetensors_find(b, "probe.weight") && !safetensors_find(a, "probe.weight"));
    safetensors_close(a);
    safetensors_close(b);
}

#define WITH(...)                                                                                  \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

static void leaves_alone(const char *const *overrides) {
    expect_train(FOLDER_OVERWRITE, overrides, "name=plain", "probe.lr=0");
    expect_train(FOLDER_OVERWRITE, overrides, "name=probed", "probe.lr=0.5");
    expect_same("plain", "probed");
    cr_assert_eq(kit_metric("plain", 16, "loss"), kit_metric("probed", 16, "loss"));
}

TEST(probe, leaves_the_run_as_it_is) {
    leaves_alone(WITH("precision=f64"));
    leaves_alone(WITH("optimizer={name: lars, lr: 1, clip_norm: 0.01}"));
    leaves_alone(WITH("device={plugin: cpu, threads: 1}", "optimizer={name: adamw, lr: 0.01}"));
}

/* A teacher that follows, views of two sizes, and batch norms of view by view. */
TEST(probe, needs_no_help_of_methods) {
    leaves_alone(WITH("method={plugin: dino, output: 16, hidden: 16, bottleneck: 8}",
                      "views=[{recipe: simclr_cifar, size: 12, count: 2}, {recipe: simclr_cifar, "
                      "size: 8, count: 2}]"));
    leaves_alone(WITH("method={plugin: moco, hidden: 16, output: 8, queue: 16, split: 2}"));
}

TEST(probe, begins_at_chance_and_learns) {
    expect_train(FOLDER_NEW,
                 WITH("train.epochs=12",
                      "data={plugin: synthetic, kinds: 4, count: 64, size: 12, "
                      "background: 0, lighting: 0, occlusion: 0, style: 0, "
                      "pose: 0, position: 0, noise: 0, color: 0}",
                      "views=[{size: 12, count: 2, normalize: store, ops: [center_crop, flip]}]"),
                 "name=small", "probe.lr=0.1");
    cr_assert_float_eq(kit_metric("small", 1, "probe_loss"), log(4), 1e-5);
    double late = 0;
    for (int64_t step = 81; step <= 96; step++) {
        late += kit_metric("small", step, "probe_accuracy") / 16;
    }
    cr_assert_gt(late, 0.5, "%g of four kinds", late);
    cr_assert(isnan(kit_metric("small", 1, "grad_norm")));
}

TEST(probe, goes_on_where_it_was) {
    const char *const none[] = {NULL};
    kd_error err = KD_ERROR_INIT;
    expect_train(FOLDER_NEW, none, "name=whole", "probe.lr=0.5");
    expect_train(FOLDER_NEW, none, "name=cut", "probe.lr=0.5");
    cr_assert(file_remove_tree("runs/cut/checkpoints/step-16", &err), "%s", err.message);
    expect_train(FOLDER_RESUME, none, "name=cut", "probe.lr=0.5");
    cr_assert(kit_same_state("whole", "cut", 16));
    cr_assert_not(train_with(FOLDER_RESUME, none, "name=cut", "probe.lr=0.25", &err));
    cr_assert(strstr(err.message, "probe.lr was 0.5"), "%s", err.message);
}

TEST(probe, needs_labels) {
    static const char pairs[] = "index_a,index_b\n0,1\n2,3\n4,8\n5,9\n6,10\n7,11\n1,5\n2,6\n3,7\n";
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_write("pairs.csv", pairs, sizeof pairs - 1, &err), "%s", err.message);
    cr_assert_not(train_with(FOLDER_NEW, WITH("data.pairs.manifest=pairs.csv"), "name=small",
                             "probe.lr=0.5", &err));
    cr_assert(strstr(err.message, "a probe needs labels, and 2 of 9 samples have none"), "%s",
              err.message);
}
