/* SPDX-License-Identifier: Apache-2.0
 * Paths of a run's keys, with what may stand there. */
#include "cli/json_schema_study.h"

#include "train/run_options.h"

#include <string.h>

/* One word can be an axis' value; lists and maps are values under names. */
static bool is_single(const option *o) {
    return o->type != KD_OPTION_FLOATS && o->type != KD_OPTION_INTS;
}

static void add(json_t *paths, const section *s, const char *key, json_t *schema) {
    json_t *path = json_sprintf("%s%s%s", s->path, *s->path ? "." : "", key);
    json_t *forms = json_object_get(paths, json_string_value(path));
    if (!forms) {
        forms = json_array();
        json_object_set_new(paths, json_string_value(path), forms);
    }
    json_array_append_new(forms, schema);
    json_decref(path);
}

static void add_options(json_t *paths, const section *s, const option *options, int count) {
    for (int i = 0; i < count; i++) {
        if (is_single(&options[i])) {
            add(paths, s, options[i].name, json_schema_option(&options[i]));
        }
    }
}

static void add_plugins(json_t *paths, const section *s, const registry *plugins) {
    add(paths, s, "plugin", json_schema_plugin_name(plugins, s->kind));
    for (int i = 0; i < registry_count(plugins); i++) {
        const plugin *p = registry_at(plugins, i);
        if (p->state == PLUGIN_CHOSEN && p->note.kind == s->kind) {
            add_options(paths, s, p->note.options, p->note.n_options);
        }
    }
}

/* By path: a list of what may stand there. Items of lists have numbers in theirs, of any size. */
static json_t *all_paths(const registry *plugins) {
    json_t *paths = json_object();
    for (int i = 0; i < run_section_count; i++) {
        const section *s = &run_sections[i];
        if (!strstr(s->path, "[]")) {
            add_options(paths, s, s->options, s->count);
            if (s->kind) {
                add_plugins(paths, s, plugins);
            }
        }
    }
    json_object_del(paths, "name");
    json_object_del(paths, "seed");
    return paths;
}

json_t *json_schema_study_key(const registry *plugins) {
    json_t *paths = all_paths(plugins), *keys = json_array(), *forms;
    const char *path;
    json_object_foreach(paths, path, forms) {
        json_array_append_new(keys, json_string(path));
    }
    json_decref(paths);
    return json_pack("{s:[{s:o},{s:s}]}", "anyOf", "enum", keys, "pattern",
                     "^(views|evals)\\.[0-9]+\\..");
}

json_t *json_schema_study_keys(const registry *plugins) {
    json_t *paths = all_paths(plugins), *cases = json_array(), *forms;
    const char *path;
    json_object_foreach(paths, path, forms) {
        json_t *one = json_array_size(forms) == 1 ? json_incref(json_array_get(forms, 0))
                                                  : json_pack("{s:O}", "anyOf", forms);
        json_array_append_new(cases, json_pack("{s:{s:[s],s:{s:{s:s}}},s:{s:{s:{s:o}}}}", "if",
                                               "required", "key", "properties", "key", "const",
                                               path, "then", "properties", "values", "items", one));
    }
    json_decref(paths);
    return cases;
}
