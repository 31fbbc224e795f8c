/* SPDX-License-Identifier: Apache-2.0
 * Copies of an encoder that evals train: the host's side of kd_learners. Each has an engine of its
 * own beside the run's, for an engine trains one program. */
#ifndef CORE_TRAIN_LEARNER_H
#define CORE_TRAIN_LEARNER_H

#include "train/image_batch.h"

#include <kindred/eval.h>

/* A set that an eval's rows are of. */
typedef struct learner_set {
    const source *from;
    int64_t rows;
    const int64_t *position; /* [rows] of each row in the set's list of samples */
} learner_set;

/* Where learners live, and what they learn from; outlives them. */
typedef struct learner_host {
    const kd_device_plugin *table;
    kd_device *device;
    graph_options graph; /* of the run */
    const kd_encoder *encoder;
    engine *from;       /* whose variables the copy begins with; NULL: initial values */
    learner_set set[2]; /* by KD_OF_; from NULL: the eval has none */
    uint64_t seed;
    bool rehearsed; /* learners have a size, and compute nothing */
    /* Before every step and batch of predictions: false, with an error, ends it. */
    bool (*go_on)(void *context, const char *doing, kd_error *err);
    void *context;
} learner_host;

/* owns: learner_destroy. fails when the spec cannot be, or device memory runs out */
bool learner_create(const learner_host *host, const kd_learner_spec *spec, void *context,
                    kd_learner **ret, kd_error *err);
void learner_destroy(kd_learner *l);

/* What an eval is given. `open` and `close` call the two above, and know which learners are open.
 * In a rehearsal predictions are zeros. */
kd_learners learner_slots(const kd_augment *view,
                          bool (*open)(const kd_eval_input *in, const kd_learner_spec *spec,
                                       void *context, kd_learner **ret, kd_error *err),
                          void (*close)(const kd_eval_input *in, kd_learner *l));

/* Bytes of device memory that it takes, or would, and of host memory for a moment as it begins. */
void learner_memory(const kd_learner *l, program_memory *ret);

#endif
