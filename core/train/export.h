/* SPDX-License-Identifier: Apache-2.0
 * What leaves a run: encoders that open in PyTorch, and features of images. */
#ifndef CORE_TRAIN_EXPORT_H
#define CORE_TRAIN_EXPORT_H

#include "train/extraction.h"
#include "train/run_folder.h"

#define STEP_NEWEST (-1)

/* Writes the encoder of a checkpoint as safetensors with torchvision's names and layouts: the
 * prefix "encoder." gone, convolutions [o, i, kh, kw], a num_batches_tracked beside each
 * running_mean, all f32. The metadata holds the run's configuration and environment.
 *
 * step      STEP_NEWEST, or that of a checkpoint
 * ret_step  the one exported */
bool export_encoder(const run_folder *from, int64_t step, const char *to, int64_t *ret_step,
                    kd_error *err);

/* Writes features of all samples of the assembly's extra data: `features` f32 [n, width], `label`
 * i32 [n] (-1: none) and `index` i64 [n], the sample's index in its dataset. */
bool export_features(assembly *a, int64_t step, const char *to, int64_t *ret_rows, kd_error *err);

#endif
