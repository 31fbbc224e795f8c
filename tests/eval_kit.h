/* SPDX-License-Identifier: Apache-2.0
 * What the tests of evals share: sets of features that are easy or hard to tell apart, and runs on
 * the reference device. Mistakes end the test. */
#ifndef TESTS_EVAL_KIT_H
#define TESTS_EVAL_KIT_H

#include "built_plugins.h"

/* Features and labels that are nothing but a function of the seed: class centres plus noise. */
typedef struct set {
    float *features;
    int32_t *labels;
    kd_feature_set set;
} set;

set set_create(int64_t rows, int64_t width, int32_t classes, double noise, uint64_t seed);
void set_destroy(set *s);

kd_eval_output eval_measure(const built_eval *e);
/* Why it refuses. */
kd_error eval_refusal(const built_eval *e);

#endif
