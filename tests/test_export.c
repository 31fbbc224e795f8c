/* SPDX-License-Identifier: Apache-2.0
 * What leaves a run: names and layouts of an exported encoder, and features of images. */
#include "run_kit.h"

#include "base/file.h"
#include "base/safetensors.h"
#include "train/checkpoint.h"
#include "train/export.h"

#include "leaks.h"

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(export, .init = open_kit, .fini = close_kit);

static void train_small(const char *precision) {
    kd_error err = KD_ERROR_INIT;
    int outcome = -1;
    const char *const overrides[] = {"train.epochs=1", precision, NULL};
    cr_assert(kit_train(&kit, FOLDER_NEW, overrides, &outcome, &err), "%s", err.message);
}

static safetensors *open_file(const char *path) {
    kd_error err = KD_ERROR_INIT;
    safetensors *file = safetensors_open(path, &err);
    cr_assert(file != NULL, "%s", err.message);
    return file;
}

static const safetensor *need(const safetensors *file, const char *name, const kd_spec *spec) {
    kd_error err = KD_ERROR_INIT;
    const safetensor *t = safetensors_need(file, name, spec, &err);
    cr_assert(t != NULL, "%s", err.message);
    return t;
}

static void expect_export(void) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const run_folder folder = run_folder_of(&a, "runs", "small");
    int64_t step = 0;
    cr_assert(export_encoder(&folder, STEP_NEWEST, "encoder.safetensors", &step, &err), "%s",
              err.message);
    cr_assert_eq(step, 8);
    arena_free(&a);
}

TEST(export, convolutions_get_the_layout_of_pytorch) {
    train_small("precision=f32");
    expect_export();
    safetensors *state = open_file("runs/small/checkpoints/step-8/state.safetensors");
    safetensors *file = open_file("encoder.safetensors");
    const kd_spec ours = {.dtype = KD_F32, .rank = 4, .dim = {2, 3, 3, 3}};
    const float *from = need(state, "encoder.conv1.weight", &ours)->data;
    const float *to = need(file, "conv1.weight", &ours)->data;
    for (int o = 0; o < 2; o++) {
        for (int y = 0; y < 3; y++) {
            for (int x = 0; x < 3; x++) {
                for (int i = 0; i < 3; i++) {
                    cr_assert_eq(to[((o * 3 + i) * 3 + y) * 3 + x],
                                 from[((o * 3 + y) * 3 + x) * 3 + i]);
                }
            }
        }
    }
    safetensors_close(file);
    safetensors_close(state);
}

TEST(export, holds_the_encoder_alone_with_torchvisions_names) {
    train_small("precision=f32");
    expect_export();
    safetensors *file = open_file("encoder.safetensors");
    /* ResNet-18 has 20 convolutions and 20 norms of five tensors; its fc is Identity. */
    cr_assert_eq(safetensors_count(file), 20 + 20 * 5);
    for (int i = 0; i < safetensors_count(file); i++) {
        const char *name = safetensors_at(file, i)->name;
        cr_assert(!strstr(name, "encoder") && !strstr(name, "optimizer"), "%s", name);
    }
    const kd_spec counter = {.dtype = KD_I64}, mean = {.dtype = KD_F32, .rank = 1, .dim = {2}};
    cr_assert_eq(*(const int64_t *)need(file, "bn1.num_batches_tracked", &counter)->data, 8);
    need(file, "layer1.0.bn2.running_mean", &mean);
    need(file, "layer2.0.downsample.0.weight", NULL);
    cr_assert_str_eq(safetensors_metadata(file, "step"), "8");
    cr_assert(strstr(safetensors_metadata(file, "config"), "plugin: resnet"));
    safetensors_close(file);
}

TEST(export, doubles_become_floats) {
    train_small("precision=f64");
    expect_export();
    safetensors *state = open_file("runs/small/checkpoints/step-8/state.safetensors");
    safetensors *file = open_file("encoder.safetensors");
    const double *from = need(state, "encoder.bn1.running_var", NULL)->data;
    const float *to =
        need(file, "bn1.running_var", &(kd_spec){.dtype = KD_F32, .rank = 1, .dim = {2}})->data;
    cr_assert_eq(to[0], (float)from[0]);
    safetensors_close(file);
    safetensors_close(state);
}

TEST(export, a_run_without_checkpoints_is_an_error) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    int64_t step = 0;
    const run_folder folder = run_folder_of(&a, "runs", "absent");
    cr_assert(!export_encoder(&folder, STEP_NEWEST, "encoder.safetensors", &step, &err));
    cr_assert(strstr(err.message, "runs/absent"), "%s", err.message);
    cr_assert(!file_exists("encoder.safetensors"));
    arena_free(&a);
}

static void embed(const char *to, int64_t *ret_rows) {
    const char *const keys[] = {"plugin=synthetic", "kinds=4", "count=21", "size=20"};
    kd_error err = KD_ERROR_INIT;
    run *r = NULL;
    data_part data;
    assembly a;
    int64_t step = 0;
    cr_assert(run_load(kit.plugins, "runs/small/config.yaml", NULL, 0, &r, &err), "%s",
              err.message);
    cr_assert(run_load_data(r, kit.plugins, keys, 4, &data, &err), "%s", err.message);
    cr_assert(assembly_open(&a, r, kit.plugins, &data, ASSEMBLE_MEMORY, &err), "%s", err.message);
    cr_assert(checkpoint_load_encoder("runs/small/checkpoints", -1, a.engine, &step, &err), "%s",
              err.message);
    cr_assert(export_features(&a, step, to, ret_rows, &err), "%s", err.message);
    assembly_close(&a);
    run_destroy(r);
}

TEST(export, features_have_labels_and_indices_and_repeat) {
    int64_t rows = 0;
    train_small("precision=f32");
    embed("a.safetensors", &rows);
    embed("b.safetensors", &rows);
    cr_assert_eq(rows, 21);
    safetensors *a = open_file("a.safetensors"), *b = open_file("b.safetensors");
    const kd_spec matrix = {.dtype = KD_F32, .rank = 2, .dim = {21, 16}};
    const safetensor *x = need(a, "features", &matrix), *y = need(b, "features", &matrix);
    cr_assert_eq(memcmp(x->data, y->data, x->bytes), 0);
    const float *first = x->data;
    cr_assert_neq(memcmp(first, first + 16, 16 * sizeof *first), 0, "two images, one feature");
    const kd_spec labels = {.dtype = KD_I32, .rank = 1, .dim = {21}};
    const kd_spec indices = {.dtype = KD_I64, .rank = 1, .dim = {21}};
    const int32_t *label = need(a, "label", &labels)->data;
    const int64_t *index = need(a, "index", &indices)->data;
    for (int i = 0; i < 21; i++) {
        cr_assert(label[i] >= 0 && label[i] < 4);
        cr_assert_eq(index[i], i);
    }
    safetensors_close(a);
    safetensors_close(b);
}
