/* SPDX-License-Identifier: Apache-2.0
 * kindred in a process of its own: what crashes or is killed there loses nothing here. */
#ifndef CORE_STUDY_CHILD_H
#define CORE_STUDY_CHILD_H

#include "plugin/registry.h"

/* Starts this very program. It gets no signals of the terminal, and ends when this process does,
 * however that ends.
 *
 * words  "train", ..., ending in NULL; options for the same plugins follow them
 * out    file that its standard output replaces
 * log    file that its errors are appended to
 * Returns its process id, or -1. */
int child_start(const char *const *words, const plugin_search *search, const char *out,
                const char *log, kd_error *err);

/* Waits for its end. Calls `look` about four times a second, and hands on the first SIGINT or
 * SIGTERM that comes. look may be NULL. Returns its exit status, 256 + the signal that ended it, or
 * 255 where its end cannot be known. */
int child_wait(int pid, void (*look)(void *context), void *context);

#endif
