/* SPDX-License-Identifier: Apache-2.0
 * What the labels of an eval's data must be for it to measure anything. */
#ifndef CORE_TRAIN_EVAL_LABELS_H
#define CORE_TRAIN_EVAL_LABELS_H

#include "train/assembly.h"

/* The largest label, or -1: there are none. */
int32_t largest_label(const source *s);

/* Whether an eval is given the samples that have a label, alone: always, but for one that copes
 * with KD_EVAL_UNLABELLED and a set in which no sample has one. */
bool eval_takes_labelled(const eval_part *eval, const source *from);

/* fails at the place of the data in the configuration, or of the eval where it is the run's own */
bool eval_labels_check(const eval_part *eval, const eval_data *d, kd_error *err);

#endif
