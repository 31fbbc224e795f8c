/* SPDX-License-Identifier: Apache-2.0
 * For tests of what stands for other ops: devices that do without, and what a program became. */
#ifndef TESTS_LOWER_KIT_H
#define TESTS_LOWER_KIT_H

#include "graph/engine.h"
#include "harness.h"

/* The device's table without kernels for those ops, until the next call. */
const kd_device_plugin *device_without(const check_device *d, const char *const *ops, int count);

bool is_listed(const char *op, const char *const *ops, int count);

/* How often a word is in a text. */
int count_word(const char *text, const char *word);

/* The graph as the only program of an engine. Ends the test on failure. */
kd_program *compile_alone(engine *e, graph *g);

#endif
