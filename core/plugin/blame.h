/* SPDX-License-Identifier: Apache-2.0
 * Says which plugin it was when the process dies while a plugin is loaded: a crash in its entry, or
 * a call of exit, would otherwise end it without a word. Nothing is rescued: after a crash, memory
 * is not to be trusted. What a run has saved lies in its folder and is not touched by loading. */
#ifndef CORE_PLUGIN_BLAME_H
#define CORE_PLUGIN_BLAME_H

/* Between the two, on one thread: a crash or an exit is reported on standard error, and the process
 * ends as it would have (after an exit: with 1).
 *
 * file  what is loaded: the plugin's own, or a companion of it
 * path  the plugin's, to be checked */
void blame_begin(const char *id, const char *file, const char *path);
void blame_end(void);

/* From now on nothing is said: somebody else watches this process, and says more. */
void blame_nobody(void);

#endif
