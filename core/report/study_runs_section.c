/* SPDX-License-Identifier: Apache-2.0
 * Each run of a study: where it stands, and how its loss and its features went. */
#include "report/study_sections.h"

#include "base/file.h"
#include "report/history.h"
#include "report/sections.h"
#include "study/failure.h"
#include "study/record.h"

#include <math.h>

enum { MOST_POINTS = 60 }; /* of a curve of a run */

/* Of its largest of the run; ours, and rough: what it may be depends on the width of the method's
 * output, which stands in no file. */
static const double collapsed_below = 0.1;

typedef struct run_state {
    const char *name, *folder;
    const json_t *record; /* NULL: not done */
    const char *failure;  /* NULL: none */
    int64_t steps;
    double spread, largest; /* NAN: its method reports none */
} run_state;

static void read_spread(const history *past, run_state *ret, arena *a) {
    const chart_series all = history_curve(past, "spread", INT32_MAX, a);
    ret->spread = ret->largest = NAN;
    for (int i = 0; i < all.count; i++) {
        ret->spread = all.point[i].y;
        ret->largest = fmax(ret->largest, ret->spread); /* of a number and NAN: the number */
    }
}

static run_state read_state(const char *name, const json_t *records, const study_folder *f,
                            arena *a) {
    run_state ret = {.name = name, .spread = NAN, .largest = NAN};
    history past = {0};
    kd_error ignored = KD_ERROR_INIT;
    ret.folder = study_run_folder(f, name, a).path;
    ret.record = records_find(records, name);
    ret.failure = ret.record ? NULL : failure_read(f, name, a);
    if (history_read(ret.folder, &past, &ignored)) {
        ret.steps = past.last_step;
        read_spread(&past, &ret, a);
        history_free(&past);
    }
    if (ret.record) { /* its folder may be gone */
        ret.steps = json_integer_value(json_object_get(ret.record, "steps"));
    }
    return ret;
}

static void write_name(html *h, const run_state *r, bool beside, arena *a) {
    const bool linked = beside && file_exists(arena_print(a, "%s/report.html", r->folder));
    html_markup(h, "<tr><td>");
    if (linked) {
        html_markup(h, "<a href=\"runs/");
        html_text(h, "%s", r->name);
        html_markup(h, "/report.html\">");
    }
    html_text(h, "%s", r->name);
    html_markup(h, linked ? "</a></td>" : "</td>");
}

/* NANs, of a method that reports no spread, compare as not collapsed. */
static bool has_collapsed(const run_state *r) {
    return r->spread < collapsed_below * r->largest;
}

static void write_state(html *h, const run_state *r) {
    const char *what = r->record    ? "done"
                       : r->failure ? "failed"
                       : r->steps   ? "not at its end"
                                    : "not begun";
    char time[32] = "–", spread[32] = "–";
    if (r->record) {
        progress_duration(json_number_value(json_object_get(r->record, "seconds")), time,
                          sizeof time);
    }
    if (!isnan(r->spread)) {
        snprintf(spread, sizeof spread, "%.4f", r->spread);
    }
    html_markup(h,
                "<td>%s%s</td><td class=\"number\">%s</td><td class=\"number\">%lld</td>"
                "<td class=\"number\">%s</td></tr>\n",
                what, has_collapsed(r) ? ", <strong>collapsed</strong>" : "", spread,
                (long long)r->steps, time);
}

void study_section_runs(html *h, const study *s, const study_folder *f, bool beside, arena *a) {
    const int seeds = (int)s->keys.seeds.count;
    kd_error ignored = KD_ERROR_INIT;
    json_t *records = records_read(f->results, &ignored);
    section_begin(h, "runs", "Runs");
    html_markup(h,
                "<p class=\"soft\">The spread is that of the method's output in the last line of "
                "metrics.jsonl: 0 where all images have the same, and marked as collapsed below "
                "a tenth of the largest that the run had, which is a rule of thumb. "
                "<code>kindred report</code> of a run has the effective rank of its "
                "features.</p>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr>"
                "<th scope=\"col\">run</th><th scope=\"col\">state</th>"
                "<th scope=\"col\" class=\"number\">spread</th>"
                "<th scope=\"col\" class=\"number\">steps</th>"
                "<th scope=\"col\" class=\"number\">training</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < study_rows(s) * seeds; i++) {
        const char *name = study_run_name(s, i / seeds, i % seeds, a);
        const run_state state = read_state(name, records, f, a);
        write_name(h, &state, beside, a);
        write_state(h, &state);
    }
    html_markup(h, "</tbody></table></div>\n");
    section_end(h);
    json_decref(records);
}

/* A run that has not begun has no point, and so is left out of its chart. */
static chart_series loss_of(const study *s, const study_folder *f, int at, int seed, arena *a) {
    const char *folder = study_run_folder(f, study_run_name(s, at, seed, a), a).path;
    history past = {0};
    kd_error ignored = KD_ERROR_INIT;
    chart_series ret = {.name = arena_print(a, "seed%lld", (long long)s->keys.seeds.value[seed])};
    if (history_read(folder, &past, &ignored)) {
        const chart_series loss = history_curve(&past, "loss", MOST_POINTS, a);
        ret.count = loss.count;
        ret.point = loss.point;
        history_free(&past);
    }
    return ret;
}

void study_section_curves(html *h, const study *s, const study_folder *f, arena *a) {
    const int seeds = (int)s->keys.seeds.count;
    section_begin(h, "curves", "Loss of each run");
    html_markup(h, "<div class=\"charts\">\n");
    for (int at = 0; at < study_rows(s); at++) {
        const char *name = study_row_name(s, at, a);
        chart_series *series = arena_alloc(a, sizeof *series * (size_t)seeds);
        for (int i = 0; i < seeds; i++) {
            series[i] = loss_of(s, f, at, i, a);
        }
        chart_write(h, &(chart){.title = *name ? name : s->keys.name,
                                .x_name = "step",
                                .n_series = seeds,
                                .series = series});
    }
    html_markup(h, "</div>\n");
    section_end(h);
}
