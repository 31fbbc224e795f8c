/* SPDX-License-Identifier: Apache-2.0
 * YAML text to nodes, by libyaml's events; aliases become copies. */
#include "config/tree.h"

#include "config/scalar.h"
#include "config/syntax.h"

typedef struct anchor {
    struct anchor *next; /* newest first: a later anchor hides an earlier one of its name */
    const char *name;
    const config_node *node;
    bool open; /* its node is not complete */
} anchor;

typedef struct builder {
    config *config;
    const source *from;
    yaml_parser_t parser;
    anchor *anchors;
    kd_error *err;
} builder;

/* fails at what is no YAML; otherwise the event is to be deleted. */
static bool next_event(builder *b, yaml_event_t *event) {
    return yaml_parser_parse(&b->parser, event) == 1 || syntax_fail(&b->parser, b->from, b->err);
}

static config_node *build(builder *b, yaml_event_t *event, config_node *parent, const char *name,
                          int depth);

static void set_place(const builder *b, const yaml_event_t *event, int *line, int *column) {
    if (!b->from->key) {
        *line = (int)event->start_mark.line + 1;
        *column = (int)event->start_mark.column + 1;
    }
}

/* A new node at the event, unless there are too many or it is too deep. */
static config_node *create(builder *b, const yaml_event_t *event, config_node *parent,
                           const char *name, int depth) {
    config_node *node = node_create(b->config, b->from, parent, name);
    set_place(b, event, &node->line, &node->column);
    if (depth > MAX_DEPTH) {
        config_fail(node, b->err, "nested more than %d deep", MAX_DEPTH);
        return NULL;
    }
    if (++b->config->nodes > MAX_NODES) {
        config_fail(node, b->err, "more than %d keys and values", MAX_NODES);
        return NULL;
    }
    return node;
}

static bool read_text(const builder *b, const config_node *node, const yaml_event_t *event,
                      size_t limit, const char **ret) {
    const char *text = (const char *)event->data.scalar.value;
    const size_t length = event->data.scalar.length;
    if (length > limit) {
        return config_fail(node, b->err, "longer than %zu bytes", limit);
    }
    if (strlen(text) != length) {
        return config_fail(node, b->err, "holds a zero character");
    }
    *ret = arena_text(&b->config->arena, text);
    return true;
}

static bool build_scalar(const builder *b, config_node *node, const yaml_event_t *event) {
    node->kind = CONFIG_SCALAR;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!read_text(b, node, event, MAX_TEXT_BYTES, &node->text)) {
        return false;
    }
    if (node->plain && scalar_kind(node->text) == SCALAR_NULL) {
        node->kind = CONFIG_NULL;
    }
    return true;
}

static bool build_list(builder *b, config_node *node, int depth) {
    node->kind = CONFIG_LIST;
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event)) {
            return false;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        char index[16];
        snprintf(index, sizeof index, "%d", node->count);
        config_node *item = build(b, &event, node, index, depth + 1);
        if (!item) {
            return false;
        }
        node_append(node, item);
    }
}

static bool check_key(const builder *b, const config_node *map, const config_node *key) {
    const config_node *first = node_child(map, key->name);
    if (first) {
        fail_at_key(key, b->err, "given twice");
        return kd_hint(b->err, "the first is at %s; keep one of them", config_where(first));
    }
    if (strpbrk(key->name, ".=")) {
        fail_at_key(key, b->err, "a key must not hold '.' or '='");
        return kd_hint(b->err, "nest it, as in `data: {path: ...}`; on the command line it is "
                               "data.path=...");
    }
    return *key->name || fail_at_key(key, b->err, "an empty key");
}

/* Reads a key into a node that stands for the entry in messages, until its value is there. */
static config_node *build_key(builder *b, config_node *map, yaml_event_t *event) {
    config_node *key = node_create(b->config, b->from, map, "");
    set_place(b, event, &key->line, &key->column);
    key->key_line = key->line;
    key->key_column = key->column;
    bool right = false;
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.tag || event->data.scalar.anchor) {
        key->parent = NULL; /* it has no name to tell */
        fail_at_key(key, b->err, "a key must be a word");
    } else if (read_text(b, key, event, MAX_KEY_BYTES, &key->name)) {
        right = check_key(b, map, key);
    }
    yaml_event_delete(event);
    return right ? key : NULL;
}

static bool build_map(builder *b, config_node *node, int depth) {
    node->kind = CONFIG_MAP;
    for (;;) {
        yaml_event_t event;
        if (!next_event(b, &event)) {
            return false;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        const config_node *key = build_key(b, node, &event);
        if (!key || !next_event(b, &event)) {
            return false;
        }
        config_node *value = build(b, &event, node, key->name, depth + 1);
        if (!value) {
            return false;
        }
        value->key_line = key->key_line;
        value->key_column = key->key_column;
        node_append(node, value);
    }
}

/* Where an alias stands, what its anchor holds; places stay those of the text it was written in. */
static config_node *copy(builder *b, const yaml_event_t *event, const config_node *from,
                         config_node *parent, const char *name, int depth) {
    config_node *node = create(b, event, parent, name, depth);
    if (!node) {
        return NULL;
    }
    node->line = from->line;
    node->column = from->column;
    node->key_line = from->key_line;
    node->key_column = from->key_column;
    node->kind = from->kind;
    node->plain = from->plain;
    node->text = from->text;
    for (int i = 0; i < from->count; i++) {
        config_node *item = copy(b, event, from->item[i], node, from->item[i]->name, depth + 1);
        if (!item) {
            return NULL;
        }
        node_append(node, item);
    }
    return node;
}

static config_node *build_alias(builder *b, const yaml_event_t *event, config_node *parent,
                                const char *name, int depth) {
    const char *wanted = (const char *)event->data.alias.anchor;
    const config_node *at = create(b, event, parent, name, depth);
    const anchor *found = b->anchors;
    while (found && strcmp(found->name, wanted) != 0) {
        found = found->next;
    }
    if (!at) {
        return NULL;
    }
    if (!found || found->open) {
        config_fail(at, b->err,
                    found ? "*%s stands inside of &%s itself" : "there is no &%s before *%s",
                    wanted, wanted);
        kd_hint(b->err, "quote a text that begins with *");
        return NULL;
    }
    return copy(b, event, found->node, parent, name, depth);
}

static bool has_tag(const yaml_event_t *event) {
    return event->type == YAML_SCALAR_EVENT           ? event->data.scalar.tag != NULL
           : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.tag != NULL
                                                      : event->data.mapping_start.tag != NULL;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event) {
    return event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
           : event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                      : event->data.mapping_start.anchor;
}

static bool build_content(builder *b, const yaml_event_t *event, config_node *node, int depth) {
    anchor *mark = NULL;
    if (has_tag(event)) {
        config_fail(node, b->err, "tags (words that begin with !) are not understood");
        return kd_hint(b->err, "remove it, or quote a text that begins with !");
    }
    if (anchor_of(event)) {
        mark = arena_alloc(&b->config->arena, sizeof *mark);
        *mark = (anchor){.next = b->anchors,
                         .name = arena_text(&b->config->arena, (const char *)anchor_of(event)),
                         .node = node,
                         .open = true};
        b->anchors = mark;
    }
    const bool done = event->type == YAML_SCALAR_EVENT           ? build_scalar(b, node, event)
                      : event->type == YAML_SEQUENCE_START_EVENT ? build_list(b, node, depth)
                                                                 : build_map(b, node, depth);
    if (mark) {
        mark->open = false;
    }
    return done;
}

/* Takes the event over. */
static config_node *build(builder *b, yaml_event_t *event, config_node *parent, const char *name,
                          int depth) {
    config_node *node;
    if (event->type == YAML_ALIAS_EVENT) {
        node = build_alias(b, event, parent, name, depth);
    } else {
        node = create(b, event, parent, name, depth);
        if (node && !build_content(b, event, node, depth)) {
            node = NULL;
        }
    }
    yaml_event_delete(event);
    return node;
}

/* The one document's outermost node; an empty text has none. */
static config_node *build_document(builder *b) {
    yaml_event_t event;
    if (!next_event(b, &event)) {
        return NULL;
    }
    yaml_event_delete(&event); /* the stream's start */
    if (!next_event(b, &event)) {
        return NULL;
    }
    if (event.type == YAML_STREAM_END_EVENT) {
        config_node *nothing = create(b, &event, NULL, NULL, 0);
        yaml_event_delete(&event);
        return nothing;
    }
    yaml_event_delete(&event); /* the document's start */
    config_node *root = next_event(b, &event) ? build(b, &event, NULL, NULL, 0) : NULL;
    if (!root || !next_event(b, &event)) {
        return NULL;
    }
    yaml_event_delete(&event); /* the document's end */
    if (!next_event(b, &event)) {
        return NULL;
    }
    if (event.type != YAML_STREAM_END_EVENT) {
        config_node *second = node_create(b->config, b->from, NULL, NULL);
        second->kind = CONFIG_SCALAR;
        set_place(b, &event, &second->line, &second->column);
        config_fail(second, b->err, "a second document begins here");
        kd_hint(b->err, "keep one document a file; remove the line ---");
        root = NULL;
    }
    yaml_event_delete(&event);
    return root;
}

config_node *tree_parse(config *c, const source *from, const char *text, size_t bytes,
                        kd_error *err) {
    builder b = {.config = c, .from = from, .err = err};
    if (!yaml_parser_initialize(&b.parser)) {
        kd_fail(err, KD_E_MEMORY, "%s: out of memory", from->name);
        return NULL;
    }
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, bytes);
    config_node *root = build_document(&b);
    yaml_parser_delete(&b.parser);
    return root;
}
