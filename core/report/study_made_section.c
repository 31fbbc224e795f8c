/* SPDX-License-Identifier: Apache-2.0
 * What the runs of a study were made with: their plugins.lock and environment.json, counted. */
#include "report/study_sections.h"

#include "report/sections.h"

#include <jansson.h>
#include <stdlib.h>

enum { COLUMNS = 5 };

typedef struct tally_row {
    const char *cell[COLUMNS];
    int runs;
} tally_row;

/* Different rows in the order in which they came. */
typedef struct tally {
    const char *column[COLUMNS];
    int count;
    tally_row *row;
    arena *memory;
} tally;

static void tally_add(tally *t, const json_t *object) {
    tally_row next = {.runs = 1};
    for (int i = 0; i < COLUMNS; i++) {
        const char *text = json_string_value(json_object_get(object, t->column[i]));
        next.cell[i] = arena_text(t->memory, text ? text : "");
    }
    for (int k = 0; k < t->count; k++) {
        bool same = true;
        for (int i = 0; i < COLUMNS; i++) {
            same = same && strcmp(t->row[k].cell[i], next.cell[i]) == 0;
        }
        if (same) {
            t->row[k].runs++;
            return;
        }
    }
    t->row = kd_grow(t->row, (size_t)(t->count + 1) * sizeof *t->row);
    t->row[t->count++] = next;
}

static json_t *load(const char *folder, const char *name, arena *a) {
    json_error_t ignored;
    return json_load_file(arena_print(a, "%s/%s", folder, name), 0, &ignored);
}

static void read_run(const char *folder, tally *plugins, tally *machines, arena *a) {
    json_t *lock = load(folder, "plugins.lock", a);
    json_t *environment = load(folder, "environment.json", a);
    const json_t *list = json_object_get(lock, "plugins");
    for (size_t i = 0; i < json_array_size(list); i++) {
        tally_add(plugins, json_array_get(list, i));
    }
    if (environment) {
        tally_add(machines, environment);
    }
    json_decref(lock);
    json_decref(environment);
}

static void write_tally(html *h, const tally *t) {
    html_markup(h, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>");
    for (int i = 0; i < COLUMNS; i++) {
        html_markup(h, "<th scope=\"col\">%s</th>", t->column[i]);
    }
    html_markup(h, "<th scope=\"col\" class=\"number\">runs</th></tr></thead>\n<tbody>\n");
    for (int k = 0; k < t->count; k++) {
        html_markup(h, "<tr>");
        for (int i = 0; i < COLUMNS; i++) {
            html_markup(h, "<td>");
            html_text(h, "%s", t->row[k].cell[i]);
            html_markup(h, "</td>");
        }
        html_markup(h, "<td class=\"number\">%d</td></tr>\n", t->row[k].runs);
    }
    html_markup(h, "</tbody></table></div>\n");
}

void study_section_made(html *h, const study *s, const study_folder *f, arena *a) {
    const int seeds = (int)s->keys.seeds.count;
    tally plugins = {.column = {"kind", "id", "version", "isa", "sha256"}, .memory = a};
    tally machines = {.column = {"kindred", "device", "describe", "precision", "system"},
                      .memory = a};
    for (int i = 0; i < study_rows(s) * seeds; i++) {
        const char *name = study_run_name(s, i / seeds, i % seeds, a);
        read_run(study_run_folder(f, name, a).path, &plugins, &machines, a);
    }
    section_begin(h, "made-with", "Made with");
    if (plugins.count + machines.count == 0) {
        html_markup(h, "<p class=\"soft\">No run has begun.</p>\n");
    } else {
        write_tally(h, &machines);
        write_tally(h, &plugins);
    }
    section_end(h);
    free(plugins.row);
    free(machines.row);
}
