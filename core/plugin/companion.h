/* SPDX-License-Identifier: Apache-2.0
 * Companions: FILE.WORD.so beside FILE.so, with kernels that need a library of a vendor's. */
#ifndef CORE_PLUGIN_COMPANION_H
#define CORE_PLUGIN_COMPANION_H

#include "plugin/custom_ops.h"

/* The kernels for a device, by its word, that stand in a companion of the plugin at that path.
 * Opens it for good.
 *
 * fails  when there is none, it cannot be loaded, or it has kernels for other ops or devices */
bool companion_open(const char *path, const plugin_note *note, const char *word, arena *a,
                    const kd_op_kernel **ret, int *ret_count, kd_error *err);

/* Where that file is, in `a`. */
const char *companion_path(const char *path, const char *word, arena *a);

/* The words of devices that a note says there are kernels for, each once, in the order of their
 * first mention, in `a`; returns their number. Words that cannot be part of a file's name are left
 * out: no device has such. */
int companion_words(const plugin_note *note, arena *a, const char *const **ret);

/* Whether kernels for a device are always in a companion: those that need a vendor's library. */
bool companion_is_needed(const char *word);

#endif
