/* SPDX-License-Identifier: Apache-2.0
 * A run put together: plugins loaded, device open, data mapped, programs compiled. */
#ifndef CORE_TRAIN_ASSEMBLY_H
#define CORE_TRAIN_ASSEMBLY_H

#include "plugin/registry.h"
#include "train/image_batch.h"
#include "train/images.h"
#include "train/machine.h"
#include "train/pixels.h"
#include "train/programs.h"

#include <kindred/eval.h>

#define ASSEMBLE_STEP 1u   /* the training step */
#define ASSEMBLE_EVALS 2u  /* the evals' data, and what untrained encoders and pixels need */
#define ASSEMBLE_MEMORY 4u /* everything allocated and initialised: ready to run */

/* A program that turns images into features, and the memory that its batches pass through. */
typedef struct feature_program {
    kd_program *program;
    kd_augment view;
    int64_t width;
    image_batch images;
    void *values; /* real [images.count, width] */
    bool f64;
} feature_program;

typedef struct eval_data {
    source *train, *test;
} eval_data;

struct assembly {
    run *run;
    registry *plugins;
    progress progress;
    arena memory;
    image_sets images;
    machine machine;
    source *data;
    const data_part *extra; /* more data to take features of; NULL: none */
    source *extra_data;
    recipe_views views;
    encoder encoder;
    const kd_method *method;
    eval_data *eval_data; /* [run->n_evals] */
    op_set *ops;          /* that plugins bring */
    engine *engine;
    kd_program *step;
    bool reports_copied; /* the step's reports are, while it goes on */
    uint32_t n_further;
    kd_program **further;             /* [n_further] the method's own programs */
    feature_program features, pixels; /* of the encoder, and of the view itself */
    pixel_memory pixel_memory;
    const char *identity; /* of the data */
};

/* what  ASSEMBLE_ flags
 * r     stays the caller's, and outlives the assembly, as `plugins` does
 * extra as in assembly; NULL: none
 * owns  assembly_close, also after a failure
 * fails with what is wrong in the run as a whole, before anything large is allocated */
bool assembly_open(assembly *a, run *r, registry *plugins, const data_part *extra, unsigned what,
                   kd_error *err);
void assembly_close(assembly *a);

/* The i-th further program of the run's method. */
const kd_method_program *assembly_method_program(const assembly *a, uint32_t i);

/* True when some eval compares with the untrained encoder and with pixels. */
bool assembly_compares(const assembly *a);

#endif
