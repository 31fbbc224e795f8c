/* SPDX-License-Identifier: Apache-2.0
 * Ops out of lists. */
#include "study/ablation.h"

#include "base/suggest.h"

#define MAX_OPS 64

typedef struct ablation {
    config *config;
    const config_node *names;
    bool keeps; /* those that are named, and no others */
    int n_ops;
    const char *op[MAX_OPS]; /* of all views, for messages */
    kd_error *err;
} ablation;

/* `flip`, `flip: 0.5` or `flip: {p: 0.5}` */
static const char *op_name(const config_node *op) {
    const char *name = "";
    kd_error ignored = KD_ERROR_INIT;
    if (config_kind(op) == CONFIG_MAP && config_count(op) == 1) {
        return config_key(op, 0);
    }
    return config_get_text(op, &name, &ignored) ? name : "";
}

static bool is_named(const ablation *a, const char *op) {
    for (int i = 0; i < config_count(a->names); i++) {
        const char *name = "";
        kd_error ignored = KD_ERROR_INIT;
        if (config_get_text(config_item(a->names, i), &name, &ignored) && strcmp(name, op) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_ops(ablation *a, const config_node *view) {
    const config_node *ops = config_child(view, "ops");
    if (config_kind(ops) != CONFIG_LIST) {
        config_fail(view, a->err, "has no ops to leave out or keep");
        return kd_hint(a->err, "write the recipe's ops out: docs/augmentation.md has them");
    }
    for (int i = 0; i < config_count(ops) && a->n_ops < MAX_OPS; i++) {
        a->op[a->n_ops++] = op_name(config_item(ops, i));
    }
    return true;
}

/* Every name is an op of some view. */
static bool check_names(ablation *a) {
    for (int i = 0; i < config_count(a->names); i++) {
        const config_node *node = config_item(a->names, i);
        const char *name = "";
        bool found = false;
        if (!config_get_text(node, &name, a->err)) {
            return false;
        }
        for (int k = 0; k < a->n_ops; k++) {
            found = found || strcmp(a->op[k], name) == 0;
        }
        if (!found) {
            const char *near = suggest(name, a->op, a->n_ops);
            return config_fail(node, a->err,
                               near ? "no view has an op '%s'; did you mean %s?"
                                    : "no view has an op '%s'",
                               name, near);
        }
    }
    return true;
}

static bool cut_view(ablation *a, const config_node *view) {
    const config_node *ops = config_child(view, "ops");
    for (int i = config_count(ops) - 1; i >= 0; i--) {
        const config_node *op = config_item(ops, i);
        if (is_named(a, op_name(op)) == a->keeps) {
            continue;
        }
        if (i > 0) {
            config_remove(ops, op);
        } else {
            char text[96];
            snprintf(text, sizeof text, "%s=resize", config_path(op));
            if (!config_override(a->config, text, a->err)) {
                return false;
            }
        }
    }
    return true;
}

static bool apply(ablation *a) {
    const config_node *views = config_child(config_root(a->config), "views");
    if (config_kind(a->names) != CONFIG_LIST) {
        config_fail(a->names, a->err, "must be a list of ops");
        return kd_hint(a->err, "as in [grayscale]");
    }
    for (int i = 0; i < config_count(views); i++) {
        if (!find_ops(a, config_item(views, i))) {
            return false;
        }
    }
    if (!check_names(a)) {
        return false;
    }
    for (int i = 0; i < config_count(views); i++) {
        if (!cut_view(a, config_item(views, i))) {
            return false;
        }
    }
    return true;
}

static const char *const cuts[] = {"without", "only"};

void ablation_leave_out(config *c, const config_node *value) {
    for (int i = 0; i < 2; i++) {
        if (config_child(value, cuts[i])) {
            config_remove(config_root(c), config_child(config_root(c), cuts[i]));
        }
    }
}

bool ablate(config *c, const config_node *value, kd_error *err) {
    for (int i = 0; i < 2; i++) {
        ablation a = {
            .config = c, .names = config_child(value, cuts[i]), .keeps = i == 1, .err = err};
        if (a.names && !apply(&a)) {
            return false;
        }
    }
    return true;
}
