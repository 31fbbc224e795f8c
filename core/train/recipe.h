/* SPDX-License-Identifier: Apache-2.0
 * Recipes of augmentation: from `views:` of the YAML to one list of ops a view.
 *
 *     views:
 *       - {recipe: dino_global, size: 64, count: 2}
 *       - {recipe: dino_local, size: 32, count: 4, normalize: store}
 *       - size: 64
 *         ops:
 *           - random_resized_crop: {scale: [0.2, 1], interpolation: bicubic}
 *           - flip: 0.5
 *           - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}
 *           - grayscale: 0.2
 *         normalize: {mean: [0.5], std: [0.25]}
 *
 * docs/augmentation.md lists the recipes and the ops with their options. */
#ifndef CORE_TRAIN_RECIPE_H
#define CORE_TRAIN_RECIPE_H

#include "config/config.h"

#include <kindred/augment.h>

/* One view of every sample. */
typedef struct recipe_view {
    const char *recipe; /* its name as configured; "ops" for a free list */
    int side;           /* which entry of `views:` it comes from */
    int image;          /* which image of the sample it is cut from; -1: by turns (the view's index
                         * in the whole list, modulo the images of the sample) */
    int number;         /* in its entry, from 0 */
    kd_augment augment; /* augment.view is the view's index in the whole list */
} recipe_view;

typedef struct recipe_views {
    int count;
    recipe_view *view; /* [count], in the order of the YAML */
} recipe_views;

/* What the pixels are, for `channels` and `normalize: store`. */
typedef struct recipe_source {
    int channels;           /* 1 or 3 */
    double mean[3], std[3]; /* of the packed store, in [0, 1]; of one channel: the first */
} recipe_source;

/* fails, naming place and key, on whatever the options do not allow.
 *
 * views  the list `views:`
 * a      gets all that *ret points to */
bool recipe_parse(const config_node *views, const recipe_source *source, arena *a,
                  recipe_views *ret, kd_error *err);

/* The list of a named recipe for its `number`-th view (asymmetric ones differ), as `recipe_parse`
 * makes it: for evals, which have no `views:`. normalize as in the YAML; NULL: the recipe's own.
 * fails on an unknown name. */
bool recipe_named(const char *name, int number, int size, const char *normalize,
                  const recipe_source *source, kd_augment *ret, kd_error *err);

/* The view as YAML on one line, "ops: [...], normalize: {...}": in an entry of `views:` in place of
 * `recipe`, it reads back to the same list. The arena gets it. */
const char *recipe_describe(const kd_augment *augment, arena *a);

/* The i-th named recipe: its name, what it is and where it is from. NULL at the end. */
const char *recipe_at(int i, const char **ret_source);

/* The options of an entry of `views:` beside ops and normalize, and of `normalize:` as a map. */
const option *recipe_entry_options(int *ret_count);
const option *recipe_statistics_options(int *ret_count);

/* Emits the op: pixels u8 [bytes], rows i64 [n, 4], key i64 [2] -> real [n, size, size, channels],
 * see kindred/augment.h. */
kd_tensor *recipe_emit(const kd_augment *augment, kd_tensor *pixels, kd_tensor *rows,
                       kd_tensor *key);

#endif
