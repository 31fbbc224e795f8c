/* SPDX-License-Identifier: Apache-2.0
 * The record of what a run was made with. */
#include "train/environment.h"

#include <jansson.h>
#include <sys/utsname.h>
#include <time.h>

static char *dump(json_t *object) {
    char *text = json_dumps(object, JSON_PRESERVE_ORDER | JSON_INDENT(2));
    json_decref(object);
    const size_t length = strlen(text);
    text = kd_grow(text, length + 2);
    memcpy(text + length, "\n", 2);
    return text;
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
