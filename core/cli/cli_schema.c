/* SPDX-License-Identifier: Apache-2.0
 * `kindred schema`: every key of a YAML file, from the same tables that check it. */
#include "cli/cli.h"
#include "cli/cli_reference.h"
#include "cli/json_schema.h"

#include "study/study_options.h"
#include "train/recipe.h"
#include "train/run_options.h"

static const char *const types[] = {
    [KD_OPTION_BOOL] = "bool",     [KD_OPTION_INT] = "int",   [KD_OPTION_FLOAT] = "float",
    [KD_OPTION_TEXT] = "text",     [KD_OPTION_PATH] = "path", [KD_OPTION_CHOICE] = "choice",
    [KD_OPTION_FLOATS] = "floats", [KD_OPTION_INTS] = "ints",
};

static void print_option(const char *path, const option *o) {
    char name[160], range[96] = "";
    snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", o->name);
    if (*o->choices) {
        snprintf(range, sizeof range, "  %s", o->choices);
    } else if (*o->min || *o->max) {
        snprintf(range, sizeof range, "  %s to %s", *o->min ? o->min : "any",
                 *o->max ? o->max : "any");
    }
    const bool required = o->flags & KD_OPTION_REQUIRED;
    const bool quoted = o->type == KD_OPTION_TEXT || o->type == KD_OPTION_PATH;
    printf("%s: %s%s%s%s%s%s\n    %s\n", name, types[o->type], range,
           required ? "  required" : "  = ",
           required ? ""
           : quoted ? "\""
                    : "",
           required ? "" : o->value, !required && quoted ? "\"" : "", o->help);
}

static void print_plugins(const registry *plugins, const section *s) {
    for (int i = 0; i < registry_count(plugins); i++) {
        const plugin *p = registry_at(plugins, i);
        if (p->state != PLUGIN_CHOSEN || p->note.kind != s->kind) {
            continue;
        }
        printf("\n# %s.plugin: %s  (%s)\n", s->path, p->note.id, p->note.summary);
        for (int k = 0; k < p->note.n_options; k++) {
            print_option(s->path, &p->note.options[k]);
        }
    }
}

static void print_views(void) {
    printf("\n## views: how images become views; docs/augmentation.md has the operations\n\n");
    const char *source = NULL, *name;
    printf("views[].recipe: text, one of\n");
    for (int i = 0; (name = recipe_at(i, &source)); i++) {
        printf("    %-16s %s\n", name, source);
    }
}

static void print_include(void) {
    printf("\n## include: in any map, the keys of other files lie under what the map says\n\n"
           "include: path, or a list of them, relative to the file that names them\n"
           "    maps of one plugin merge, lists replace; the includer wins, a later file over an "
           "earlier one\n");
}

static void print_section(const section *s) {
    for (int k = 0; k < s->count; k++) {
        print_option(s->path, &s->options[k]);
    }
}

static void print_study(void) {
    for (int i = 0; i < study_section_count; i++) {
        const section *s = &study_sections[i];
        printf("\n## a study%s%s: %s\n\n", *s->path ? "'s " : "", s->path, s->help);
        print_section(s);
    }
}

static void print_text(const registry *plugins) {
    for (int i = 0; i < run_section_count; i++) {
        const section *s = &run_sections[i];
        printf("%s## %s%s%s\n\n", i ? "\n" : "", s->path, *s->path ? ": " : "", s->help);
        print_section(s);
        if (s->kind) {
            print_plugins(plugins, s);
        }
    }
    print_views();
    print_include();
    print_study();
}

static void print_json(const registry *plugins, bool of_study) {
    json_t *schema = of_study ? json_schema_study_create(plugins) : json_schema_create(plugins);
    json_dumpf(schema, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    printf("\n");
    json_decref(schema);
}

bool command_schema(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    if (in->study && (in->markdown || in->text)) {
        kd_fail(err, E_USAGE, "schema: --text and --markdown have a study's keys too");
        return kd_hint(err, "leave --study out");
    }
    if (in->markdown) {
        print_run_page();
        return true;
    }
    registry *plugins = registry_open(&in->search, err);
    if (!plugins) {
        return false;
    }
    if (in->text) {
        print_text(plugins);
    } else {
        print_json(plugins, in->study);
    }
    registry_close(plugins);
    return true;
}
