/* SPDX-License-Identifier: Apache-2.0
 * What a rule of the plugin check sees, and how it says what it found. */
#ifndef CORE_CHECK_PLUGIN_RULE_H
#define CORE_CHECK_PLUGIN_RULE_H

#include "check/plugin_check.h"

#define KINDS(kind) (1u << KD_KIND_##kind)
#define KINDS_WITH_OPS (1u << 31) /* of any kind, that bring ops */

enum { RULE_SECONDS = 120, DOING_BYTES = 100 };

struct plugin_case {
    const char *path; /* absolute */
    plugin_note *note;
    note_outcome outcome; /* of reading the note, and what was wrong */
    kd_error *note_error;
    uint64_t seed;
    const char *options; /* the plugin's, as YAML; NULL: its defaults */
    arena *memory;
    int seconds;     /* that a rule in a process of its own may take; 0: RULE_SECONDS */
    char *doing;     /* [DOING_BYTES], seen by who waits for that process; NULL: nobody does */
    verdict verdict; /* passes unless a rule says otherwise */
    char why[1024];
};

/* The first fault is the one that is told; a warning gives way to it. */
__attribute__((format(printf, 2, 3))) void rule_fail(plugin_case *c, const char *format, ...);
__attribute__((format(printf, 2, 3))) void rule_warn(plugin_case *c, const char *format, ...);
__attribute__((format(printf, 2, 3))) void rule_skip(plugin_case *c, const char *format, ...);

/* What is under way, told where it does not end: "when its allocation number 3 fails". */
__attribute__((format(printf, 2, 3))) void rule_doing(plugin_case *c, const char *format, ...);

/* A rule that runs in a process of its own, with standard output and error in a file and a limit of
 * time. */
typedef struct rule_child {
    const plugin_rule *rule;
    plugin_case *of;
    struct rule_report *report;
    int output;
    long child; /* -1: there was no process for it */
    int error;  /* why not */
} rule_child;

rule_child rule_begin(const plugin_rule *rule, plugin_case *c);

/* Waits: what became of the child is the case's verdict. */
void rule_end(rule_child *child);

/* One list a level, ended by a rule without an id. The first rule of a level is its gate: of levels
 * below 3: when it fails, the others are skipped. */
extern const plugin_rule plugin_rules_static[], plugin_rules_companions[], plugin_rules_load[],
    plugin_rules_contract[], plugin_rules_memory[], plugin_rules_steps[], plugin_rules_data[],
    plugin_rules_eval[], plugin_rules_device[], plugin_rules_ops[];

#endif
