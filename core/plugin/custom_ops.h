/* SPDX-License-Identifier: Apache-2.0
 * The ops that a loaded plugin brings, checked and in arrays of this host's own sizes. */
#ifndef CORE_PLUGIN_CUSTOM_OPS_H
#define CORE_PLUGIN_CUSTOM_OPS_H

#include "plugin/note.h"

#include <kindred/custom_ops.h>

typedef struct custom_ops {
    int n_ops, n_kernels, n_cases;
    const kd_op *ops;
    const kd_op_kernel *kernels;
    const kd_op_case *cases;
} custom_ops;

/* Copies into `a` what a plugin's extension gave; NULL: it brings nothing.
 *
 * fails  when it is not what the note says, op by op and device by device, or when something is
 *        missing in it */
bool custom_ops_copy(const kd_custom_ops *from, const plugin_note *note, arena *a, custom_ops *ret,
                     kd_error *err);

/* Whether a text of words has one. */
bool words_have(const char *words, const char *word);

/* Kernels of ops that the note has, checked, in this host's size and in `a`; NULL on failure. */
const kd_op_kernel *op_kernels_copy(const kd_op_kernel *first, uint32_t count, uint32_t stride,
                                    const plugin_note *note, arena *a, kd_error *err);

#endif
