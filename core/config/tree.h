/* SPDX-License-Identifier: Apache-2.0
 * The nodes of a configuration, as the files of this folder see them. */
#ifndef CORE_CONFIG_TREE_H
#define CORE_CONFIG_TREE_H

#include "config/config.h"

#include <sys/types.h>

/* Far above any real configuration, and low enough that a hostile one costs milliseconds. */
#define MAX_DEPTH 32
#define MAX_NODES 10000
#define MAX_FILE_BYTES ((size_t)1 << 20)
#define MAX_TEXT_BYTES ((size_t)1 << 16)
#define MAX_KEY_BYTES ((size_t)128)

#define MAX_INCLUDES 16 /* files inside of one another */

/* Where a text comes from. */
typedef struct source {
    const char *name; /* "run.yaml", or "command line: a.b=1" */
    const char *key;  /* of an override, "a.b": it has no lines, and its path is in its name */
    const struct source *includer; /* the file that includes this one; NULL: none */
    bool inner;                    /* a map inside of the document includes it: config_is_own */
    bool is_file;                  /* what follows is known */
    dev_t device;
    ino_t inode;
} source;

struct config_node {
    config *owner;
    config_node *parent; /* NULL for the root */
    const char *name;    /* the key, or the index as text */
    const source *source;
    int line, column;         /* of the value, from 1; 0: none */
    int key_line, key_column; /* of the key; 0: none */
    int kind;
    bool plain;         /* a scalar without quotes */
    const char *text;   /* of a scalar */
    config_node **item; /* of a list or map */
    int count, room;
    const char *path; /* made when asked for */
};

struct config {
    arena arena;
    config_node *root;
    int nodes;
    size_t bytes; /* of all its files */
};

config_node *node_create(config *c, const source *from, config_node *parent, const char *name);

void node_append(config_node *parent, config_node *child);

/* Puts a child in place of one of the same name, else at the end. */
void node_put(config_node *parent, config_node *child);
config_node *node_child(const config_node *map, const char *key);

/* Takes a child out; items of a list that come behind it get new names. */
void node_remove(config_node *parent, const config_node *child);

/* Puts the entries of the map `under` into `map` where it has none of that name; maps on both sides
 * merge in the same way. Of a map that names another plugin than the one over it, nothing stays.
 * `under` must not be used any more. */
void node_merge_under(config_node *map, config_node *under);

/* Parses one YAML document into a tree without parent. An empty one is CONFIG_NULL. */
config_node *tree_parse(config *c, const source *from, const char *text, size_t bytes,
                        kd_error *err);

/* The same of a text whose outermost node must be a map, or nothing, which becomes an empty one. */
config_node *tree_parse_map(config *c, const source *from, const char *text, size_t bytes,
                            kd_error *err);

/* Puts a value where from->key says, making maps on the way. */
bool tree_put(config *c, const source *from, config_node *value, kd_error *err);

/* Applies "a.b=VALUE". */
bool tree_override(config *c, const char *text, kd_error *err);

/* config_fail at the key instead of the value. */
__attribute__((format(printf, 3, 4))) bool fail_at_key(const config_node *node, kd_error *err,
                                                       const char *format, ...);

/* What is there, for messages: 64, text "abc", a list, nothing. Returns `to`. */
#define DESCRIPTION_BYTES 96
const char *node_describe(const config_node *node, char to[DESCRIPTION_BYTES]);

#endif
