/* SPDX-License-Identifier: Apache-2.0
 * Loads a plugin whose note was accepted: the first moment at which code of it runs. */
#ifndef CORE_PLUGIN_LOADER_H
#define CORE_PLUGIN_LOADER_H

#include "plugin/custom_ops.h"
#include "plugin/host.h"
#include "plugin/note.h"

/* Opens the file for good (it is never unloaded), calls its entry and compares what that returns
 * with the note. Changes of the process's state are undone and warned of.
 *
 * path     absolute
 * ret_ops  the ops that it brings, in `a`
 * returns  the kind's table as table_copy makes it, in `a`; NULL on failure, when the message names
 *          a library that is missing, a symbol, or the difference. [main thread] */
const void *loader_open(const char *path, const plugin_note *note, plugin_host *host, arena *a,
                        custom_ops *ret_ops, kd_error *err);

#endif
