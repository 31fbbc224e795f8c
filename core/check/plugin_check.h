/* SPDX-License-Identifier: Apache-2.0
 * Checks a plugin's file against the rules that every plugin keeps, level by level: 0 reads it, 1
 * loads it, 2 calls it as a hard-hearted host would, 3 asks whether what it computes is right.
 *
 *     plugin_check *c = plugin_check_create(path, &err);
 *     plugin_check_run(c, 3, &(plugin_check_manner){.seed = 1});
 *     for (int i = 0; i < plugin_check_count(c); i++) { ... plugin_check_at(c, i) ... }
 *
 * Level 0 runs no code of the plugin. Above, each rule runs in a child process with a time limit,
 * so that a plugin can crash, hang or meddle without harm. A rule that fails keeps the levels above
 * from running: they would only say the same in other words. */
#ifndef CORE_CHECK_PLUGIN_CHECK_H
#define CORE_CHECK_PLUGIN_CHECK_H

#include "plugin/note.h"

#define PLUGIN_CHECK_LEVELS 4

typedef enum verdict {
    VERDICT_PASS,
    VERDICT_WARN, /* allowed, but its users should know */
    VERDICT_FAIL,
    VERDICT_SKIP, /* was not run; the reason says why */
} verdict;

typedef struct plugin_case plugin_case;

/* What all plugins are held to. Ids are never reused. */
typedef struct plugin_rule {
    const char *id; /* "S02"; the letter is the level: S, R, C, M */
    const char *title;
    int level;
    uint32_t kinds; /* bits 1u << KD_KIND_...; 0: all */
    void (*run)(plugin_case *c);
} plugin_rule;

typedef struct plugin_finding {
    const plugin_rule *rule;
    verdict verdict;
    const char *why; /* "" where it passed */
} plugin_finding;

typedef struct plugin_check plugin_check;

/* NULL when there is no such file. */
plugin_check *plugin_check_create(const char *path, kd_error *err);
void plugin_check_destroy(plugin_check *c);

typedef struct plugin_check_manner {
    uint64_t seed;       /* of all that is drawn */
    const char *options; /* the plugin's, as YAML: "{path: here}"; NULL: its defaults */
} plugin_check_manner;

/* Runs every rule up to the level. manner: NULL for all zeros. [main thread, no others] */
void plugin_check_run(plugin_check *c, int level, const plugin_check_manner *manner);

/* Holds a companion's file (kindred/custom_ops.h) to the rules of level 0 that are its too; runs
 * none of its code. fails with the first that it breaks, without naming the file. */
bool plugin_check_companion(const char *file, kd_error *err);

/* The findings, by level; and the highest level of which rules were asked and none failed, nor
 * below it. -1: none. */
int plugin_check_count(const plugin_check *c);
const plugin_finding *plugin_check_at(const plugin_check *c, int i);
int plugin_check_passed(const plugin_check *c);

const char *plugin_check_path(const plugin_check *c); /* absolute */
const plugin_note *plugin_check_note(const plugin_check *c);

#endif
