/* SPDX-License-Identifier: Apache-2.0
 * What a run will need, before it runs. */
#ifndef CORE_TRAIN_PLAN_H
#define CORE_TRAIN_PLAN_H

#include "train/assembly.h"

typedef struct run_plan {
    engine_plan memory;
    program_cost step;
    int64_t samples, epoch_steps, total_steps;
    size_t process_bytes;     /* anonymous memory of the process as it stands, device open */
    size_t host_bytes;        /* what the host adds while it trains, */
    size_t checkpoint_bytes;  /* keeps for checkpoints, */
    size_t device_own_bytes;  /* of device memory, of the device's libraries and tables; */
    size_t image_bytes;       /* of images in device memory, */
    size_t pinned_bytes;      /* or in host memory that the device reads, */
    size_t eval_host_bytes;   /* and while the evals measure, */
    size_t eval_device_bytes; /* with programs that take device memory of their own; */
    size_t eval_both_bytes;   /* the most of both at one time */
    size_t peak_bytes;        /* of anonymous memory, predicted; mapped files are not in it */
    kd_error early; /* why an eval stopped before its end without images; code 0: none did */
} run_plan;

/* Runs the evals on features that are all zero, by programs that compute nothing: see rehearsal.h.
 *
 * a  with ASSEMBLE_STEP | ASSEMBLE_EVALS and no memory; only good for plan_print and closing after
 * fails when address space runs out */
bool plan_run(assembly *a, run_plan *ret, kd_error *err);
/* An object: run, device, precision, samples, epoch_steps, total_steps, batch, views, parameters,
 * flops (of a step), device_bytes, peak_bytes. */
void plan_print_json(const assembly *a, const run_plan *plan, FILE *to);
void plan_print(const assembly *a, const run_plan *plan, FILE *to);

#endif
