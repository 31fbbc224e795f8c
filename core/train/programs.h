/* SPDX-License-Identifier: Apache-2.0
 * The graphs of a run: the training step, and the features of a frozen encoder. */
#ifndef CORE_TRAIN_PROGRAMS_H
#define CORE_TRAIN_PROGRAMS_H

#include "graph/graph.h"
#include "train/probe.h"
#include "train/recipe.h"

#include <kindred/method.h>

/* A backbone with its options. */
typedef struct encoder {
    kd_encoder base; /* first, since methods hand it back */
    const kd_backbone *backbone;
    const void *config;
} encoder;
encoder encoder_of(const kd_backbone *backbone, const void *config);

typedef struct train_graph {
    const encoder *encoder;
    const kd_method *method;
    const void *method_config;
    const recipe_views *views;
    const optimizer *optimizer;
    int64_t batch, samples;
    int32_t images;      /* of every sample: 1 or 2 */
    int64_t pixel_bytes; /* of the store */
    bool labels;         /* the set has some */
    int64_t epoch_steps, total_steps;
    online_probe probe; /* of sets with labels */
} train_graph;

/* The step: augment, method, gradients, update.
 *
 * inputs   pixels u8 [pixel_bytes], key i64 [2] (seed, epoch), rows.N i64 [batch, 4] for image N of
 *          each sample, indices i32 [batch] (the samples), labels i32 [batch] where the set has
 * some, hyper (see graph_minimize), step_key where something is drawn, scheduled scalars outputs
 * loss; the method's reports */
void build_train(graph *g, const train_graph *t);

/* What a step reports stays on the device for some steps, so that a device need not stop after each
 * for the host to read it: a state real [REPORT_RING, 1 + reports], whose row `slot` (an input i32
 * [1]) holds the loss and the reports of a step, in their order. */
#define REPORT_RING 64
#define REPORT_RING_NAME "reports.ring"
#define REPORT_SLOT_NAME "reports.slot"

/* One of the method's further programs, with the inputs of the step where it goes over samples. */
void build_method_program(graph *g, const train_graph *t, const kd_method_program *program);

/* Which image of the sample a view is cut from: the views of the whole list take turns, so that two
 * entries of one view each see both images of a pair. */
int32_t view_image(const recipe_view *view, int32_t images);

typedef struct feature_graph {
    const encoder *encoder; /* NULL: the features are the pixels of the view themselves */
    const kd_augment *augment;
    int64_t batch, pixel_bytes;
} feature_graph;

/* Frozen features, in eval mode.
 *
 * inputs   pixels u8 [pixel_bytes] (the batch's images one after another), rows i64 [batch, 4],
 *          key i64 [2]
 * outputs  features real [batch, width], which is returned too */
kd_tensor *build_features(graph *g, const feature_graph *f);

/* The view that features are taken of: the short side brought to `size`, the centre cut, normalised
 * as `like` is. */
kd_augment feature_view(const kd_augment *like, int32_t size);

#endif
