/* SPDX-License-Identifier: Apache-2.0
 * Nodes: making them, walking them, and saying where a mistake is. */
#include "config/tree.h"

#include <stdarg.h>

config_node *node_create(config *c, const source *from, config_node *parent, const char *name) {
    config_node *node = arena_alloc(&c->arena, sizeof *node);
    *node = (config_node){.owner = c,
                          .source = from,
                          .parent = parent,
                          .kind = CONFIG_NULL,
                          .name = name ? arena_text(&c->arena, name) : NULL};
    return node;
}

config_node *node_child(const config_node *map, const char *key) {
    for (int i = 0; i < map->count; i++) {
        if (strcmp(map->item[i]->name, key) == 0) {
            return map->item[i];
        }
    }
    return NULL;
}

void node_append(config_node *parent, config_node *child) {
    if (parent->count == parent->room) {
        parent->room = parent->room ? 2 * parent->room : 4;
        config_node **grown =
            arena_alloc(&parent->owner->arena, (size_t)parent->room * sizeof(config_node *));
        if (parent->count) {
            memcpy(grown, parent->item, (size_t)parent->count * sizeof(config_node *));
        }
        parent->item = grown;
    }
    parent->item[parent->count++] = child;
}

void node_put(config_node *parent, config_node *child) {
    child->parent = parent;
    for (int i = 0; i < parent->count; i++) {
        if (strcmp(parent->item[i]->name, child->name) == 0) {
            parent->item[i] = child;
            return;
        }
    }
    node_append(parent, child);
}

void node_remove(config_node *parent, const config_node *child) {
    int kept = 0;
    for (int i = 0; i < parent->count; i++) {
        config_node *item = parent->item[i];
        if (item == child) {
            continue;
        }
        if (kept < i && parent->kind == CONFIG_LIST) {
            item->name = arena_print(&parent->owner->arena, "%d", kept);
        }
        parent->item[kept++] = item;
    }
    parent->count = kept;
}

static const char *plugin_of(const config_node *map) {
    const config_node *plugin = map->kind == CONFIG_MAP ? node_child(map, "plugin") : NULL;
    return plugin && plugin->kind == CONFIG_SCALAR ? plugin->text : NULL;
}

/* Two plugins have no options in common, even where some have one name. */
static bool names_another_plugin(const config_node *map, const config_node *under) {
    const char *own = plugin_of(map), *other = plugin_of(under);
    return own && other && strcmp(own, other) != 0;
}

void node_merge_under(config_node *map, config_node *under) {
    if (names_another_plugin(map, under)) {
        return;
    }
    for (int i = 0; i < under->count; i++) {
        config_node *given = under->item[i], *own = node_child(map, given->name);
        if (!own) {
            given->parent = map;
            node_append(map, given);
        } else if (own->kind == CONFIG_MAP && given->kind == CONFIG_MAP) {
            node_merge_under(own, given);
        }
    }
}

int config_kind(const config_node *node) {
    return node ? node->kind : CONFIG_NULL;
}

int config_count(const config_node *node) {
    return node ? node->count : 0;
}

const config_node *config_item(const config_node *node, int i) {
    return node && i >= 0 && i < node->count ? node->item[i] : NULL;
}

const char *config_key(const config_node *map, int i) {
    return map && map->kind == CONFIG_MAP && i >= 0 && i < map->count ? map->item[i]->name : NULL;
}

const config_node *config_child(const config_node *map, const char *key) {
    return map && map->kind == CONFIG_MAP ? node_child(map, key) : NULL;
}

const config_node *config_section(const config_node *map, const char *key) {
    const config_node *found = config_child(map, key);
    if (found || !map) {
        return found;
    }
    config_node *parent = (config_node *)map; /* its tree is the config's, which is not const */
    config_node *section = node_create(map->owner, map->source, parent, key);
    section->kind = CONFIG_MAP;
    section->line = map->line;
    section->column = map->column;
    section->key_line = map->key_line;
    section->key_column = map->key_column;
    return section;
}

const char *config_path(const config_node *node) {
    if (!node || !node->parent) {
        return "";
    }
    if (!node->path) {
        const char *parent = config_path(node->parent);
        ((config_node *)node)->path =
            arena_print(&node->owner->arena, "%s%s%s", parent, *parent ? "." : "", node->name);
    }
    return node->path;
}

bool config_is_own(const config_node *node) {
    return node && !node->source->inner;
}

static const char *where(const config_node *node, bool at_key) {
    if (!node) {
        return "";
    }
    const int line = at_key && node->key_line ? node->key_line : node->line;
    const int column = at_key && node->key_line ? node->key_column : node->column;
    return line ? arena_print(&node->owner->arena, "%s:%d:%d", node->source->name, line, column)
                : node->source->name;
}

/* Only a scalar's value is more telling than its key. */
static bool is_told_by_key(const config_node *node) {
    return config_kind(node) != CONFIG_SCALAR;
}

const char *config_where(const config_node *node) {
    return where(node, is_told_by_key(node));
}

static bool fail_there(const config_node *node, bool at_key, kd_error *err, const char *format,
                       va_list arguments) {
    char message[sizeof err->message];
    vsnprintf(message, sizeof message, format, arguments);
    const char *path = config_path(node);
    /* An override's own path stands in its place already: "command line: a.b=1: ...". */
    const bool told = node && node->source->key && strcmp(node->source->key, path) == 0;
    kd_fail(err, KD_E_INVALID, "%s", message);
    if (*path && !told) {
        kd_while(err, "%s", path);
    }
    return node ? kd_while(err, "%s", where(node, at_key)) : false;
}

bool config_fail(const config_node *node, kd_error *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fail_there(node, is_told_by_key(node), err, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_at_key(const config_node *node, kd_error *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fail_there(node, true, err, format, arguments);
    va_end(arguments);
    return false;
}
