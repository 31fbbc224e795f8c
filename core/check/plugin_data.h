/* SPDX-License-Identifier: Apache-2.0
 * A dataset, an eval or a device that is checked, as rules call it. */
#ifndef CORE_CHECK_PLUGIN_DATA_H
#define CORE_CHECK_PLUGIN_DATA_H

#include "check/plugin_kit.h"

#include <kindred/dataset.h>

/* Opens a dataset with its defaults. false: the rule is skipped where an option has no default, and
 * has failed otherwise. */
bool open_dataset(plugin_kit *k, plugin_case *c, kd_set **ret);

/* An option without a default, NULL: none. */
const char *required_option(const plugin *p);

/* Features of five classes that an eval is given. */
enum { FEATURE_ROWS = 300, FEATURE_TESTS = 200, FEATURE_WIDTH = 10, FEATURE_CLASSES = 5 };
typedef struct feature_rows {
    float train[FEATURE_ROWS * FEATURE_WIDTH], test[FEATURE_TESTS * FEATURE_WIDTH];
    int32_t train_label[FEATURE_ROWS], test_label[FEATURE_TESTS];
    /* As kd_variants has them: rows of one class as variants of another one. */
    int64_t base[FEATURE_TESTS];
    int32_t factor[FEATURE_TESTS];
} feature_rows;

/* signal 1: the class stands in the features; 0: nothing but noise. */
void features_make(feature_rows *f, double signal, uint64_t seed);
void features_reverse(feature_rows *f);

/* Runs the eval; its programs run on the reference device in f32. `in_size`: how many bytes of
 * kd_eval_input it is told of, which end where memory ends. */
bool bench_eval(plugin_kit *k, const feature_rows *f, size_t in_size, kd_eval_output *ret,
                kd_error *err);

#endif
