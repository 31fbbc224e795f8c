/* SPDX-License-Identifier: Apache-2.0
 * The schema of a whole file: sections, and in those that name a plugin its options. */
#include "cli/json_schema.h"

#include "train/run_options.h"

#include <string.h>

/* Keys of a map that are maps of their own, which no table of options holds. */
typedef struct inner {
    const char *path; /* of the section */
    const char *keys[2], *names[2];
} inner;
static const inner inners[] = {
    {"data", {"store", "pairs"}, {"data.store", "data.pairs"}},
    {"evals[]", {"train", "test"}, {"data", "data"}},
};

static const inner *find_inner(const section *s) {
    for (size_t i = 0; i < sizeof inners / sizeof *inners; i++) {
        if (strcmp(inners[i].path, s->path) == 0) {
            return &inners[i];
        }
    }
    return NULL;
}

static bool is_used(const plugin *p, uint32_t kind) {
    return p->state == PLUGIN_CHOSEN && p->note.kind == kind;
}

/* An id and what may follow, as a regular expression: ids have letters, digits, -, _ and dots. */
static json_t *id_pattern(const char *id, const char *end) {
    char text[512];
    size_t used = 0;
    text[used++] = '^';
    for (; *id && used < sizeof text / 2; id++) {
        if (*id == '.') {
            text[used++] = '\\';
        }
        text[used++] = *id;
    }
    return json_sprintf("%.*s%s", (int)used, text, end);
}

json_t *json_schema_plugin_name(const registry *plugins, uint32_t kind) {
    json_t *names = json_array(), *help = json_array(), *forms = json_array();
    json_array_append_new(forms, json_pack("{s:o,s:o}", "enum", names, "enumDescriptions", help));
    for (int i = 0; i < registry_count(plugins); i++) {
        const plugin *p = registry_at(plugins, i);
        if (is_used(p, kind)) {
            json_array_append_new(names, json_string(p->note.id));
            json_array_append_new(help, json_string(p->note.summary));
            json_array_append_new(forms,
                                  json_pack("{s:o}", "pattern", id_pattern(p->note.id, "@.+$")));
        }
    }
    return json_pack("{s:s,s:s,s:o}", "type", "string", "description",
                     "a plugin's id, or ID@VERSION; `kindred plugin list` lists them", "anyOf",
                     forms);
}

/* All keys that may stand beside a plugin's: known here, described in the section. */
static void allow_section(json_t *map, const section *s) {
    const inner *in = find_inner(s);
    json_schema_add(map, "plugin", json_true());
    for (int i = 0; i < s->count; i++) {
        json_schema_add(map, s->options[i].name, json_true());
    }
    for (int i = 0; in && i < 2; i++) {
        json_schema_add(map, in->keys[i], json_true());
    }
}

/* A map inside of one that includes files may have its missing keys from them: so there it refers
 * to a definition that asks for none, "partial." and its name. */
static void refer(json_t *map, const char *key, const char *name) {
    json_t *complete = json_schema_complete(map), *partial = json_object_get(map, "then");
    if (!partial) {
        partial = json_pack("{s:{}}", "properties");
        json_object_set_new(map, "then", partial);
        json_object_set_new(complete, "properties", json_object());
    }
    json_schema_add(map, key, json_true());
    json_schema_add(complete, key,
                    json_pack("{s:o}", "$ref", json_sprintf("#/definitions/%s", name)));
    json_schema_add(partial, key,
                    json_pack("{s:o}", "$ref", json_sprintf("#/definitions/partial.%s", name)));
}

void json_schema_partial(json_t *map) {
    if (json_object_get(map, "else")) {
        json_t *then = json_incref(json_object_get(map, "then"));
        json_object_del(map, "if");
        json_object_del(map, "then");
        json_object_del(map, "else");
        json_object_update_recursive(map, then);
        json_decref(then);
    }
}

/* The same of all maps in it. */
static void make_partial(json_t *schema) {
    const char *key;
    json_t *one;
    size_t i;
    json_schema_partial(schema);
    json_object_foreach(schema, key, one) {
        make_partial(one);
    }
    json_array_foreach(schema, i, one) {
        make_partial(one);
    }
}

/* if it is this plugin, then it has these options and no others. */
static json_t *plugin_case(const plugin *p, const section *s) {
    json_t *then = json_schema_map(p->note.options, p->note.n_options, p->note.summary);
    allow_section(then, s);
    return json_pack("{s:{s:{s:{s:o}},s:[s]},s:o}", "if", "properties", "plugin", "pattern",
                     id_pattern(p->note.id, "(@.*)?$"), "required", "plugin", "then", then);
}

/* A section without a plugin. Nothing at all is its defaults, where it has them for all. */
static json_t *plain_section(const section *s) {
    json_t *map = json_schema_map(s->options, s->count, s->help);
    if (!json_object_get(map, "else")) {
        json_object_set_new(map, "type", json_pack("[s,s]", "object", "null"));
    }
    return map;
}

static json_t *plugin_section(const registry *plugins, const section *s) {
    json_t *map = json_schema_map(s->options, s->count, s->help), *cases = json_array();
    const inner *in = find_inner(s);
    json_schema_add(map, "plugin", json_schema_plugin_name(plugins, s->kind));
    json_schema_require(map, "plugin");
    for (int i = 0; in && i < 2; i++) {
        refer(map, in->keys[i], in->names[i]);
    }
    for (int i = 0; i < registry_count(plugins); i++) {
        if (is_used(registry_at(plugins, i), s->kind)) {
            json_array_append_new(cases, plugin_case(registry_at(plugins, i), s));
        }
    }
    if (json_array_size(cases) > 0) {
        json_object_del(map, "additionalProperties"); /* the cases say it */
        json_object_set_new(map, "allOf", cases);
    } else {
        json_decref(cases);
    }
    return map;
}

static json_t *section_schema(const registry *plugins, const section *s) {
    json_t *one = s->kind ? plugin_section(plugins, s) : plain_section(s);
    if (strcmp(s->path, "device") == 0) {
        return json_pack("{s:[{s:[s]},o],s:s}", "anyOf", "enum", "auto", one, "description",
                         s->help);
    }
    return one;
}

/* What a section is called among the definitions: data.store, eval. */
static json_t *definition_name(const section *s) {
    const char *list = strstr(s->path, "s[]");
    return json_stringn(s->path, list ? (size_t)(list - s->path) : strlen(s->path));
}

/* The key of the whole file that this section is; NULL: it is inside of another. */
static const char *root_key(const section *s) {
    return strchr(s->path, '.') ? NULL : strstr(s->path, "[]") ? "evals" : s->path;
}

static bool is_required(const section *s) {
    bool required = s->kind && s->kind != KD_KIND_DEVICE && !strstr(s->path, "[]");
    for (int i = 0; i < s->count; i++) {
        required |= (s->options[i].flags & KD_OPTION_REQUIRED) != 0;
    }
    return required;
}

static void add_section(json_t *root, const section *s, const char *name) {
    const char *key = root_key(s);
    if (key && is_required(s)) {
        json_schema_require(root, key);
    }
    if (key && strcmp(key, name) == 0) {
        refer(root, key, name);
    } else if (key) { /* a list of them, which replaces others' */
        json_schema_add(root, key,
                        json_pack("{s:[s,s],s:{s:o},s:s}", "type", "array", "null", "items", "$ref",
                                  json_sprintf("#/definitions/%s", name), "description", s->help));
    }
}

static void add_definition(json_t *definitions, const char *name, json_t *schema) {
    json_t *partial = json_deep_copy(schema), *key = json_sprintf("partial.%s", name);
    make_partial(partial);
    json_object_set_new(definitions, json_string_value(key), partial);
    json_object_set_new(definitions, name, schema);
    json_decref(key);
}

json_t *json_schema_create(const registry *plugins) {
    const section *whole = run_section("");
    json_t *root = json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#",
                             "title", "a run of kindred");
    json_t *map = json_schema_map(whole->options, whole->count, whole->help);
    json_t *definitions = json_object();
    json_object_update(root, map);
    json_decref(map);
    for (int i = 0; i < run_section_count; i++) {
        const section *s = &run_sections[i];
        if (*s->path) {
            json_t *name = definition_name(s);
            add_definition(definitions, json_string_value(name), section_schema(plugins, s));
            add_section(root, s, json_string_value(name));
            json_decref(name);
        }
    }
    json_schema_add(root, "views", json_schema_views());
    json_schema_require(root, "views");
    json_object_set_new(root, "definitions", definitions);
    return root;
}
