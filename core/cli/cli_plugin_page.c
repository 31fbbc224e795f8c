/* SPDX-License-Identifier: Apache-2.0
 * A page of docs/reference on one plugin, from its note. */
#include "cli/cli_reference.h"

static const char *const types[] = {
    [KD_OPTION_BOOL] = "true or false", [KD_OPTION_INT] = "whole number",
    [KD_OPTION_FLOAT] = "number",       [KD_OPTION_TEXT] = "text",
    [KD_OPTION_PATH] = "path",          [KD_OPTION_CHOICE] = "one of",
    [KD_OPTION_FLOATS] = "numbers",     [KD_OPTION_INTS] = "whole numbers",
};

/* A bar would end a cell of a table. */
static void print_cell(const char *text) {
    for (; *text; text++) {
        fputs(*text == '|' ? " \\| " : (char[]){*text, 0}, stdout);
    }
}

static void print_option(const option *o) {
    printf("| `%s` | %s", o->name, types[o->type]);
    if (o->type == KD_OPTION_CHOICE) {
        printf(" ");
        print_cell(o->choices);
    } else if (*o->min && *o->max) {
        printf(", %s to %s", o->min, o->max);
    } else if (*o->min || *o->max) {
        printf(", %s %s", *o->min ? "from" : "to", *o->min ? o->min : o->max);
    }
    const bool required = o->flags & KD_OPTION_REQUIRED;
    printf(" | %s%s%s | ", required ? "required" : "`",
           required    ? ""
           : *o->value ? o->value
                       : "\"\"",
           required ? "" : "`");
    print_cell(o->help);
    printf(" |\n");
}

void print_options(const option *options, int count) {
    printf("| key | value | default | meaning |\n|---|---|---|---|\n");
    for (int i = 0; i < count; i++) {
        print_option(&options[i]);
    }
}

void print_plugin_page(const plugin *p) {
    const plugin_note *note = &p->note;
    printf("# %s `%s`\n\n%s.\n\n", plugin_kind_name(note->kind), note->id, note->summary);
    printf("Version %s. Source: %s. License: %s.\n\n", note->version, note->source, note->license);
    if (note->n_options) {
        print_options(note->options, note->n_options);
    } else {
        printf("No options.\n");
    }
    for (int i = 0; i < note->n_ops; i++) {
        const note_op *op = &note->ops[i];
        printf("%s| `%s` | %s | ", i == 0 ? "\n| op | kernels | meaning |\n|---|---|---|\n" : "",
               op->name, op->devices);
        print_cell(op->help);
        printf(" |\n");
    }
}
