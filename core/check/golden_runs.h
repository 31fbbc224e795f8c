/* SPDX-License-Identifier: Apache-2.0
 * Small fixed trainings on a device and on the reference device, whose losses must go the same way:
 * images, augmentation, encoder, loss, gradients and optimizer together. */
#ifndef CORE_CHECK_GOLDEN_RUNS_H
#define CORE_CHECK_GOLDEN_RUNS_H

#include "check/opened.h"

#define GOLDEN_STEPS 20
#define GOLDEN_RUNS_TOLERANCE 1e-4 /* of a loss, relative to the reference device's, in f32 */

typedef struct golden_run {
    const char *name; /* "simclr, resnet" */
    const char *yaml;
} golden_run;

/* Ends in a name of NULL. */
extern const golden_run golden_runs[];

typedef struct golden_curves {
    int steps;
    double got[GOLDEN_STEPS], want[GOLDEN_STEPS];
    double error; /* the largest relative difference, */
    int worst;    /* and its step, from 1 */
} golden_curves;

/* Trains `steps` (at most GOLDEN_STEPS) on both, in a temporary folder that is removed, with the
 * data, backbone and method plugins of the registry.
 *
 * fails  when a run does not come to its end; with KD_E_CANCELLED when it is interrupted */
bool golden_run_compare(const golden_run *r, registry *plugins, const device_choice *device,
                        int steps, golden_curves *ret, kd_error *err);

#endif
