/* SPDX-License-Identifier: Apache-2.0
 * What the tests of dataset plugins share: opening one of this build, or being refused. */
#ifndef TESTS_DATASET_KIT_H
#define TESTS_DATASET_KIT_H

#include "data_kit.h"

/* A plugin with options, opened. */
typedef struct opened {
    kit_plugin plugin;
    kd_set *set;
} opened;

opened open_set(kit *k, const char *id, const char *yaml);
void close_set(opened *o);

/* The message and the hint must hold these parts. */
void expect_refused(kit *k, const char *id, const char *yaml, const char *message,
                    const char *hint);

/* "{path: PATH, ...}"; `more` begins with a comma. */
const char *options(kit *k, const char *path, const char *more);

#endif
