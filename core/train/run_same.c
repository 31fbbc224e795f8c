/* SPDX-License-Identifier: Apache-2.0
 * Whether a resumed run is still the run that it was. */
#include "train/run_internal.h"

/* What may change: it moves nothing that a step computes. Data may move to another place; that it
 * is the same is checked by its store. */
static const char *const free_keys[] = {"name",         "device",          "checkpoint",
                                        "evals",        "train.log_every", "data.store.cache",
                                        "data.on_error"};

static bool starts_with(const char *path, const char *key) {
    const size_t length = strlen(key);
    return strncmp(path, key, length) == 0 && (path[length] == 0 || path[length] == '.');
}

/* An option of the dataset's that is a path. */
static bool is_place(const run *r, const char *path) {
    const plugin_note *note = &r->data.part.plugin->note;
    for (int i = 0; i < note->n_options; i++) {
        if (note->options[i].type == KD_OPTION_PATH && strncmp(path, "data.", 5) == 0 &&
            strcmp(path + 5, note->options[i].name) == 0) {
            return true;
        }
    }
    return strcmp(path, "data.pairs.manifest") == 0 || strcmp(path, "data.factors") == 0;
}

static bool is_free(const run *r, const char *path) {
    for (size_t i = 0; i < sizeof free_keys / sizeof *free_keys; i++) {
        if (starts_with(path, free_keys[i])) {
            return true;
        }
    }
    return is_place(r, path);
}

static bool differs(const char *path, const char *was, const char *is, kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s was %s when the run began and is %s now", path, was, is);
    return kd_hint(err, "a resumed run must stay the same run: put the key back, or give the run "
                        "another name");
}

static const char *text_of(const config_node *node) {
    const char *text = "";
    kd_error ignored = KD_ERROR_INIT;
    if (config_kind(node) == CONFIG_NULL) {
        return "not set";
    }
    return config_get_text(node, &text, &ignored) ? text : "a list or a map";
}

static bool same_node(const run *r, const config_node *was, const config_node *is, kd_error *err);

/* Keys of `is` that `was` lacks, and those that differ. */
static bool same_map(const run *r, const config_node *was, const config_node *is, kd_error *err) {
    for (int i = 0; i < config_count(is); i++) {
        if (!same_node(r, config_child(was, config_key(is, i)), config_item(is, i), err)) {
            return false;
        }
    }
    for (int i = 0; i < config_count(was); i++) {
        const config_node *item = config_item(was, i);
        if (!config_child(is, config_key(was, i)) && !is_free(r, config_path(item))) {
            return differs(config_path(item), text_of(item), "not set", err);
        }
    }
    return true;
}

static bool same_node(const run *r, const config_node *was, const config_node *is, kd_error *err) {
    const char *path = config_path(is);
    if (*path && is_free(r, path)) {
        return true;
    }
    if (config_kind(was) != config_kind(is) || config_count(was) != config_count(is)) {
        if (config_kind(is) != CONFIG_MAP || config_kind(was) != CONFIG_MAP) {
            return differs(path, text_of(was), text_of(is), err);
        }
    }
    if (config_kind(is) == CONFIG_MAP) {
        return same_map(r, was, is, err);
    }
    for (int i = 0; i < config_count(is); i++) {
        if (!same_node(r, config_item(was, i), config_item(is, i), err)) {
            return false;
        }
    }
    return config_kind(is) != CONFIG_SCALAR || strcmp(text_of(was), text_of(is)) == 0 ||
           differs(path, text_of(was), text_of(is), err);
}

bool run_same(const run *now, const char *resolved, const char *before_name, const char *before,
              kd_error *err) {
    config *was = config_load_text(before_name, before, strlen(before), NULL, 0, err);
    config *is =
        was ? config_load_text("resolved", resolved, strlen(resolved), NULL, 0, err) : NULL;
    const bool ok = is && same_node(now, config_root(was), config_root(is), err);
    config_destroy(is);
    config_destroy(was);
    return ok;
}
