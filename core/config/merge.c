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

config *config_copy(const config_node *map, kd_error *err) {
    config *c = kd_alloc(sizeof *c);
    c->root = copy(c, map, NULL, err);
    if (!c->root) {
        config_destroy(c);
        return NULL;
    }
    return c;
}

bool config_lay(config *c, const config_node *map, kd_error *err) {
    config_node *over = copy(c, map, NULL, err), *under = c->root;
    if (!over) {
        return false;
    }
    over->name = NULL;
    over->source = under->source;
    over->line = under->line;
    over->column = under->column;
    node_merge_under(over, under);
    c->root = over;
    return true;
}

bool config_put(config *c, const char *path, const config_node *value, kd_error *err) {
    config_node *put = copy(c, value, NULL, err);
    source *from = arena_alloc(&c->arena, sizeof *from);
    *from = (source){.name = config_where(value), .key = arena_text(&c->arena, path)};
    return put && tree_put(c, from, put, err);
}

bool config_override(config *c, const char *text, kd_error *err) {
    return tree_override(c, text, err);
}

void config_remove(const config_node *parent, const config_node *child) {
    node_remove((config_node *)parent, child); /* its tree is the config's, which is not const */
}
