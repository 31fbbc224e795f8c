/* SPDX-License-Identifier: Apache-2.0
 * What a run will need, before it runs. */
#ifndef CORE_TRAIN_PLAN_H
#define CORE_TRAIN_PLAN_H

#include "train/assembly.h"

typedef struct run_plan {
    engine_plan memory;
    program_cost step;
    int64_t samples, epoch_steps, total_steps;
    size_t process_bytes;    /* anonymous memory of the process as it stands, device open */
    size_t host_bytes;       /* what the host adds while it trains, */
    size_t checkpoint_bytes; /* while it writes a checkpoint, */
    size_t feature_bytes;    /* and while the evals measure */
    size_t peak_bytes;       /* of anonymous memory, predicted; mapped files are not in it */
} run_plan;

/* a: with ASSEMBLE_STEP | ASSEMBLE_EVALS and no memory. */
void plan_run(const assembly *a, run_plan *ret);
void plan_print(const assembly *a, const run_plan *plan, FILE *to);

#endif
