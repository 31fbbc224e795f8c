/* SPDX-License-Identifier: Apache-2.0
 * The named recipes of augmentation, as data. */
#ifndef CORE_TRAIN_RECIPE_NAMED_H
#define CORE_TRAIN_RECIPE_NAMED_H

#include <kindred/augment.h>

typedef struct recipe_step {
    int code; /* KD_AUGMENT_; RECIPE_END ends a list */
    double arg[KD_AUGMENT_ARGS];
} recipe_step;
#define RECIPE_END (-1)

typedef struct recipe_statistics {
    const char *name;
    double mean[3], std[3];
} recipe_statistics;

typedef struct named_recipe {
    const char *name;
    const char *source;    /* what it is and where it is from */
    const char *normalize; /* store, none, or the name of a row of recipe_statistics_at */
    int lists;             /* view i takes list i modulo this */
    const recipe_step *list[2];
} named_recipe;

/* NULL behind the last. */
const named_recipe *named_recipe_at(int i);
const named_recipe *find_named_recipe(const char *name);

/* Means and deviations of a published set, in [0, 1]; NULL behind the last. */
const recipe_statistics *recipe_statistics_at(int i);

#endif
