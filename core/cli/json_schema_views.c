/* SPDX-License-Identifier: Apache-2.0
 * `views:` as JSON Schema: named recipes, or a list of ops of which a cut is the first. */
#include "cli/json_schema.h"

#include "train/recipe.h"
#include "train/recipe_named.h"
#include "train/recipe_ops.h"

/* Options of an op; its lists are pairs. */
static json_t *op_map(int code) {
    int count;
    const option *options = recipe_op_options(code, &count);
    json_t *map = json_schema_map(options, count, NULL), *one;
    const char *key;
    json_object_foreach(json_object_get(map, "properties"), key, one) {
        if (json_object_get(one, "items")) {
            json_object_set_new(one, "minItems", json_integer(2));
            json_object_set_new(one, "maxItems", json_integer(2));
        }
    }
    return map;
}

/* What stands behind `op:`: its options, nothing, or the number that its short form takes. */
static json_t *op_value(int code) {
    json_t *forms = json_pack("[o,{s:s}]", op_map(code), "type", "null");
    const option *first = recipe_op_shorthand(code);
    if (first) {
        json_array_append_new(forms, json_schema_option(first));
    }
    return json_pack("{s:o}", "anyOf", forms);
}

/* One item of the list: `flip`, `flip: 0.5` or `flip: {p: 0.5}`; of the cuts, or of the others. */
static json_t *op_item(bool cuts) {
    json_t *names = json_array();
    json_t *map = json_schema_map(NULL, 0, NULL);
    int count;
    for (int code = 0; recipe_op_options(code, &count); code++) {
        const kd_augment_rule *rule = kd_augment_find_rule(code);
        if ((rule->place == KD_AUGMENT_CUT) == cuts) {
            json_array_append_new(names, json_string(rule->name));
            json_schema_add(map, rule->name, op_value(code));
        }
    }
    json_object_del(json_object_get(map, "properties"), "include"); /* one key, an op's */
    json_object_set_new(map, "minProperties", json_integer(1));
    json_object_set_new(map, "maxProperties", json_integer(1));
    return json_pack("{s:[{s:o},o]}", "anyOf", "enum", names, map);
}

static json_t *ops_schema(void) {
    return json_pack("{s:s,s:i,s:[o],s:o,s:s}", "type", "array", "minItems", 1, "items",
                     op_item(true), "additionalItems", op_item(false), "description",
                     "a cut, then what is done to the view");
}

static json_t *normalize_schema(void) {
    json_t *names = json_pack("[s,s]", "store", "none");
    int count;
    for (int i = 0; recipe_statistics_at(i); i++) {
        json_array_append_new(names, json_string(recipe_statistics_at(i)->name));
    }
    const option *options = recipe_statistics_options(&count);
    return json_pack("{s:[{s:o},o],s:s}", "anyOf", "enum", names,
                     json_schema_map(options, count, NULL), "description",
                     "statistics that pixels are normalised by");
}

static json_t *recipe_schema(void) {
    json_t *names = json_array(), *sources = json_array();
    const char *source = NULL, *name;
    for (int i = 0; (name = recipe_at(i, &source)); i++) {
        json_array_append_new(names, json_string(name));
        json_array_append_new(sources, json_string(source));
    }
    return json_pack("{s:o,s:o,s:s}", "enum", names, "enumDescriptions", sources, "description",
                     "a named recipe; or give a list of ops");
}

json_t *json_schema_op_names(void) {
    json_t *names = json_array();
    int count;
    for (int code = 0; recipe_op_options(code, &count); code++) {
        json_array_append_new(names, json_string(kd_augment_find_rule(code)->name));
    }
    return names;
}

json_t *json_schema_views(void) {
    int count;
    const option *options = recipe_entry_options(&count);
    json_t *entry = json_schema_map(options, count, NULL);
    json_schema_add(entry, "recipe", recipe_schema());
    json_schema_add(entry, "ops", ops_schema());
    json_schema_add(entry, "normalize", normalize_schema());
    json_object_set_new(json_schema_complete(entry), "oneOf",
                        json_pack("[{s:[s]},{s:[s]}]", "required", "recipe", "required", "ops"));
    return json_pack("{s:s,s:i,s:o,s:s}", "type", "array", "minItems", 1, "items", entry,
                     "description", "how images become views; docs/augmentation.md");
}
