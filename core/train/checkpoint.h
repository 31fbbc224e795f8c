/* SPDX-License-Identifier: Apache-2.0
 * Checkpoints: every variable of an engine under checkpoints/step-N/, whole or not there at all.
 *
 * step-N/state.safetensors  all variables by name; the metadata says what they belong to
 * step-N/SHA256SUMS         of it, so that `sha256sum -c` and a resumed run know a damaged one
 * best.json                 which step is the best so far, and by what
 *
 * Invariants: a folder step-N is complete or does not exist; the newest complete one and the best
 * are never removed; a checkpoint is removed only after a newer one is durable. */
#ifndef CORE_TRAIN_CHECKPOINT_H
#define CORE_TRAIN_CHECKPOINT_H

#include "base/safetensors.h"
#include "graph/engine.h"

/* What a checkpoint says of itself; every text lives with whoever filled it. */
typedef struct checkpoint_info {
    int64_t step;
    const char *device; /* kd_device_plugin.describe's text: the same device gives the same bits */
    const char *data;   /* what identifies the samples */
} checkpoint_info;

/* Writes folder/step-N, then removes all but the newest `keep` and the best.
 *
 * fails with KD_E_DATA, leaving all as it was, when a variable is not finite: no run could go on */
bool checkpoint_save(const char *folder, engine *e, const checkpoint_info *info, int keep,
                     kd_error *err);

/* Writes checkpoints while steps go on, by a thread, one after the other in their order. The engine
 * keeps copies (engine_keep_copies).
 *
 * saved   step of the newest checkpoint there is; -1: none
 * folder  lives as long as the writer
 * owns    checkpoint_writer_destroy, which waits for what is under way */
typedef struct checkpoint_writer checkpoint_writer;
checkpoint_writer *checkpoint_writer_create(const char *folder, engine *e, int keep, int64_t saved,
                                            kd_error *err);
void checkpoint_writer_destroy(checkpoint_writer *w);

/* Copies the variables as they are after all steps so far, and has the copy written as
 * checkpoint_save does. Waits while an earlier one is being written. fails with its failure. */
bool checkpoint_writer_save(checkpoint_writer *w, const checkpoint_info *info, kd_error *err);

/* Fails with the failure of a checkpoint, each told once: at once, or when all are durable. */
bool checkpoint_writer_check(checkpoint_writer *w, kd_error *err);
bool checkpoint_writer_wait(checkpoint_writer *w, kd_error *err);

/* The step of the newest checkpoint that is durable; -1: none. */
int64_t checkpoint_writer_saved(checkpoint_writer *w);

/* Loads the newest checkpoint that is whole into the engine. What is damaged is warned about and
 * passed over, and so is what a killed process left behind.
 *
 * want        its device and data are compared: another device is warned about, since bits may
 *             differ from here on; other data is an error
 * ret_step    -1 when there is none
 * fails       when all that there are are damaged, or the newest is of another model */
bool checkpoint_resume(const char *folder, engine *e, const checkpoint_info *want,
                       int64_t *ret_step, kd_error *err);

/* Opens the state of the checkpoint `step` (-1: the newest whole one). owns: safetensors_close */
bool checkpoint_open(const char *folder, int64_t step, safetensors **ret, int64_t *ret_step,
                     kd_error *err);

/* Reads the parameters and states under "encoder." of a checkpoint into an engine that may have
 * nothing else. */
bool checkpoint_load_encoder(const char *folder, int64_t step, engine *e, int64_t *ret_step,
                             kd_error *err);

/* Notes that the checkpoint of `step` is the best so far when `value` is larger than the one noted,
 * which is then removed unless it is among the newest `keep`. */
bool checkpoint_note_best(const char *folder, int64_t step, const char *eval, double value,
                          int keep, kd_error *err);

/* Steps of the checkpoints there are, ascending, whole or not; the caller frees. */
int checkpoint_list(const char *folder, int64_t **ret);

/* The path of a checkpoint's folder, in `ret`. */
void checkpoint_path(const char *folder, int64_t step, char *ret, size_t bytes);

#endif
