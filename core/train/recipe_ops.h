/* SPDX-License-Identifier: Apache-2.0
 * One op of a free list of augmentations: its YAML, in both directions. */
#ifndef CORE_TRAIN_RECIPE_OPS_H
#define CORE_TRAIN_RECIPE_OPS_H

#include "config/config.h"

#include <kindred/augment.h>

/* Reads an item of `ops:`: `flip`, `flip: 0.5` or `flip: {p: 0.5}`.
 *
 * arg    [KD_AUGMENT_ARGS], in the order of kindred/augment.h
 * fails  on an unknown op, on options that it does not have or that are out of range */
bool recipe_op_read(const config_node *item, int *ret_code, double *arg, arena *a, kd_error *err);

/* The options of an op of a free list, or NULL for another code. */
const option *recipe_op_options(int code, int *ret_count);

/* The option that the short form `op: number` sets; NULL: the op has no short form. */
const option *recipe_op_shorthand(int code);

#endif
