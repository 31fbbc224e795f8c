/* SPDX-License-Identifier: Apache-2.0
 * The schema of a study's file: its own keys, and those of a run wherever a part of one may stand.
 */
#include "cli/json_schema_study.h"

#include "study/study_options.h"
#include "study/study_words.h"

#include <limits.h>

/* What becomes part of a folder's name. */
#define WORD "[A-Za-z0-9_][A-Za-z0-9._-]*"

static json_t *map_of(const char *path) {
    const section *s = study_section(path);
    return json_schema_map(s->options, s->count, s->help);
}

static json_t *refer(const char *name) {
    return json_pack("{s:o}", "$ref", json_sprintf("#/definitions/%s", name));
}

/* Any number of items, or nothing at all. */
static json_t *list_of(json_t *items, const char *path) {
    return json_pack("{s:[s,s],s:o,s:s}", "type", "array", "null", "items", items, "description",
                     study_section(path)->help);
}

static json_t *property(json_t *map, const char *key) {
    return json_object_get(json_object_get(map, "properties"), key);
}

/* Numbers and truths are words as they are written, and "-1" is none. */
static json_t *word_schema(void) {
    return json_pack("{s:[{s:s,s:s},{s:s,s:i},{s:s}]}", "anyOf", "type", "string", "pattern",
                     "^" WORD "$", "type", "number", "minimum", 0, "type", "boolean");
}

/* Keys of the run that the study sets itself. */
static json_t *not_given(void) {
    return json_pack("{s:{s:[s,s]}}", "not", "enum", "name", "seed");
}

/* `values` where there is no `key`: maps of the run's keys by name. */
static json_t *named_values(void) {
    json_t *map = json_schema_map(NULL, 0, "a map of the run's keys under each value's name");
    json_object_set_new(map, "propertyNames", json_pack("{s:s}", "pattern", "^" WORD "$"));
    json_object_set_new(map, "additionalProperties", refer("value"));
    json_object_set_new(map, "minProperties", json_integer(1));
    return map;
}

static json_t *listed_values(void) {
    return json_pack("{s:s,s:i,s:b,s:o,s:s}", "type", "array", "minItems", 1, "uniqueItems", true,
                     "items", refer("word"), "description", "values of the key");
}

static json_t *values_schema(json_t *schema) {
    return json_pack("{s:{s:o}}", "properties", "values", schema);
}

static json_t *axis_schema(const registry *plugins) {
    json_t *axis = map_of("matrix[]"), *cases = json_schema_study_keys(plugins);
    json_schema_add(axis, "values", json_true());
    json_schema_require(axis, "values");
    json_object_set_new(property(axis, "axis"), "allOf", json_pack("[o]", refer("word")));
    json_object_set_new(property(axis, "key"), "allOf",
                        json_pack("[o,o]", not_given(), refer("key")));
    json_array_append_new(cases, json_pack("{s:{s:[s]},s:o}", "if", "required", "key", "then",
                                           values_schema(listed_values())));
    json_array_append_new(cases, json_pack("{s:{s:[{s:[s]},{s:[s]}]},s:o}", "if", "anyOf",
                                           "required", "key", "required", "include", "else",
                                           values_schema(named_values())));
    json_object_set_new(axis, "allOf", cases);
    return axis;
}

static json_t *compare_schema(void) {
    json_t *map = map_of("compare");
    json_object_set_new(map, "type", json_pack("[s,s]", "object", "null"));
    json_object_set_new(json_schema_complete(map), "dependencies",
                        json_pack("{s:[s]}", "baseline", "axis"));
    return map;
}

/* A map of anything by names of axes or evals. */
static json_t *by_name(json_t *item, const char *help) {
    json_t *map = json_schema_map(NULL, 0, help);
    json_object_set_new(map, "additionalProperties", item);
    return map;
}

static json_t *paper_schema(void) {
    json_t *paper = map_of("paper[]");
    json_t *of = by_name(refer("word"), "a value for each of some axes");
    json_object_set_new(of, "type", json_pack("[s,s]", "object", "null"));
    json_schema_add(paper, "of", of);
    json_schema_add(paper, "values",
                    by_name(json_pack("{s:s}", "type", "number"), "percent, by an eval's name"));
    json_schema_require(paper, "values");
    return paper;
}

static json_t *override_schema(void) {
    return json_pack("{s:s,s:s}", "type", "string", "pattern", "^(?!(name|seed)=)[^=]+=");
}

/* A run of which any part may be said elsewhere: `run`, and the values of axes. */
static json_t *run_schema(json_t *run) {
    json_schema_partial(run);
    json_object_del(run, "$schema");
    json_object_del(run, "title");
    json_object_del(run, "definitions");
    json_object_del(json_object_get(run, "properties"), "name");
    json_object_del(json_object_get(run, "properties"), "seed");
    json_object_set_new(run, "description", json_string(study_section("run")->help));
    return run;
}

/* A value of an axis: nothing, or keys of the run, and ops to take out of its views. */
static json_t *value_schema(const json_t *run) {
    json_t *value = json_deep_copy(run);
    const char *const cuts[] = {"without", "only"};
    const char *const helps[] = {"ops that are taken out of every view",
                                 "ops that stay in every view; all others are taken out"};
    for (int i = 0; i < 2; i++) {
        json_schema_add(value, cuts[i],
                        json_pack("{s:s,s:{s:o},s:s}", "type", "array", "items", "enum",
                                  json_schema_op_names(), "description", helps[i]));
    }
    json_object_set_new(value, "type", json_pack("[s,s]", "object", "null"));
    json_object_set_new(value, "description", json_string("keys of the run that make this value"));
    return value;
}

static void add_definitions(json_t *to, json_t *run, const registry *plugins) {
    json_object_set_new(to, "run", run_schema(run));
    json_object_set_new(to, "value", value_schema(run));
    json_object_set_new(to, "word", word_schema());
    json_object_set_new(to, "key", json_schema_study_key(plugins));
    json_object_set_new(to, "axis", axis_schema(plugins));
}

/* Bounds of the study's own keys that no table of options has. */
static void bound_keys(json_t *root) {
    json_t *seeds = property(root, "seeds"), *name = property(root, "name");
    json_object_set_new(seeds, "minItems", json_integer(1));
    json_object_set_new(seeds, "maxItems", json_integer(MAX_SEEDS));
    json_object_set_new(seeds, "uniqueItems", json_true());
    json_object_set_new(json_object_get(seeds, "items"), "maximum", json_integer(INT_MAX));
    json_object_set_new(name, "anyOf", json_pack("[{s:[s]},o]", "enum", "", refer("word")));
}

json_t *json_schema_study_create(const registry *plugins) {
    json_t *run = json_schema_create(plugins), *map = map_of("");
    json_t *definitions = json_incref(json_object_get(run, "definitions"));
    json_t *root = json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#",
                             "title", "a study of kindred");
    add_definitions(definitions, run, plugins);
    json_object_update(root, map);
    json_decref(map);
    bound_keys(root);
    json_schema_add(root, "run", refer("run"));
    json_schema_require(root, "run");
    json_schema_add(root, "matrix", list_of(refer("axis"), "matrix[]"));
    json_schema_add(root, "compare", compare_schema());
    json_schema_add(root, "paper", list_of(paper_schema(), "paper[]"));
    json_schema_add(root, "overrides", list_of(override_schema(), "overrides"));
    json_object_set_new(root, "definitions", definitions);
    return root;
}
