/* SPDX-License-Identifier: Apache-2.0
 * Which of the files that claim an id is used: judged by their notes, ordered, one chosen. */
#ifndef CORE_PLUGIN_CHOICE_H
#define CORE_PLUGIN_CHOICE_H

#include "plugin/registry.h"

#include <sys/types.h>

/* A file with a note, and what its right to be chosen rests on. */
typedef struct candidate {
    plugin plugin;
    int rank;   /* of the level where it was found: 0 goes first */
    bool named; /* by --plugin */
    dev_t device;
    ino_t inode;
} candidate;

/* Refuses the plugin, or leaves it PLUGIN_CHOSEN: ABI, machine, kind, instruction set. isa: what
 * this machine has. The texts go to `a`. */
void candidate_judge(candidate *c, const char *isa, arena *a);

void candidate_refuse(candidate *c, const char *reason, const char *remedy);

/* Sorts by kind and id, the best first of each, and marks which are shadowed or tied. */
void candidates_order(candidate *list, int n, arena *a);

/* The best of one kind and id whose version the pin accepts, of an ordered list. NULL with *ret_tie
 * NULL: there is none; with *ret_tie set: that one and the returned one have equal right. */
const candidate *candidates_choose(const candidate *list, int n, uint32_t kind, const char *id,
                                   const char *pin, const candidate **ret_tie);

#endif
