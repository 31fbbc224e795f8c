/* SPDX-License-Identifier: Apache-2.0
 * Loading a configuration, from a file or a text, and ending it. */
#include "config/config.h"

#include "base/file.h"
#include "config/tree.h"

#include <stdlib.h>

static bool load_tree(config *c, const char *name, const char *text, size_t bytes, kd_error *err) {
    source *from = arena_alloc(&c->arena, sizeof *from);
    from->name = arena_text(&c->arena, name);
    if (bytes > MAX_FILE_BYTES) {
        kd_fail(err, KD_E_INVALID, "%s: longer than %zu bytes", name, MAX_FILE_BYTES);
        return kd_hint(err, "this is not a configuration");
    }
    c->root = tree_parse(c, from, text, bytes, err);
    if (!c->root) {
        return false;
    }
    if (c->root->kind == CONFIG_NULL) {
        c->root->kind = CONFIG_MAP;
    }
    if (c->root->kind != CONFIG_MAP) {
        char found[DESCRIPTION_BYTES];
        config_fail(c->root, err, "expected keys and values, got %s",
                    node_describe(c->root, found));
        return kd_hint(err, "a configuration looks like this: `seed: 1`, one key a line");
    }
    return true;
}

config *config_load_text(const char *name, const char *text, size_t bytes,
                         const char *const *overrides, int count, kd_error *err) {
    config *c = kd_alloc(sizeof *c);
    bool done = load_tree(c, name, text, bytes, err);
    for (int i = 0; done && i < count; i++) {
        done = tree_override(c, overrides[i], err);
    }
    if (!done) {
        config_destroy(c);
        return NULL;
    }
    return c;
}

config *config_load(const char *path, const char *const *overrides, int count, kd_error *err) {
    char *text;
    size_t bytes;
    if (!file_read(path, MAX_FILE_BYTES, &text, &bytes, err)) {
        return NULL;
    }
    config *c = config_load_text(path, text, bytes, overrides, count, err);
    free(text);
    return c;
}

void config_destroy(config *c) {
    if (c) {
        arena inside = c->arena;
        arena_free(&inside);
        free(c);
    }
}

const config_node *config_root(const config *c) {
    return c->root;
}
