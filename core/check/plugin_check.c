/* SPDX-License-Identifier: Apache-2.0
 * Runs the rules of the plugin check, level by level. */
#include "check/plugin_check.h"

#include "check/plugin_rule.h"

#include "base/threads.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum { MAX_FINDINGS = 64 };

struct plugin_check {
    arena memory;
    const char *path;
    plugin_note note;
    note_outcome outcome;
    kd_error note_error;
    int n_findings, passed;
    plugin_finding findings[MAX_FINDINGS];
};

static const plugin_rule *const lists[] = {
    plugin_rules_static, plugin_rules_companions, plugin_rules_load, plugin_rules_contract,
    plugin_rules_memory, plugin_rules_steps,      plugin_rules_data, plugin_rules_eval,
    plugin_rules_device, plugin_rules_ops};
enum { N_LISTS = sizeof lists / sizeof *lists };

static void say(plugin_case *c, verdict what, const char *format, va_list arguments) {
    if (c->verdict != VERDICT_FAIL && !(c->verdict == VERDICT_WARN && what != VERDICT_FAIL)) {
        c->verdict = what;
        vsnprintf(c->why, sizeof c->why, format, arguments);
    }
}

void rule_fail(plugin_case *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(c, VERDICT_FAIL, format, arguments);
    va_end(arguments);
}

void rule_warn(plugin_case *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(c, VERDICT_WARN, format, arguments);
    va_end(arguments);
}

void rule_skip(plugin_case *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(c, VERDICT_SKIP, format, arguments);
    va_end(arguments);
}

void rule_doing(plugin_case *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (c->doing) {
        vsnprintf(c->doing, DOING_BYTES, format, arguments);
    }
    va_end(arguments);
}

plugin_check *plugin_check_create(const char *path, kd_error *err) {
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        kd_hint(err, "give the path of a plugin's .so file");
        return NULL;
    }
    plugin_check *c = kd_alloc(sizeof *c);
    c->path = arena_text(&c->memory, real);
    c->note_error = (kd_error)KD_ERROR_INIT;
    c->outcome = note_read(c->path, &c->memory, &c->note, &c->note_error);
    c->passed = -1;
    return c;
}

void plugin_check_destroy(plugin_check *c) {
    if (c) {
        arena_free(&c->memory);
        free(c);
    }
}

static bool concerns(const plugin_rule *rule, const plugin_check *c) {
    if (rule->kinds & KINDS_WITH_OPS) {
        return c->note.n_ops > 0;
    }
    return rule->kinds == 0 || (c->note.kind < 32 && (rule->kinds >> c->note.kind & 1u));
}

/* A rule of a list and how far it has come. */
typedef struct running {
    plugin_case is;
    rule_child child;
    const plugin_rule *rule;
    bool in_child;
} running;

/* `blocked`: the id of the rule that keeps this one from running, or NULL. */
static void begin(plugin_check *c, running *r, const plugin_rule *rule,
                  const plugin_check_manner *manner, const char *blocked) {
    *r = (running){.rule = rule,
                   .is = {.path = c->path,
                          .note = &c->note,
                          .outcome = c->outcome,
                          .note_error = &c->note_error,
                          .seed = manner->seed,
                          .options = manner->options,
                          .memory = &c->memory}};
    if (blocked) {
        rule_skip(&r->is, "%s failed", blocked);
    } else if (rule->level == 0) {
        rule->run(&r->is);
    } else {
        r->in_child = true;
        r->child = rule_begin(rule, &r->is);
    }
}

static const plugin_finding *end(plugin_check *c, running *r) {
    if (r->in_child) {
        rule_end(&r->child);
    }
    plugin_finding *f = &c->findings[c->n_findings++];
    *f = (plugin_finding){r->rule, r->is.verdict, arena_text(&c->memory, r->is.why)};
    return f;
}

/* Runs one list, as many rules at a time as there are processors, the gate alone; returns the first
 * rule that failed, or NULL. */
static const char *run_list(plugin_check *c, const plugin_rule *rules,
                            const plugin_check_manner *manner, const char *blocked) {
    static running list[MAX_FINDINGS];
    const int most = threads_available();
    const bool gated = rules->level < PLUGIN_CHECK_LEVELS - 1;
    const char *fault = NULL;
    int begun = 0, ended = 0;
    for (const plugin_rule *rule = rules; rule->id || ended < begun;) {
        if (rule->id && (!concerns(rule, c) || c->n_findings + begun - ended == MAX_FINDINGS)) {
            rule++;
        } else if (rule->id && begun - ended < most) {
            begin(c, &list[begun++], rule++, manner, blocked);
        }
        const bool is_gate = gated && ended == 0 && begun == 1 && rule == rules + 1;
        if (ended < begun && (is_gate || !rule->id || begun - ended == most)) {
            const plugin_finding *f = end(c, &list[ended++]);
            if (f->verdict == VERDICT_FAIL) {
                fault = fault ? fault : f->rule->id;
                blocked = is_gate ? f->rule->id : blocked;
            }
        }
    }
    return fault;
}

/* Whether any finding from `first` on is more than a skipped rule. */
static bool was_asked(const plugin_check *c, int first) {
    for (int i = first; i < c->n_findings; i++) {
        if (c->findings[i].verdict != VERDICT_SKIP) {
            return true;
        }
    }
    return false;
}

void plugin_check_run(plugin_check *c, int level, const plugin_check_manner *manner) {
    const plugin_check_manner plain = {.options = NULL};
    const char *blocked = NULL; /* by a lower level */
    manner = manner ? manner : &plain;
    c->n_findings = 0;
    c->passed = -1;
    for (int at = 0; at <= level; at++) {
        const char *fault = NULL;
        const int first = c->n_findings;
        for (int i = 0; i < N_LISTS; i++) {
            /* Below the last level, what is wrong in one list would be said again in the next. */
            const char *by = blocked ? blocked : at < PLUGIN_CHECK_LEVELS - 1 ? fault : NULL;
            const char *one = lists[i]->level == at ? run_list(c, lists[i], manner, by) : NULL;
            fault = fault ? fault : one;
        }
        blocked = blocked ? blocked : fault;
        c->passed = !blocked && was_asked(c, first) ? at : c->passed;
    }
}

int plugin_check_count(const plugin_check *c) {
    return c->n_findings;
}

const plugin_finding *plugin_check_at(const plugin_check *c, int i) {
    return &c->findings[i];
}

int plugin_check_passed(const plugin_check *c) {
    return c->passed;
}

const char *plugin_check_path(const plugin_check *c) {
    return c->path;
}

const plugin_note *plugin_check_note(const plugin_check *c) {
    return &c->note;
}
