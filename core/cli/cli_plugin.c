/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin list` and `kindred plugin describe`: what the notes say, for people and programs.
 */
#include "cli/cli_plugin.h"

#include "cli/cli_reference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char *state_name(plugin_state state) {
    static const char *const names[] = {[PLUGIN_CHOSEN] = "ok",
                                        [PLUGIN_SHADOWED] = "shadowed",
                                        [PLUGIN_TIED] = "tied",
                                        [PLUGIN_REFUSED] = "refused"};
    return names[state];
}

static const char *or_dash(const char *text) {
    return text && *text ? text : "-";
}

static const char *kind_name(const plugin *p) {
    return or_dash(p->note.id ? plugin_kind_name(p->note.kind) : NULL);
}

/* ---- as JSON ---- */

static const struct {
    const char *name, *description;
} types[] = {[KD_OPTION_BOOL] = {"bool", "true or false"},
             [KD_OPTION_INT] = {"int", "whole number"},
             [KD_OPTION_FLOAT] = {"float", "number"},
             [KD_OPTION_TEXT] = {"text", "text"},
             [KD_OPTION_PATH] = {"path", "path"},
             [KD_OPTION_CHOICE] = {"choice", "one of "},
             [KD_OPTION_FLOATS] = {"floats", "list of numbers"},
             [KD_OPTION_INTS] = {"ints", "list of whole numbers"}};

static void put_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, text ? json_string(text) : json_null());
}

static json_t *option_json(const option *o) {
    bool required = (o->flags & KD_OPTION_REQUIRED) != 0;
    json_t *object = json_object();
    put_text(object, "name", o->name);
    put_text(object, "type", types[o->type].name);
    json_object_set_new(object, "required", json_boolean(required));
    put_text(object, "default", required ? NULL : o->value);
    put_text(object, "min", *o->min ? o->min : NULL);
    put_text(object, "max", *o->max ? o->max : NULL);
    put_text(object, "choices", *o->choices ? o->choices : NULL);
    put_text(object, "help", o->help);
    return object;
}

static json_t *plugin_json(const plugin *p, bool with_options) {
    const plugin_note *note = &p->note;
    json_t *object = json_object();
    put_text(object, "kind", note->id ? plugin_kind_name(note->kind) : NULL);
    put_text(object, "id", note->id);
    put_text(object, "version", note->version);
    put_text(object, "summary", note->summary);
    put_text(object, "source", note->source);
    put_text(object, "license", note->license);
    json_object_set_new(object, "abi", json_sprintf("%d.%d", note->abi_major, note->abi_minor));
    put_text(object, "isa", note->isa);
    put_text(object, "path", p->path);
    put_text(object, "found_in", p->level);
    put_text(object, "state", state_name(p->state));
    put_text(object, "reason", *p->reason ? p->reason : NULL);
    put_text(object, "remedy", *p->remedy ? p->remedy : NULL);
    if (with_options) {
        json_t *options = json_array();
        for (int i = 0; i < note->n_options; i++) {
            json_array_append_new(options, option_json(&note->options[i]));
        }
        json_object_set_new(object, "options", options);
    }
    return object;
}

static void print_json(json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

/* ---- list ---- */

static int width(const registry *r, const char *(*text)(const plugin *p), bool all) {
    int widest = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        int length = (int)strlen(text(p));
        widest = (all || p->state == PLUGIN_CHOSEN) && length > widest ? length : widest;
    }
    return widest;
}

static const char *id_text(const plugin *p) {
    return or_dash(p->note.id);
}

static const char *version_text(const plugin *p) {
    return or_dash(p->note.version);
}

static void print_list(const registry *r, bool all) {
    int id_width = width(r, id_text, all), version_width = width(r, version_text, all);
    int unusable = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (!all && p->state != PLUGIN_CHOSEN) {
            unusable += p->state != PLUGIN_SHADOWED;
            continue;
        }
        printf("%-8s  %-*s  %-*s  ", kind_name(p), id_width, id_text(p), version_width,
               version_text(p));
        if (all) {
            printf("%-8s  %s\n", state_name(p->state), p->path);
        } else {
            printf("%s\n", p->note.summary);
        }
        if (all && *p->reason) {
            printf("          %s: %s\n", p->reason, p->remedy);
        }
    }
    if (unusable > 0) {
        printf("%d more cannot be used: kindred plugin list --all says why\n", unusable);
    }
    if (registry_count(r) == 0) {
        printf("no plugins found\n");
    }
}

static bool list(const registry *r, bool all, bool json) {
    if (!json) {
        print_list(r, all);
        return true;
    }
    json_t *array = json_array();
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (all || p->state == PLUGIN_CHOSEN) {
            json_array_append_new(array, plugin_json(p, false));
        }
    }
    print_json(array);
    return true;
}

/* ---- describe ---- */

static void print_option(const option *o, int name_width) {
    printf("  %-*s  %s%s", name_width, o->name, types[o->type].description,
           o->type == KD_OPTION_CHOICE ? o->choices : "");
    if (*o->min && *o->max) {
        printf(" from %s to %s", o->min, o->max);
    } else if (*o->min || *o->max) {
        printf(" %s %s", *o->min ? "from" : "to", *o->min ? o->min : o->max);
    }
    if (o->flags & KD_OPTION_REQUIRED) {
        printf(", required\n");
    } else {
        printf(", default %s\n", *o->value ? o->value : "\"\"");
    }
    printf("  %-*s  %s\n", name_width, "", o->help);
}

static void print_description(const plugin *p) {
    const plugin_note *note = &p->note;
    int name_width = 0;
    printf("%s %s (%s)\n%s\n\n", note->id, note->version, kind_name(p), note->summary);
    printf("source   %s\nlicense  %s\nABI      %d.%d\n", or_dash(note->source),
           or_dash(note->license), note->abi_major, note->abi_minor);
    if (*note->isa) {
        printf("needs    %s\n", note->isa);
    }
    printf("file     %s\nfound    %s\n", p->path, p->level);
    if (p->state != PLUGIN_CHOSEN) {
        printf("%-8s %s: %s\n", state_name(p->state), p->reason, p->remedy);
    }
    for (int i = 0; i < note->n_options; i++) {
        int length = (int)strlen(note->options[i].name);
        name_width = length > name_width ? length : name_width;
    }
    printf(note->n_options > 0 ? "\noptions\n" : "\nno options\n");
    for (int i = 0; i < note->n_options; i++) {
        print_option(&note->options[i], name_width);
    }
}

typedef enum form { FORM_TEXT, FORM_JSON, FORM_MARKDOWN } form;

static void describe_one(const plugin *p, form as) {
    if (as == FORM_JSON) {
        print_json(plugin_json(p, true));
    } else if (as == FORM_MARKDOWN) {
        print_plugin_page(p);
    } else {
        print_description(p);
    }
}

/* A plugin that can be used; else every file that has the id, for a refused one is worth reading
 * about too. */
static bool describe(const registry *r, const char *name, form as, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    const plugin *found = registry_find(r, 0, name, &why);
    bool any = found != NULL;
    if (found) {
        describe_one(found, as);
    }
    for (int i = 0; i < registry_count(r) && !found; i++) {
        const plugin *p = registry_at(r, i);
        if (p->note.id && strcmp(p->note.id, name) == 0) {
            describe_one(p, as);
            any = true;
        }
    }
    if (!any && err) {
        *err = why;
    }
    return any;
}

/* ---- arguments ---- */

/* The value of "--name VALUE" or "--name=VALUE" at *i, moving *i to the last argument used. */
static bool value_of(const char *name, int argc, char **argv, int *i, const char **ret,
                     kd_error *err) {
    size_t length = strlen(name);
    if (argv[*i][length] == '=') {
        *ret = argv[*i] + length + 1;
        return true;
    }
    if (*i + 1 >= argc) {
        kd_fail(err, KD_E_INVALID, "%s wants a value", name);
        return kd_hint(err, "write %s PATH", name);
    }
    *ret = argv[++*i];
    return true;
}

static bool is_option(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 &&
           (argument[length] == 0 || argument[length] == '=');
}

bool take_plugin_search(int *argc, char **argv, arena *a, plugin_search *ret, kd_error *err) {
    const char **files = arena_alloc(a, ((size_t)*argc + 1) * sizeof *files);
    const char **folders = arena_alloc(a, ((size_t)*argc + 1) * sizeof *folders);
    plugin_search search = {.files = files, .folders = folders};
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        bool ok = true;
        if (is_option(argv[i], "--plugin-path")) {
            ok = value_of("--plugin-path", *argc, argv, &i, &folders[search.n_folders++], err);
        } else if (is_option(argv[i], "--plugin")) {
            ok = value_of("--plugin", *argc, argv, &i, &files[search.n_files++], err);
        } else if (strcmp(argv[i], "--no-user-plugins") == 0) {
            search.no_user_plugins = true;
        } else {
            argv[kept++] = argv[i];
        }
        if (!ok) {
            return false;
        }
    }
    *argc = kept;
    *ret = search;
    return true;
}

static bool wrong_use(kd_error *err, const char *format, const char *word) {
    kd_fail(err, KD_E_INVALID, format, word);
    return kd_hint(err, "kindred plugin list [--all] [--json]\n"
                        "kindred plugin describe ID [--json | --markdown]");
}

typedef struct request {
    const char *command, *id;
    bool all;
    form as;
} request;

static bool parse(int argc, char **argv, request *ret, kd_error *err) {
    *ret = (request){0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            ret->as = FORM_JSON;
        } else if (strcmp(argv[i], "--markdown") == 0) {
            ret->as = FORM_MARKDOWN;
        } else if (strcmp(argv[i], "--all") == 0) {
            ret->all = true;
        } else if (argv[i][0] == '-') {
            return wrong_use(err, "plugin: unknown option %s", argv[i]);
        } else if (!ret->command) {
            ret->command = argv[i];
        } else if (!ret->id) {
            ret->id = argv[i];
        } else {
            return wrong_use(err, "plugin: one word too many: %s", argv[i]);
        }
    }
    bool lists = ret->command && strcmp(ret->command, "list") == 0;
    bool describes = ret->command && strcmp(ret->command, "describe") == 0;
    if (!lists && !describes) {
        return wrong_use(err, "plugin: %s",
                         ret->command ? "no such command" : "which command is missing");
    }
    if (lists ? ret->id != NULL || ret->as == FORM_MARKDOWN : !ret->id || ret->all) {
        return wrong_use(err, "plugin %s: used wrongly", ret->command);
    }
    return true;
}

bool command_plugin(int argc, char **argv, kd_error *err) {
    arena a = {0};
    plugin_search search;
    request want;
    registry *r = NULL;
    bool ok =
        take_plugin_search(&argc, argv, &a, &search, err) && parse(argc, argv, &want, err) &&
        (r = registry_open(&search, err)) != NULL &&
        (want.id ? describe(r, want.id, want.as, err) : list(r, want.all, want.as == FORM_JSON));
    registry_close(r);
    arena_free(&a);
    return ok;
}
