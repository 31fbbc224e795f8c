/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin describe`: what a note says, for people and programs. */
#include "cli/cli_plugin.h"
#include "cli/cli_plugin_words.h"
#include "cli/cli_reference.h"

#include <stdio.h>
#include <stdlib.h>

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

static json_t *ops_json(const plugin_note *note) {
    json_t *ops = json_array();
    for (int i = 0; i < note->n_ops; i++) {
        json_t *op = json_object();
        put_text(op, "name", note->ops[i].name);
        put_text(op, "kernels", note->ops[i].devices);
        put_text(op, "help", note->ops[i].help);
        json_array_append_new(ops, op);
    }
    return ops;
}

json_t *plugin_json(const plugin *p, bool with_options) {
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
    put_text(object, "state", plugin_state_word(p->state));
    put_text(object, "reason", *p->reason ? p->reason : NULL);
    put_text(object, "remedy", *p->remedy ? p->remedy : NULL);
    if (with_options) {
        json_t *options = json_array();
        for (int i = 0; i < note->n_options; i++) {
            json_array_append_new(options, option_json(&note->options[i]));
        }
        json_object_set_new(object, "options", options);
    }
    if (with_options && note->n_ops > 0) {
        json_object_set_new(object, "ops", ops_json(note));
    }
    return object;
}

void print_json(json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

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
    printf("%s %s (%s)\n%s\n\n", note->id, note->version, plugin_kind_word(p), note->summary);
    printf("source   %s\nlicense  %s\nABI      %d.%d\n", text_or_dash(note->source),
           text_or_dash(note->license), note->abi_major, note->abi_minor);
    if (*note->isa) {
        printf("needs    %s\n", note->isa);
    }
    printf("file     %s\nfound    %s\n", p->path, p->level);
    if (p->state != PLUGIN_CHOSEN) {
        printf("%-8s %s: %s\n", plugin_state_word(p->state), p->reason, p->remedy);
    }
    for (int i = 0; i < note->n_options; i++) {
        int length = (int)strlen(note->options[i].name);
        name_width = length > name_width ? length : name_width;
    }
    printf(note->n_options > 0 ? "\noptions\n" : "\nno options\n");
    for (int i = 0; i < note->n_options; i++) {
        print_option(&note->options[i], name_width);
    }
    for (int i = 0; i < note->n_ops; i++) {
        const note_op *op = &note->ops[i];
        printf("%s  %s, for %s\n      %s\n", i == 0 ? "\nops\n" : "", op->name, op->devices,
               op->help);
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

bool command_plugin_describe(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    if (in->json && in->markdown) {
        kd_fail(err, E_USAGE, "plugin describe: --json and --markdown at once");
        return kd_hint(err, "kindred plugin describe --help");
    }
    registry *r = registry_open(&in->search, err);
    const form as = in->json ? FORM_JSON : in->markdown ? FORM_MARKDOWN : FORM_TEXT;
    const bool ok = r && describe(r, in->subject, as, err);
    registry_close(r);
    return ok;
}
