/* SPDX-License-Identifier: Apache-2.0
 * A strict YAML configuration: a tree of nodes that know where they were written, and the filling
 * of structs from it.
 *
 * Messages begin with the place and the dotted path: "run.yaml:3:5: data.pth: unknown key; did you
 * mean data.path?", or with "command line: data.pth=x: ..." for what an override brought.
 * Scalars follow YAML 1.2's core schema: `yes` is text, `1e-3` a number, `0x10` and `0o17` whole
 * numbers; what is quoted is text. Refused: duplicate keys, several documents, tags, keys with '.'
 * or '=', an alias inside its own anchor, and what is absurdly deep or large.
 *
 * `include: FILE` or `include: [FILE, ...]` in any map stands for the keys of other files, whose
 * paths are relative to the file that names them. Maps merge key by key; else the includer wins
 * over what it includes, and a later file of a list over an earlier one; lists replace. So does a
 * map that names another `plugin`, at whatever level: {include: a.yaml, plugin: other} takes
 * nothing of an a.yaml that names its plugin. Every key keeps the place where it was written. A
 * file must not be reached from itself. [main thread] */
#ifndef CORE_CONFIG_CONFIG_H
#define CORE_CONFIG_CONFIG_H

#include "base/arena.h"
#include "config/option.h"

#include <kindred/error.h>

typedef struct config config;           /* owns the nodes and their texts */
typedef struct config_node config_node; /* borrowed from its config */

/* Reads a file, or `bytes` of text under the name of `name`, whose outermost node must be a map (or
 * nothing), then applies the overrides in order. NULL on failure.
 *
 * overrides  count texts "a.b=VALUE": VALUE is YAML and replaces what is there; missing maps are
 *            made on the way; "views.0.size=32" goes into a list, whose index may be one past the
 *            last to append. */
config *config_load(const char *path, const char *const *overrides, int count, kd_error *err);
config *config_load_text(const char *name, const char *text, size_t bytes,
                         const char *const *overrides, int count, kd_error *err);
void config_destroy(config *c);

/* A configuration that begins as a copy of a map of another, which must outlive it: nodes keep the
 * places where they were written. fails where there are too many keys. owns: config_destroy */
config *config_copy(const config_node *map, kd_error *err);

/* Lays a copy of one more map over it, which wins as an includer does over what it includes. */
bool config_lay(config *c, const config_node *map, kd_error *err);

/* Puts a copy of a node where "a.b" of it is, as an override would. */
bool config_put(config *c, const char *path, const config_node *value, kd_error *err);

/* One more override. */
bool config_override(config *c, const char *text, kd_error *err);

/* Takes a child out of a map or list; items behind it move up. */
void config_remove(const config_node *parent, const config_node *child);

const config_node *config_root(const config *c); /* a map */

/* All but config_fail take NULL for a node that is not there. */
#define CONFIG_NULL 1 /* nothing, `~` or `null`; also the kind of NULL */
#define CONFIG_SCALAR 2
#define CONFIG_LIST 3
#define CONFIG_MAP 4
int config_kind(const config_node *node);

/* Items of a list or entries of a map, in the order written; 0 for others. */
int config_count(const config_node *node);
const config_node *config_item(const config_node *node, int i); /* an item, or an entry's value */
const char *config_key(const config_node *map, int i);
const config_node *config_child(const config_node *map, const char *key); /* NULL: none */

/* The child, or an empty map in its place that is located at `map`: filling it sets all defaults,
 * or says where what is required should have been. */
const config_node *config_section(const config_node *map, const char *key);

const char *config_path(const config_node *node);  /* "views.0.size"; "" for the root */
const char *config_where(const config_node *node); /* "run.yaml:3:5" or "command line: a.b=1" */

/* Whether the document itself says it: the file that was loaded, those that it includes at its
 * outermost level, or an override; not a file that a map inside of it includes. */
bool config_is_own(const config_node *node);

/* fails when the node is of another kind; the message says what was expected and what is there. */
bool config_get_bool(const config_node *node, bool *ret, kd_error *err);
bool config_get_int(const config_node *node, int64_t *ret, kd_error *err);
bool config_get_float(const config_node *node, double *ret, kd_error *err); /* a whole one too */
/* Any scalar, as it is written; lives as long as the config. */
bool config_get_text(const config_node *node, const char **ret, kd_error *err);

/* Fails with KD_E_INVALID: place, path, message. A hint may follow by kd_hint. Returns false. */
__attribute__((format(printf, 3, 4))) bool config_fail(const config_node *node, kd_error *err,
                                                       const char *format, ...);

/* Fills a struct from a map: defaults, then the map's values, all checked against the options.
 *
 * map         NULL or nothing: all defaults
 * other_keys  keys of this map that someone else reads, ending in NULL; NULL: none
 * into        fields that no option names keep their values; nothing is written on failure
 * a           gets texts and lists
 * fails       on an unknown key, a wrong type, a value out of range or not among the choices, a
 *             missing required key; with KD_E_INTERNAL when the options themselves are wrong (a
 *             field outside of `into`, a default that does not parse) */
bool config_fill(const config_node *map, const option *options, int count,
                 const char *const *other_keys, void *into, size_t into_size, arena *a,
                 kd_error *err);

/* Only the last of these checks: fields inside of the struct and of their type's size, bounds and
 * defaults that parse, defaults in range, no name twice. `whose` begins the message: "simclr". */
bool config_check_options(const char *whose, const option *options, int count, size_t into_size,
                          kd_error *err);

#endif
