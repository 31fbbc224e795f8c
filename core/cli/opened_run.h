/* SPDX-License-Identifier: Apache-2.0
 * A run's folder as commands take it up: what it was configured to, and one checkpoint's encoder.
 */
#ifndef CORE_CLI_OPENED_RUN_H
#define CORE_CLI_OPENED_RUN_H

#include "cli/cli.h"
#include "train/assembly.h"
#include "train/run_folder.h"

typedef struct opened_run {
    registry *plugins;
    run *run;
    run_folder folder;
    assembly assembly;
    int64_t step; /* of the checkpoint */
} opened_run;

/* --step, or STEP_NEWEST. fails with E_USAGE */
bool read_step(const command_line *in, int64_t *ret, kd_error *err);

/* The run in a folder, with in->keys over its configuration.
 *
 * folder lives as long as `in`
 * owns   opened_run_close, also after a failure */
bool opened_run_load(const command_line *in, const char *folder, opened_run *o, kd_error *err);

/* Puts it together, with a checkpoint's encoder, ready to run; from then on signals interrupt.
 *
 * extra, what  as assembly_open takes them */
bool opened_run_encoder(const command_line *in, opened_run *o, const data_part *extra,
                        unsigned what, kd_error *err);
void opened_run_close(opened_run *o);

#endif
