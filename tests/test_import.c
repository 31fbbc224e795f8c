/* SPDX-License-Identifier: Apache-2.0
 * What enters a run: an export comes back bit for bit, and a file that does not fit is refused with
 * every name. */
#include "run_kit.h"

#include "base/file.h"
#include "base/safetensors.h"
#include "train/checkpoint.h"
#include "train/export.h"

#include "leaks.h"

#include <stdlib.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(import, .init = open_kit, .fini = close_kit);

static const char vit[] =
    "backbone={plugin: vit, patch: 4, image_size: 12, depth: 2, width: 16, heads: 2}";

static char *text_of(const char *path) {
    kd_error err = KD_ERROR_INIT;
    char *text = NULL;
    size_t bytes = 0;
    cr_assert(file_read(path, 1 << 20, &text, &bytes, &err), "%s", err.message);
    return text;
}

/* The program's exit status; its output is in `log`. */
static int call(const char *const *words) {
    return kit_wait(kit_start("log", words));
}

static void expect_done(const char *const *words) {
    const int status = call(words);
    char *log = text_of("log");
    cr_assert_eq(status, 0, "%s", log);
    free(log);
}

static void expect_refused(const char *const *words, const char *const *parts) {
    const int status = call(words);
    char *log = text_of("log");
    cr_assert_eq(status, 1, "%s", log);
    for (int i = 0; parts[i]; i++) {
        cr_assert(strstr(log, parts[i]), "no \"%s\" in:\n%s", parts[i], log);
    }
    cr_assert(!file_exists("runs/other"), "a refused import left a run");
    free(log);
}

static void export_run(const char *name, const char *to) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    int64_t step = 0;
    const run_folder folder = run_folder_of(&a, "runs", name);
    cr_assert(export_encoder(&folder, STEP_NEWEST, to, &step, &err), "%s", err.message);
    arena_free(&a);
}

/* Trains a little, and exports to a.safetensors. */
static void train_and_export(const char *backbone) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    const char *const overrides[] = {"train.epochs=1", backbone, NULL};
    cr_assert(kit_train(&kit, FOLDER_NEW, overrides, &outcome, &err), "%s", err.message);
    export_run("small", "a.safetensors");
}

static safetensors *open_file(const char *path) {
    kd_error err = KD_ERROR_INIT;
    safetensors *file = safetensors_open(path, &err);
    cr_assert(file != NULL, "%s", err.message);
    return file;
}

static bool is_counter(const char *name) {
    return strstr(name, "num_batches_tracked") != NULL;
}

static void expect_same_tensors(const char *one, const char *other) {
    safetensors *a = open_file(one), *b = open_file(other);
    cr_assert_eq(safetensors_count(a), safetensors_count(b));
    cr_assert_gt(safetensors_count(a), 20);
    for (int i = 0; i < safetensors_count(a); i++) {
        const safetensor *t = safetensors_at(a, i), *u = safetensors_find(b, t->name);
        cr_assert(u, "%s", t->name);
        cr_assert_eq(t->bytes, u->bytes);
        cr_assert(is_counter(t->name) || memcmp(t->data, u->data, t->bytes) == 0, "%s", t->name);
    }
    safetensors_close(a);
    safetensors_close(b);
}

static void round_trip(const char *backbone) {
    train_and_export(backbone);
    expect_done((const char *const[]){"import", "a.safetensors", "--run", "run.yaml", "name=other",
                                      "seed=9", backbone, NULL});
    export_run("other", "b.safetensors");
    expect_same_tensors("a.safetensors", "b.safetensors");
}

TEST(import, brings_back_what_a_resnet_exported) {
    round_trip("backbone.zero_init_residual=true");
}

TEST(import, brings_back_what_a_vit_exported) {
    round_trip(vit);
}

TEST(import, makes_a_run_that_goes_on) {
    train_and_export(vit);
    expect_done((const char *const[]){"import", "a.safetensors", "--run", "run.yaml", "name=other",
                                      vit, NULL});
    expect_done((const char *const[]){"train", "run.yaml", "name=other", vit, "--resume", NULL});
    size_t bytes = 0;
    free(kit_state("other", 16, &bytes));
    cr_assert_gt(bytes, 0);
}

/* A momentum encoder starts as the encoder does, imported or not. */
TEST(import, reaches_the_copies_of_an_encoder) {
    train_and_export("seed=1");
    expect_done((const char *const[]){"import", "a.safetensors", "--run", "run.yaml", "name=other",
                                      "seed=9", "method={plugin: byol, hidden: 16, output: 8}",
                                      NULL});
    safetensors *state = open_file("runs/other/checkpoints/step-0/state.safetensors");
    int copies = 0;
    for (int i = 0; i < safetensors_count(state); i++) {
        const safetensor *t = safetensors_at(state, i);
        const char *inner = strstr(t->name, ".encoder.");
        const safetensor *own = inner ? safetensors_find(state, inner + 1) : NULL;
        if (own && strncmp(t->name, "optimizer.", 10) != 0) {
            cr_assert_eq(memcmp(t->data, own->data, own->bytes), 0, "%s", t->name);
            copies++;
        }
    }
    cr_assert_gt(copies, 60);
    safetensors_close(state);
}

/* Copies a.safetensors to changed.safetensors, less the tensor `without`, `reshaped` as a vector,
 * and with `extra`, which may be NULL, of one element. */
static void change(const char *without, const char *reshaped, const char *const *extra) {
    kd_error err = KD_ERROR_INIT;
    safetensors *file = open_file("a.safetensors");
    safetensors_writer *w = safetensors_writer_create("changed.safetensors");
    const int count = safetensors_count(file);
    for (int i = 0; i < count; i++) {
        const safetensor *t = safetensors_at(file, i);
        kd_spec spec = t->spec;
        if (strcmp(t->name, reshaped) == 0) {
            spec = (kd_spec){.dtype = spec.dtype, .rank = 1, .dim = {kd_elements(&spec)}};
        }
        if (strcmp(t->name, without) != 0) {
            safetensors_declare(w, t->name, &spec);
        }
    }
    for (int i = 0; extra[i]; i++) {
        safetensors_declare(w, extra[i], &(kd_spec){.dtype = KD_F32, .rank = 1, .dim = {1}});
    }
    cr_assert(safetensors_begin(w, &err), "%s", err.message);
    int at = 0;
    for (int i = 0; i < count; i++) {
        const safetensor *t = safetensors_at(file, i);
        if (strcmp(t->name, without) != 0) {
            cr_assert(safetensors_write(w, at++, t->data, t->bytes, &err), "%s", err.message);
        }
    }
    for (int i = 0; extra[i]; i++) {
        cr_assert(safetensors_write(w, at++, &(float){1}, sizeof(float), &err));
    }
    cr_assert(safetensors_commit(w, &err), "%s", err.message);
    safetensors_writer_destroy(w);
    safetensors_close(file);
}

static const char *const none[] = {NULL};

#define IMPORT_CHANGED "import", "changed.safetensors", "--run", "run.yaml", "name=other"

TEST(import, names_what_is_missing_and_of_another_shape) {
    train_and_export("seed=1");
    change("layer1.0.conv2.weight", "layer2.0.conv1.weight", none);
    expect_refused((const char *const[]){IMPORT_CHANGED, NULL},
                   (const char *const[]){"1 missing: layer1.0.conv2.weight", "1 of another shape",
                                         "layer2.0.conv1.weight is F32 [72], not [4, 2, 3, 3]",
                                         "depth, stem, width", NULL});
}

TEST(import, names_what_is_extra_and_drops_it_when_told) {
    static const char *const classifier[] = {"fc.weight", "fc.bias", NULL};
    train_and_export("seed=1");
    change("", "", classifier);
    expect_refused((const char *const[]){IMPORT_CHANGED, NULL},
                   (const char *const[]){"0 missing", "2 extra: ", "fc.weight", "fc.bias",
                                         "--drop fc. leaves them out", NULL});
    expect_refused((const char *const[]){IMPORT_CHANGED, "--drop", "fc.", "--drop", "head.", NULL},
                   (const char *const[]){"--drop head.: no tensor's name begins so", NULL});
    expect_done((const char *const[]){IMPORT_CHANGED, "--drop", "fc.", NULL});
    export_run("other", "b.safetensors");
    expect_same_tensors("a.safetensors", "b.safetensors");
}

TEST(import, wants_a_run_and_a_file) {
    cr_assert_eq(call((const char *const[]){"import", "a.safetensors", NULL}), 2);
    expect_refused((const char *const[]){"import", "absent.safetensors", "--run", "run.yaml",
                                         "name=other", NULL},
                   (const char *const[]){"absent.safetensors", NULL});
}

/* Values of other types come in as the numbers that they are. */
TEST(import, takes_halves) {
    static const uint16_t bf16[] = {0x3f80, 0xc000}; /* 1, -2 */
    kd_error err = KD_ERROR_INIT;
    train_and_export("seed=1");
    safetensors *file = open_file("a.safetensors");
    safetensors_writer *w = safetensors_writer_create("changed.safetensors");
    for (int i = 0; i < safetensors_count(file); i++) {
        kd_spec spec = safetensors_at(file, i)->spec;
        const bool half = strcmp(safetensors_at(file, i)->name, "bn1.weight") == 0;
        spec.dtype = half ? KD_BF16 : spec.dtype;
        safetensors_declare(w, safetensors_at(file, i)->name, &spec);
    }
    cr_assert(safetensors_begin(w, &err), "%s", err.message);
    for (int i = 0; i < safetensors_count(file); i++) {
        const safetensor *t = safetensors_at(file, i);
        const bool half = strcmp(t->name, "bn1.weight") == 0;
        cr_assert(safetensors_write(w, i, half ? (const void *)bf16 : t->data,
                                    half ? sizeof bf16 : t->bytes, &err));
    }
    cr_assert(safetensors_commit(w, &err), "%s", err.message);
    safetensors_writer_destroy(w);
    safetensors_close(file);
    expect_done((const char *const[]){IMPORT_CHANGED, NULL});
    export_run("other", "b.safetensors");
    file = open_file("b.safetensors");
    const float *weight = safetensors_find(file, "bn1.weight")->data;
    cr_assert_eq(weight[0], 1);
    cr_assert_eq(weight[1], -2);
    safetensors_close(file);
}
