/* SPDX-License-Identifier: Apache-2.0
 * "a.b=VALUE" from the command line, put into the tree as if the file had said so. */
#include "config/include.h"

#include <stdlib.h>

static source *override_source(config *c, const char *text, const char *equals) {
    source *from = arena_alloc(&c->arena, sizeof *from);
    char *name =
        arena_print(&c->arena, "command line: %.100s%s", text, strlen(text) > 100 ? "..." : "");
    for (char *at = name; *at; at++) {
        *at = (unsigned char)*at < 0x20 ? ' ' : *at;
    }
    from->name = name;
    from->key = equals ? arena_copy(&c->arena, text, (size_t)(equals - text)) : "";
    return from;
}

/* The child of that name, made as an empty map where nothing is. NULL when `at` has no children. */
static config_node *step(config *c, const source *from, config_node *at, const char *name,
                         kd_error *err) {
    if (at->kind == CONFIG_NULL) {
        at->kind = CONFIG_MAP;
    }
    if (at->kind == CONFIG_SCALAR) {
        kd_fail(err, KD_E_INVALID, "%s: %s is a value and has no keys", from->name,
                config_path(at));
        kd_hint(err, "it was given at %s", config_where(at));
        return NULL;
    }
    config_node *child = node_child(at, name);
    if (child) {
        return child;
    }
    if (at->kind == CONFIG_LIST) {
        char next[16];
        snprintf(next, sizeof next, "%d", at->count);
        if (strcmp(name, next) != 0) {
            kd_fail(err, KD_E_INVALID, "%s: %s has %d items, there is no %s", from->name,
                    config_path(at), at->count, name);
            kd_hint(err, "items count from 0; %s.%s=... appends one", config_path(at), next);
            return NULL;
        }
    }
    if (++c->nodes > MAX_NODES) {
        kd_fail(err, KD_E_INVALID, "%s: more than %d keys and values", from->name, MAX_NODES);
        return NULL;
    }
    child = node_create(c, from, at, name);
    node_append(at, child);
    return child;
}

static bool split(config *c, const source *from, const char **part, int *ret_parts, kd_error *err) {
    *ret_parts = 0;
    char *rest = arena_text(&c->arena, from->key), *name;
    while ((name = strsep(&rest, "."))) {
        if (*name == 0 || strlen(name) > MAX_KEY_BYTES) {
            return kd_fail(err, KD_E_INVALID, "%s: a part of the key is %s", from->name,
                           *name ? "too long" : "empty");
        }
        if (*ret_parts == MAX_DEPTH) {
            return kd_fail(err, KD_E_INVALID, "%s: nested more than %d deep", from->name,
                           MAX_DEPTH);
        }
        part[(*ret_parts)++] = name;
    }
    return true;
}

bool tree_put(config *c, const source *from, config_node *value, kd_error *err) {
    const char *part[MAX_DEPTH];
    int parts;
    if (!split(c, from, part, &parts, err)) {
        return false;
    }
    if (strcmp(part[parts - 1], "include") == 0) {
        kd_fail(err, KD_E_INVALID, "%s: only a file can include others", from->name);
        return kd_hint(err, "write it into the YAML file");
    }
    config_node *at = c->root;
    for (int i = 0; i < parts; i++) {
        at = step(c, from, at, part[i], err);
        if (!at) {
            return false;
        }
    }
    value->name = at->name;
    node_put(at->parent, value);
    return true;
}

bool tree_override(config *c, const char *text, kd_error *err) {
    const char *equals = strchr(text, '=');
    const source *from = override_source(c, text, equals);
    if (!equals || equals == text) {
        kd_fail(err, KD_E_INVALID, "%s: expected KEY=VALUE", from->name);
        return kd_hint(err, "as in train.epochs=20");
    }
    config_node *value = tree_parse(c, from, equals + 1, strlen(equals + 1), err);
    if (!value) {
        return err && err->hint[0] ? false
                                   : kd_hint(err, "quote the value: '%s=\"...\"'", from->key);
    }
    return include_resolve(c, value, err) && tree_put(c, from, value, err);
}
