/* SPDX-License-Identifier: Apache-2.0
 * The order of a run's report, and its head. */
#include "report/run_report.h"

#include "report/sections.h"
#include "train/evaluation.h"
#include "train/pace.h"

#include <math.h>
#include <stdlib.h>

typedef struct page {
    html *to;
    const report_source *from;
    history past;
    shown_features features;
    const char *no_features; /* why there are none; NULL: there are */
    arena memory;
} page;

__attribute__((format(printf, 3, 4))) static void write_fact(html *h, const char *name,
                                                             const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    html_markup(h, "<div><dt>");
    html_text(h, "%s", name);
    html_markup(h, "</dt><dd>");
    html_text(h, "%s", text);
    html_markup(h, "</dd></div>\n");
}

static void write_speed(const page *p) {
    const run *r = p->from->run;
    const int64_t views_of_step = (int64_t)r->train.batch * r->view_list.count;
    training_pace pace = {.step = 0};
    char text[32];
    pace_add(&pace, p->past.lines, views_of_step);
    if (!(pace.seconds > 0)) {
        return;
    }
    progress_duration(pace.seconds, text, sizeof text);
    write_fact(p->to, "training time", "%s", text);
    write_fact(p->to, "views per second", "%.0f",
               (double)(pace.step * views_of_step) / pace.seconds);
}

static void write_run_facts(const page *p) {
    const run *r = p->from->run;
    html *h = p->to;
    write_fact(h, "method", "%s", r->method.plugin->note.id);
    write_fact(h, "backbone", "%s", r->backbone.plugin->note.id);
    write_fact(h, "data", "%s", r->data.part.plugin->note.id);
    if (p->from->assembly) {
        const samples *s = &p->from->assembly->data->samples;
        write_fact(h, "samples", "%lld%s", (long long)s->count, s->n_images > 1 ? " pairs" : "");
        write_fact(h, "steps", "%lld of %lld", (long long)p->past.last_step,
                   (long long)run_total_steps(r, s->count));
    } else {
        write_fact(h, "steps", "%lld", (long long)p->past.last_step);
    }
    write_fact(h, "batch", "%d", r->train.batch);
    write_fact(h, "seed", "%d", r->keys.seed);
    write_speed(p);
}

static const char *name_of(const page *p) {
    const char *slash = strrchr(p->from->folder->path, '/');
    return p->from->run ? p->from->run->keys.name : slash ? slash + 1 : p->from->folder->path;
}

static void write_head(const page *p) {
    static const struct {
        const char *id, *name;
    } sections[] = {{"results", "Results"},    {"features", "Features"},
                    {"curves", "Curves"},      {"neighbours", "Neighbours"},
                    {"views", "Views"},        {"configuration", "Configuration"},
                    {"made-with", "Made with"}};
    html_begin(p->to,
               arena_print((arena *)(uintptr_t)&p->memory, "%s: kindred report", name_of(p)));
    html_markup(p->to, "<h1>");
    html_text(p->to, "%s", name_of(p));
    html_markup(p->to, "</h1>\n<p class=\"soft\">A training run of kindred " KINDRED_VERSION
                       "</p>\n<dl class=\"facts\">\n");
    if (p->from->run) {
        write_run_facts(p);
    }
    html_markup(p->to, "</dl>\n<nav aria-label=\"sections\"><ul>");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        html_markup(p->to, "<li><a href=\"#%s\">%s</a></li>", sections[i].id, sections[i].name);
    }
    html_markup(p->to, "</ul></nav>\n");
}

static void write_missing(html *h, const char *why) {
    html_markup(h, "<p class=\"soft\">Not shown: ");
    html_text(h, "%s", why);
    html_markup(h, "</p>\n");
}

/* Takes features where that can be done; what is wrong with them is no failure of the report. */
static bool take_features(page *p, kd_error *err) {
    kd_error own = KD_ERROR_INIT;
    p->no_features = p->from->assembly ? p->from->no_encoder : p->from->no_images;
    if (p->no_features || shown_features_take(p->from, &p->features, &own)) {
        return true;
    }
    if (own.code == KD_E_CANCELLED) {
        *err = own;
        return false;
    }
    p->no_features = arena_text(&p->memory, own.message);
    return true;
}

static bool write_features(page *p, kd_error *err) {
    section_begin(p->to, "features", "Features");
    if (p->no_features) {
        write_missing(p->to, p->no_features);
    }
    const bool ok = p->no_features || section_features(p->to, &p->features, err);
    section_end(p->to);
    return ok;
}

static bool write_neighbours(page *p, kd_error *err) {
    section_begin(p->to, "neighbours", "Nearest neighbours");
    if (p->no_features) {
        write_missing(p->to, p->no_features);
    }
    const bool ok = p->no_features || section_neighbours(p->to, p->from, &p->features, err);
    section_end(p->to);
    return ok;
}

static bool write_sections(page *p, kd_error *err) {
    write_head(p);
    section_results(p->to, &p->past, &p->memory);
    if (!write_features(p, err)) {
        return false;
    }
    section_curves(p->to, &p->past, &p->memory);
    if (!write_neighbours(p, err) || !section_views(p->to, p->from, err) ||
        !section_pairs(p->to, p->from, err)) {
        return false;
    }
    section_files(p->to, p->from);
    html_end(p->to);
    return true;
}

bool run_report(const report_source *from, html *ret, kd_error *err) {
    page p = {.to = ret, .from = from};
    if (!history_read(from->folder->path, &p.past, err)) {
        return false;
    }
    const bool ok = take_features(&p, err) && write_sections(&p, err);
    shown_features_free(&p.features);
    history_free(&p.past);
    arena_free(&p.memory);
    return ok;
}
