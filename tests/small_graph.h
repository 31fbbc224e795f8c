/* SPDX-License-Identifier: Apache-2.0
 * A small encoder with everything that a ResNet has, for tests of the graph and of the engine. */
#ifndef TESTS_SMALL_GRAPH_H
#define TESTS_SMALL_GRAPH_H

#include "graph/engine.h"

#include <kindred/layers.h>

#define SMALL_ROWS 8
#define SMALL_PIXELS (SMALL_ROWS * 8 * 8 * 3)

/* conv, norm, relu, pool, one residual block, mean pool, linear, cross-entropy against the row's
 * own number, on an input "x" [8, 8, 8, 3]. returns the loss []. */
kd_tensor *small_loss(graph *g);

/* An engine that trains it, allocated, with "x" written. Ends the test on failure. */
engine *small_engine(const kd_device_plugin *table, kd_device *device, const graph_options *options,
                     kd_program **ret);

/* Runs one step with learning rate 0.1; returns the loss. */
double small_step(kd_program *p);

#endif
