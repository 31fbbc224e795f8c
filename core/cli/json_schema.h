/* SPDX-License-Identifier: Apache-2.0
 * The configuration as a JSON Schema (draft-07, which editors of YAML know best), from the same
 * tables that check it: editors complete keys, show their help and mark what would be refused. */
#ifndef CORE_CLI_JSON_SCHEMA_H
#define CORE_CLI_JSON_SCHEMA_H

#include "config/option.h"
#include "plugin/registry.h"

#include <jansson.h>

/* A run's whole file: the host's keys and the options of every plugin that would be used. The
 * caller frees it by json_decref. */
json_t *json_schema_create(const registry *plugins);

/* The same of a study's file. */
json_t *json_schema_study_create(const registry *plugins);

/* The list `views:`. */
json_t *json_schema_views(void);

/* The names of ops of views. */
json_t *json_schema_op_names(void);

/* A plugin's id, or one that is pinned to a version: "simclr", "simclr@^1.2". */
json_t *json_schema_plugin_name(const registry *plugins, uint32_t kind);

/* One option's value. */
json_t *json_schema_option(const option *o);

/* A map that has these options and `include`, and no other keys until json_schema_add() adds them;
 * help may be NULL. */
json_t *json_schema_map(const option *options, int count, const char *help);

/* Adds the options to the map's properties, and the required ones to what it must have. */
void json_schema_add_options(json_t *map, const option *options, int count);

/* Adds a key to the map's properties; takes `value`. */
void json_schema_add(json_t *map, const char *key, json_t *value);

/* What holds of the map when it is all that there is: where it includes other files, they may have
 * what is missing. Borrowed. */
json_t *json_schema_complete(json_t *map);

/* Takes out what holds only when the map is all that there is; maps in it stay as they are. */
void json_schema_partial(json_t *map);

/* Adds a key to those that must be there then. */
void json_schema_require(json_t *map, const char *key);

#endif
