/* SPDX-License-Identifier: Apache-2.0
 * The programs that an eval asks for, on the run's engine, and its learners. */
#ifndef CORE_TRAIN_EVAL_PROGRAMS_H
#define CORE_TRAIN_EVAL_PROGRAMS_H

#include "train/assembly.h"
#include "train/learner.h"

/* What an eval is given. */
typedef struct eval_input {
    kd_eval_input in;   /* without the functions */
    learner_set set[2]; /* the same sets, by KD_OF_ */
} eval_input;

/* Runs one eval, and closes what it left open.
 *
 * fails as the eval does; with KD_E_CANCELLED when the user interrupts */
bool eval_run(assembly *a, const eval_part *eval, const eval_input *input, kd_eval_output *out,
              kd_error *err);

/* KD_EVAL_ flags of an eval whose plugin is loaded. */
uint32_t eval_flags(const eval_part *eval);

/* False: it measures encoders, and has no use for pixels in place of features. */
bool eval_takes_pixels(const eval_part *eval);

/* Where the learners of an eval live, but for go_on; rehearsed or not. */
learner_host eval_learner_host(const assembly *a, const eval_input *input);

/* Compiles the program that `build` describes. owns: program_close */
bool eval_compile(const assembly *a, const char *name, void (*build)(void *context, kd_scope s),
                  void *context, kd_program **ret, kd_error *err);

#endif
