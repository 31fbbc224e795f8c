/* SPDX-License-Identifier: Apache-2.0
 * Level 2: the plugin is called as the contract allows, not as a kind host would. */
#include "check/plugin_data.h"
#include "check/plugin_method.h"

#include "graph/internal.h"

#include "data/files.h"

#include <stdlib.h>

const char *required_option(const plugin *p) {
    for (int i = 0; i < p->note.n_options; i++) {
        if (p->note.options[i].flags & KD_OPTION_REQUIRED) {
            return p->note.options[i].name;
        }
    }
    return NULL;
}

static const kd_dataset_host *dataset_host(plugin_kit *k) {
    kd_dataset_host *host = arena_alloc(&k->memory, sizeof *host);
    *host = (kd_dataset_host){.size = sizeof *host, .host = &k->host.table, .files = files_api()};
    return host;
}

bool open_dataset(plugin_kit *k, plugin_case *c, kd_set **ret) {
    kd_error err = KD_ERROR_INIT;
    const kd_dataset *table = k->subject->table;
    if (required_option(k->subject) && !k->options) {
        rule_skip(c, "option %s has no default; say one: %s=VALUE", required_option(k->subject),
                  required_option(k->subject));
        return false;
    }
    const void *options = kit_config(k, k->subject, NULL, &err);
    if (!options || !table->open(options, dataset_host(k), ret, &err)) {
        rule_fail(c, "does not open with its defaults: %s; %s", err.message, err.hint);
        return false;
    }
    return true;
}

/* It does its work with its defaults, on tables as long as each minor's. */
static void builds(plugin_case *c, plugin_kit *k, const host_minor *m) {
    method_bench b;
    kd_error err = KD_ERROR_INIT;
    kd_spec spec[BENCH_HELD];
    int held;
    if (bench_open(&b, k, c)) {
        b.minor = m;
        graph *g = bench_graph(&b, END_TRAINS, &held, spec);
        if (!graph_check(g, &err)) {
            rule_fail(c, "%s; %s", err.message, err.hint);
        }
    }
}

/* A dataset that cannot do with an old host's tables says so. */
static void opens_on(plugin_case *c, plugin_kit *k, const host_minor *m) {
    const kd_dataset *table = k->subject->table;
    kd_error err = KD_ERROR_INIT;
    kd_set *set;
    const void *options = kit_config(k, k->subject, NULL, &err);
    kd_dataset_host whole = *dataset_host(k);
    whole.files = kit_at_the_edge(whole.files, m->files);
    const kd_dataset_host *host = whole.files ? kit_at_the_edge(&whole, m->dataset_host) : NULL;
    if (!options || !host) {
        rule_skip(c, "%s", options ? "out of memory" : err.message);
    } else if (table->open(options, host, &set, &err)) {
        table->close(set);
    } else if (err.code != KD_E_UNSUPPORTED) {
        rule_fail(c, "%s; %s", err.message, err.hint);
    }
}

static void opens_set(plugin_case *c, plugin_kit *k, const host_minor *m) {
    kd_set *set;
    if (open_dataset(k, c, &set)) {
        ((const kd_dataset *)k->subject->table)->close(set);
        opens_on(c, k, m);
    }
}

/* An eval that cannot do with an old host's input says so. */
static void runs_eval(plugin_case *c, plugin_kit *k, const host_minor *m) {
    feature_rows *f = arena_alloc(&k->memory, sizeof *f);
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    features_make(f, 1, c->seed);
    if (!bench_eval(k, f, m->eval_input, &out, &err) && err.code != KD_E_UNSUPPORTED) {
        rule_fail(c, "%s; %s", err.message, err.hint);
    }
}

static void opens_device(plugin_case *c, plugin_kit *k, const host_minor *m) {
    const kd_device_plugin *table = k->subject->table;
    kd_error err = KD_ERROR_INIT;
    kd_device *device;
    const void *options = kit_config(k, k->subject, NULL, &err);
    (void)m;
    if (!options || !table->open(options, &k->host.table, &device, &err)) {
        if (err.code == KD_E_UNSUPPORTED) {
            rule_skip(c, "cannot be opened on this machine: %s", err.message);
        } else {
            rule_fail(c, "does not open: %s", err.message);
        }
        return;
    }
    if (!*table->describe(device)) {
        rule_fail(c, "its description is empty");
    }
    table->close(device);
}

static void works_on(plugin_case *c, plugin_kit *k, int minor) {
    static void (*const by_kind[])(plugin_case * c, plugin_kit * k,
                                   const host_minor *m) = {[KD_KIND_METHOD] = builds,
                                                           [KD_KIND_BACKBONE] = builds,
                                                           [KD_KIND_DATASET] = opens_set,
                                                           [KD_KIND_EVAL] = runs_eval,
                                                           [KD_KIND_DEVICE] = opens_device};
    const host_minor *m = &host_minors[minor];
    /* Its functions find what is theirs behind the table, so it only says that it is shorter. */
    k->host.table.size = (uint32_t)m->host;
    k->host.table.abi_minor = (uint16_t)minor;
    by_kind[c->note->kind](c, k, m);
}

/* On every minor from the oldest that its note asks for, until one fails. */
static void works(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    for (int minor = c->note->min_host_minor;
         minor <= KD_ABI_MINOR_LATEST && c->verdict == VERDICT_PASS; minor++) {
        works_on(c, &k, minor);
    }
}

/* What may be missing is missing: to refuse that is right, to crash is not. */
static void builds_without_labels(plugin_case *c, plugin_kit *k) {
    method_bench b;
    kd_error err = KD_ERROR_INIT;
    kd_spec spec[BENCH_HELD];
    int held;
    if (bench_open(&b, k, c)) {
        b.unlabelled = true;
        if (!graph_check(bench_graph(&b, END_TRAINS, &held, spec), &err) && !*err.message) {
            rule_fail(c, "data without labels is refused without a word");
        }
    }
}

static void opens_without_parts(plugin_case *c, plugin_kit *k) {
    const kd_dataset *table = k->subject->table;
    kd_error err = KD_ERROR_INIT;
    kd_set *set;
    const void *options = kit_config(k, k->subject, NULL, &err);
    kd_files_api files = *files_api();
    kd_dataset_host host = *dataset_host(k);
    files.read_part = NULL;
    host.files = &files;
    if (!options) {
        rule_skip(c, "%s", err.message);
    } else if (table->open(options, &host, &set, &err)) {
        table->close(set);
    } else if (err.code != KD_E_UNSUPPORTED) {
        rule_fail(c, "%s; %s", err.message, err.hint);
    }
}

static void copes_without(plugin_case *c) {
    plugin_kit k;
    if (kit_open(&k, c)) {
        (c->note->kind == KD_KIND_METHOD ? builds_without_labels : opens_without_parts)(c, &k);
    }
}

/* Builds with one option at a value; to refuse it is right, to crash is not. */
static void build_with(plugin_kit *k, plugin_case *c, const option *o, const char *value) {
    kd_error err = KD_ERROR_INIT;
    method_bench b;
    kd_spec spec[BENCH_HELD];
    int held;
    if (!bench_open(&b, k, c)) {
        return;
    }
    const char *yaml = arena_print(&k->memory, "{%s: %s}", o->name, value);
    const void *options = kit_config(k, k->subject, yaml, &err);
    if (!options) {
        rule_fail(c, "%s: %s, which its own note allows, is refused: %s", o->name, value,
                  err.message);
        return;
    }
    *(c->note->kind == KD_KIND_METHOD ? &b.method_config : &b.backbone_config) = options;
    graph *g = bench_graph(&b, END_GRADIENTS, &held, spec);
    if (!graph_check(g, &err) && !*err.message) {
        rule_fail(c, "%s: %s is refused without a word", o->name, value);
    }
    graph_destroy(g);
}

static void takes_its_bounds(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    for (int i = 0; i < c->note->n_options; i++) {
        const option *o = &c->note->options[i];
        const bool number = o->type == KD_OPTION_INT || o->type == KD_OPTION_FLOAT;
        if (number && *o->min) {
            build_with(&k, c, o, o->min);
        }
        if (o->type != KD_OPTION_CHOICE) {
            continue;
        }
        for (const char *at = o->choices; *at; at += strspn(at, "|")) {
            const size_t length = strcspn(at, "|");
            build_with(&k, c, o, arena_copy(&k.memory, at, length));
            at += length;
        }
    }
}

/* A path that is not there: false, a message that names it, a hint, and nothing else touched. */
static void fails_well(plugin_case *c) {
    plugin_kit k;
    kd_error err = KD_ERROR_INIT;
    kd_set *const before = (kd_set *)(void *)&k, *set = before;
    const option *path = NULL;
    if (!kit_open(&k, c)) {
        return;
    }
    for (int i = 0; i < c->note->n_options && !path; i++) {
        path = c->note->options[i].type == KD_OPTION_PATH ? &c->note->options[i] : NULL;
    }
    if (!path) {
        rule_skip(c, "it has no option that is a path");
        return;
    }
    const char *yaml = arena_print(&k.memory, "{%s: /nowhere/at/all}", path->name);
    const void *options = kit_config(&k, k.subject, yaml, &err);
    const kd_dataset *table = k.subject->table;
    if (!options) {
        rule_skip(c, "another option has no default: %s", err.message);
    } else if (table->open(options, dataset_host(&k), &set, &err)) {
        rule_fail(c, "opens though %s is /nowhere/at/all", path->name);
    } else if (!strstr(err.message, "/nowhere/at/all")) {
        rule_fail(c, "its message does not name the path: \"%s\"", err.message);
    } else if (set != before) {
        rule_fail(c, "fails, but writes to its output");
    } else if (err.code == 0) {
        rule_fail(c, "fails without a code (KD_E_...)");
    }
}

const plugin_rule plugin_rules_contract[] = {
    {"C01", "it works with its defaults, on a host of every minor that it fits", 2, 0, works},
    {"C02", "it does without what may be missing, or says that it cannot", 2,
     KINDS(METHOD) | KINDS(DATASET), copes_without},
    {"C05", "it takes every option at its bounds, or says why not", 2,
     KINDS(METHOD) | KINDS(BACKBONE), takes_its_bounds},
    {"C06", "what fails says why and touches nothing else", 2, KINDS(DATASET), fails_well},
    {.id = NULL},
};
