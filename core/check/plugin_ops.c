/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for ops that a plugin brings: their gradients against differences, their kernels against
 * each other, on the cases that it gives. */
#include "check/brought_row.h"
#include "check/jacobian.h"
#include "check/plugin_kit.h"
#include "graph/op_kernel.h"
#include "train/run_plugins.h"

static const kd_op *op_of(const plugin_kit *k, const char *name) {
    return op_set_find(k->ops, name);
}

/* The i-th case as a row; false: said that it is none. */
static bool take(const plugin_kit *k, plugin_case *c, int i, brought_row *ret) {
    const bool ok = brought_row_of(&k->subject->ops.cases[i], ret);
    if (!ok) {
        rule_fail(c, "case %d of %s has more than %d inputs, %d outputs or %d axes", i,
                  k->subject->ops.cases[i].op, OP_MAX_INPUTS, OP_MAX_OUTPUTS, KD_MAX_RANK);
    }
    return ok;
}

static check_device reference_of(const plugin_kit *k) {
    return (check_device){
        .name = "reference", .table = k->device_table, .handle = k->device, .ops = k->ops};
}

static uint64_t key_of(const plugin_case *c, int i) {
    return c->seed * 1000 + (uint64_t)i;
}

static void check_gradient(plugin_kit *k, plugin_case *c, int i) {
    const check_device reference = reference_of(k);
    kd_error err = KD_ERROR_INIT;
    brought_row row;
    char why[1600] = "";
    int wrong = 0;
    gradient g;
    if (!take(k, c, i, &row) || !op_of(k, row.row.op)->gradient) {
        return;
    }
    op_run drawn = op_draw_row(&row.row, key_of(c, i), -1, 3, KD_F64, KD_F64);
    if (!gradient_open(&g, &drawn, &reference, KD_F64, &err) ||
        !jacobian_check(&g, &wrong, why, &err)) {
        rule_fail(c, "%s: %s", op_name(&drawn), err.message);
    } else if (wrong) {
        rule_fail(c, "%s (%d elements are wrong)", why, wrong);
    }
    gradient_close(&g);
    op_finish(&drawn);
}

static void has_right_gradients(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    for (int i = 0; i < k.subject->ops.n_cases; i++) {
        check_gradient(&k, c, i);
    }
}

static bool has_case(const plugin *p, const char *op) {
    for (int i = 0; i < p->ops.n_cases; i++) {
        if (strcmp(p->ops.cases[i].op, op) == 0) {
            return true;
        }
    }
    return false;
}

/* All cases on one device, in one real type. One that a kernel refuses is skipped, but not all. */
static void check_on(plugin_kit *k, plugin_case *c, const check_device *d, int32_t real) {
    const check_device reference = reference_of(k);
    for (int i = 0; i < k->subject->ops.n_cases; i++) {
        brought_row row;
        char why[1600] = "";
        if (!take(k, c, i, &row)) {
            return;
        }
        op_run drawn = op_draw_row(&row.row, key_of(c, i), -1, 3, real, real);
        const int status = op_compare(&drawn, d, real, real, &reference, why);
        if (status == EAGER_WRONG) {
            rule_fail(c, "%s on %s in %s: %s", op_name(&drawn), d->name, kd_dtype_name(real), why);
        } else if (status == EAGER_UNSUPPORTED && real == KD_F32 &&
                   strcmp(d->name, "reference") == 0) {
            rule_fail(c, "%s has no kernel in f32 for the reference device (\"host\" will do): %s",
                      op_name(&drawn), why);
        }
        op_finish(&drawn);
    }
}

static bool says_kernels_for(const plugin_note *note, const char *words) {
    for (int i = 0; i < note->n_ops; i++) {
        for (const char *at = words; *at;) {
            const size_t length = strcspn(at, " ");
            char word[64];
            snprintf(word, sizeof word, "%.*s", (int)length, at);
            if (words_have(note->ops[i].devices, word)) {
                return true;
            }
            at += length + strspn(at + length, " ");
        }
    }
    return false;
}

/* Another device than the reference, where it can be opened; the words that it takes kernels by are
 * added to *taken. */
static void check_device_of(plugin_kit *k, plugin_case *c, const char *id, const char **taken) {
    kd_error err = KD_ERROR_INIT;
    const plugin *p = registry_load(k->plugins, KD_KIND_DEVICE, id, &err);
    const void *options = p ? kit_config(k, p, NULL, &err) : NULL;
    check_device d = {.name = id, .table = p ? p->table : NULL, .ops = k->ops};
    if (!options || !d.table->open(options, &k->host.table, &d.handle, &err)) {
        if (says_kernels_for(c->note, id)) {
            rule_warn(c, "its kernels for %s were not run: %s", id, err.message);
        }
        return;
    }
    const char *accepts = op_device_of(d.table, d.handle, NULL).accepts;
    *taken = arena_print(&k->memory, "%s %s", *taken, accepts);
    if (says_kernels_for(c->note, accepts)) {
        if (companions_add(k->ops, accepts, k->plugins, k->subject, &err)) {
            check_on(k, c, &d, KD_F32);
        } else {
            rule_fail(c, "%s; %s", err.message, err.hint);
        }
    }
    d.table->close(d.handle);
}

static void check_devices(plugin_kit *k, plugin_case *c, const char **taken) {
    for (int i = 0; i < registry_count(k->plugins); i++) {
        const plugin *p = registry_at(k->plugins, i);
        if (p->note.kind == KD_KIND_DEVICE && p->state == PLUGIN_CHOSEN &&
            strcmp(p->note.id, "reference") != 0) {
            check_device_of(k, c, p->note.id, taken);
        }
    }
}

static void warn_of_the_rest(plugin_kit *k, plugin_case *c, const char *taken) {
    for (int i = 0; i < c->note->n_ops; i++) {
        for (const char *at = c->note->ops[i].devices; *at;) {
            const size_t length = strcspn(at, " ");
            const char *word = arena_copy(&k->memory, at, length);
            if (!words_have(taken, word)) {
                rule_warn(c, "its kernels for %s were not run: no device that is here takes them",
                          word);
            }
            at += length + strspn(at + length, " ");
        }
    }
}

static void kernels_agree(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    for (int i = 0; i < c->note->n_ops; i++) {
        if (!has_case(k.subject, c->note->ops[i].name)) {
            rule_fail(c,
                      "%s has no case, so nothing of it can be checked: give one to "
                      "KD_CUSTOM_OPS",
                      c->note->ops[i].name);
        }
    }
    const check_device reference = reference_of(&k);
    check_on(&k, c, &reference, KD_F32);
    const char *taken = op_device_of(k.device_table, k.device, NULL).accepts;
    check_devices(&k, c, &taken);
    warn_of_the_rest(&k, c, taken);
}

const plugin_rule plugin_rules_ops[] = {
    {"M10", "every gradient of an op that it brings is its derivative, in f64", 3, KINDS_WITH_OPS,
     has_right_gradients},
    {"M11", "every op that it brings has a case, on which the kernels of all devices agree", 3,
     KINDS_WITH_OPS, kernels_agree},
    {.id = NULL},
};
