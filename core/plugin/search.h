/* SPDX-License-Identifier: Apache-2.0
 * Where plugins may lie, and which files lie there: names only, no file is opened. */
#ifndef CORE_PLUGIN_SEARCH_H
#define CORE_PLUGIN_SEARCH_H

#include "plugin/registry.h"

/* A file that may be a plugin. */
typedef struct search_hit {
    const char *path;  /* absolute */
    const char *level; /* what people know its place by */
    int rank;          /* of the level: 0 goes before 1 */
    bool named;        /* by --plugin */
} search_hit;

typedef struct search_result {
    int n_hits, n_levels;
    search_hit *hits;    /* by rank, then path */
    const char **levels; /* every place looked at, in order, whether it is there or not */
} search_result;

/* Lists into `a`. fails when a file or folder of the command line is not there, or when
 * KINDRED_PLUGIN_PATH holds an empty or relative part. */
bool search_files(const plugin_search *search, arena *a, search_result *ret, kd_error *err);

/* Where people and administrators install plugins; the first lives in `a` and is NULL when there is
 * no home. */
const char *search_user_folder(arena *a);
const char *search_system_folder(void);

/* "x86_64-linux-gnu": what such folders are called for this machine. */
const char *search_triplet(void);

#endif
