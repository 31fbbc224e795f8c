/* SPDX-License-Identifier: Apache-2.0
 * A configuration out of maps of others, and taking keys out of it. */
#include "config/tree.h"

/* The nodes of `from`, each at the place where it was written. NULL when there are too many. */
static config_node *copy(config *c, const config_node *from, config_node *parent, kd_error *err) {
    config_node *node = node_create(c, from->source, parent, from->name);
    node->line = from->line;
    node->column = from->column;
    node->key_line = from->key_line;
    node->key_column = from->key_column;
    node->kind = from->kind;
    node->plain = from->plain;
    node->text = from->text;
    if (++c->nodes > MAX_NODES) {
        config_fail(node, err, "more than %d keys and values", MAX_NODES);
        return NULL;
    }
    for (int i = 0; i < from->count; i++) {
        config_node *item = copy(c, from->item[i], node, err);
        if (!item) {
            return NULL;
        }
        node_append(node, item);
    }
    return node;
}

static bool merge(config *c, const config_node *const *maps, int count, kd_error *err) {
    for (int i = count - 1; i >= 0; i--) {
        config_node *map = copy(c, maps[i], NULL, err);
        if (!map) {
            return false;
        }
        if (c->root) {
            node_merge_under(c->root, map);
        } else {
            c->root = map;
        }
        c->root->line = map->line; /* in the end those of the first */
        c->root->column = map->column;
        c->root->source = map->source;
    }
    return true;
}

config *config_merge(const config_node *const *maps, int count, kd_error *err) {
    config *c = kd_alloc(sizeof *c);
    if (!merge(c, maps, count, err)) {
        config_destroy(c);
        return NULL;
    }
    return c;
}

bool config_override(config *c, const char *text, kd_error *err) {
    return tree_override(c, text, err);
}

void config_remove(const config_node *parent, const config_node *child) {
    node_remove((config_node *)parent, child); /* its tree is the config's, which is not const */
}
