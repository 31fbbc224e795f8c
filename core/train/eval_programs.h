/* SPDX-License-Identifier: Apache-2.0
 * The programs that an eval asks for, on the run's engine. */
#ifndef CORE_TRAIN_EVAL_PROGRAMS_H
#define CORE_TRAIN_EVAL_PROGRAMS_H

#include "train/assembly.h"

/* Runs one eval, and closes what it left open.
 *
 * in    what evals are given, without the functions
 * fails as the eval does; with KD_E_CANCELLED when the user interrupts */
bool eval_run(const assembly *a, const eval_part *eval, const kd_eval_input *in,
              kd_eval_output *out, kd_error *err);

/* KD_EVAL_ flags of an eval whose plugin is loaded. */
uint32_t eval_flags(const eval_part *eval);

/* Compiles the program that `build` describes. owns: program_close */
bool eval_compile(const assembly *a, const char *name, void (*build)(void *context, kd_scope s),
                  void *context, kd_program **ret, kd_error *err);

#endif
