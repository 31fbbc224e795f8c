/* SPDX-License-Identifier: Apache-2.0
 * The graphs of a run that do not depend on any plugin: which image a view is of, and the type that
 * features leave in. */
#include "train/programs.h"

#include <kindred/layers.h>

#include "leaks.h"

TEST(programs, views_of_all_entries_take_turns) {
    for (int i = 0; i < 4; i++) {
        const recipe_view alone = {.side = i, .image = -1, .augment = {.view = i}};
        const recipe_view fixed = {.side = i, .image = 1, .augment = {.view = i}};
        cr_expect_eq(view_image(&alone, 2), i % 2);
        cr_expect_eq(view_image(&alone, 1), 0);
        cr_expect_eq(view_image(&fixed, 2), 1);
        cr_expect_eq(view_image(&fixed, 1), 0);
    }
}

/* A backbone that ends in a layer, which computes in bf16 when the run does. */
static void build_last_layer(const void *options, kd_scope s, kd_tensor *images, bool train,
                             kd_features *ret) {
    (void)options, (void)train;
    kd_tensor *x = KD_RESHAPE(images, kd_dim(images, 0), 8 * 8 * 3);
    ret->pooled = kd_linear(s, "fc", x, (kd_dense){.width = 5});
}

TEST(programs, features_are_real_whatever_layers_compute_in) {
    const kd_backbone backbone = {.size = sizeof backbone, .build = build_last_layer};
    const encoder e = encoder_of(&backbone, NULL);
    const kd_augment like = {.size = 8, .channels = 3, .n_ops = 1, .op = {KD_AUGMENT_RESIZE}};
    const kd_augment view = feature_view(&like, 8);
    const feature_graph f = {.encoder = &e, .augment = &view, .batch = 4, .pixel_bytes = 1024};
    const graph_options how = {.compute = KD_BF16};
    graph *g = graph_create(&how);
    const kd_spec out = kd_spec_of(build_features(g, &f));
    kd_error err = KD_ERROR_INIT;
    cr_assert(graph_check(g, &err), "%s", err.message);
    cr_assert_eq(out.dtype, KD_F32);
    cr_assert_eq(out.dim[1], 5);
    graph_destroy(g);
}
