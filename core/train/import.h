/* SPDX-License-Identifier: Apache-2.0
 * What enters a run: published weights, the inverse of export.h. */
#ifndef CORE_TRAIN_IMPORT_H
#define CORE_TRAIN_IMPORT_H

#include "graph/engine.h"

/* Writes a file of torchvision's or timm's names and layouts into the engine's encoder, and into
 * the copies of it that other scopes hold ("target.encoder..."), strictly: every tensor of the
 * encoder must be there in its shape, and every tensor of the file must be the encoder's, be a
 * num_batches_tracked, or begin with one of the texts of `drop`. Values are f32, f64, f16 or bf16.
 *
 * drop         "fc.", "head."; each must leave something out
 * ret_tensors  how many of the file were used
 * fails        naming what is missing, extra or of another shape, each name in a line of the log;
 *              the engine is as it was */
bool import_encoder(engine *e, const char *path, const char *const *drop, int n_drop,
                    int64_t *ret_tensors, kd_error *err);

#endif
