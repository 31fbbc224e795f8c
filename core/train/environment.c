/* SPDX-License-Identifier: Apache-2.0
 * The record of what a run was made with. */
#include "train/environment.h"

#include <jansson.h>
#include <sys/utsname.h>
#include <time.h>

static bool add_plugin(json_t *list, const plugin *p, kd_error *err) {
    char digest[65];
    if (!plugin_digest(p, digest, err)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *path = json_string_value(json_object_get(json_array_get(list, i), "path"));
        if (strcmp(path, p->path) == 0) {
            return true;
        }
    }
    return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind",
                                                 plugin_kind_name(p->note.kind), "id", p->note.id,
                                                 "version", p->note.version, "isa", p->note.isa,
                                                 "sha256", digest, "path", p->path)) == 0;
}

static char *dump(json_t *object) {
    char *text = json_dumps(object, JSON_PRESERVE_ORDER | JSON_INDENT(2));
    json_decref(object);
    const size_t length = strlen(text);
    text = kd_grow(text, length + 2);
    memcpy(text + length, "\n", 2);
    return text;
}

char *environment_plugins(const assembly *a, kd_error *err) {
    const run *r = a->run;
    json_t *list = json_array();
    bool ok = add_plugin(list, a->machine.plugin, err) &&
              add_plugin(list, r->data.part.plugin, err) &&
              add_plugin(list, r->backbone.plugin, err) && add_plugin(list, r->method.plugin, err);
    for (int i = 0; ok && i < r->n_evals; i++) {
        ok = add_plugin(list, r->evals[i].part.plugin, err) &&
             add_plugin(list, r->evals[i].train.part.plugin, err) &&
             add_plugin(list, r->evals[i].test.part.plugin, err);
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return dump(json_pack("{s:o}", "plugins", list));
}

static json_t *views_text(const assembly *a) {
    arena memory = {0};
    json_t *views = json_array();
    for (int i = 0; i < a->views.count; i++) {
        const recipe_view *v = &a->views.view[i];
        json_array_append_new(views, json_pack("{s:s, s:i, s:s}", "recipe", v->recipe, "size",
                                               v->augment.size, "ops",
                                               recipe_describe(&v->augment, &memory)));
    }
    arena_free(&memory);
    return views;
}

char *environment_text(const assembly *a) {
    struct utsname system;
    char now[32];
    const time_t seconds = time(NULL);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    uname(&system);
    return dump(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "kindred", KINDRED_VERSION,
                          "written", now, "device", a->machine.plugin->note.id, "describe",
                          a->machine.table->describe(a->machine.device), "precision",
                          machine_precision(&a->machine), "system", system.release, "data",
                          a->identity, "views", views_text(a)));
}
