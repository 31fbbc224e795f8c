/* SPDX-License-Identifier: Apache-2.0
 * A method as a golden file of tests/golden/methods describes it, on a device of this build: its
 * graphs, its starting values, and what each step is given. The file's images, schedules and
 * further programs are those of tests/golden/methods/common.py. Mistakes end the test. */
#ifndef TESTS_METHOD_KIT_H
#define TESTS_METHOD_KIT_H

#include "built_plugins.h"
#include "golden_numbers.h"
#include "graph/internal.h"

enum { METHOD_VIEWS = 16, METHOD_PROGRAMS = 8 };

typedef struct method_kit {
    built b;
    safetensors *file;
    const char *name; /* of the file */
    int32_t real;
    golden_names parameters, states, programs;
    built_encoder encoder;
    const kd_method *table;
    const void *config;
    kd_view views[METHOD_VIEWS]; /* without images: sides and names */
    int size[METHOD_VIEWS], n_views, channels;
    int samples, total, classes, epoch_steps, total_steps, steps;
    /* Of each average, the name of what it follows; names are those of the arena. */
    struct {
        const char *name, *of;
    } follows[GOLDEN_NAMES];
    int n_follows;
    /* Set after opening, for steps that the file does not know: starting values are the engine's
     * draws, indices go in order, schedules are the host's. */
    bool fresh;
} method_kit;

/* device: "reference" or "cpu"; real: KD_F64 or KD_F32. */
void method_open(method_kit *k, const char *name, const char *device, int32_t real);
void method_close(method_kit *k);

/* A graph of the step; *ret_loss is its loss. Finds out what follows what. */
graph *method_graph(method_kit *k, kd_tensor **ret_loss);
optimizer method_optimizer(const method_kit *k);

/* A compiled step with its further programs. The starting values are the file's. */
typedef struct method_run {
    method_kit *kit;
    engine *engine;
    kd_program *step, *second, *further[METHOD_PROGRAMS];
} method_run;
/* Takes the graphs over; `second`, a variation of the step, may be NULL. */
method_run method_compile(method_kit *k, graph *g, graph *second);
void method_run_close(method_run *r);

/* Writes what step `step` is given, after the further programs that are due before it. */
void method_feed(method_run *r, int step);
/* The same for the second program, without the further ones. */
void method_feed_second(method_run *r, int step);
/* Writes images of one value in place of the step's. */
void method_even_images(method_run *r);
/* Runs a program and returns its output "loss". */
double method_loss(const method_run *r, kd_program *p);

#endif
