/* SPDX-License-Identifier: Apache-2.0
 * Between the files that make samples: pairs on their way to an arm. */
#ifndef CORE_DATA_PAIRS_ARM_H
#define CORE_DATA_PAIRS_ARM_H

#include "data/pairs.h"

typedef struct pair {
    int32_t image[2]; /* the store's */
    int32_t class[2]; /* of each image; -1: none */
    int32_t label;    /* of the pair; -1: none */
    int64_t source;   /* as that of samples */
    int64_t line;     /* of a manifest; 0: of none */
} pair;

/* Pairs as an arm has them. `what` names their source in messages. */
bool arm_apply(const pair *pairs, int64_t count, int arm, uint64_t seed, const char *what,
               samples *ret, kd_error *err);

/* Room for so many samples, and none in it. */
void samples_make(samples *list, int64_t count, int32_t n_images);

#endif
