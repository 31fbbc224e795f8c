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

/* The kernels for a device that stand in a companion: FILE.WORD.so beside FILE.so. Opens it for
 * good.
 *
 * fails  when there is none, it cannot be loaded, or it has kernels for other ops or devices */
bool custom_ops_companion(const char *path, const plugin_note *note, const char *word, arena *a,
                          const kd_op_kernel **ret, int *ret_count, kd_error *err);

/* Where that file is, in `a`. */
const char *companion_path(const char *path, const char *word, arena *a);

#endif
