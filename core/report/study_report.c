/* SPDX-License-Identifier: Apache-2.0
 * Tables of a study with what is uncertain about them, and a chart for each of its rows. */
#include "report/study_report.h"

#include "base/file.h"
#include "report/sections.h"
#include "report/study_sections.h"
#include "study/study_folder.h"
#include "study/study_results.h"

#include <math.h>
#include <stdlib.h>

static void write_heads(html *h, const char *const *words, int count, bool numbers) {
    for (int i = 0; i < count; i++) {
        html_markup(h, "<th scope=\"col\"%s>", numbers ? " class=\"number\"" : "");
        html_text(h, "%s", words[i]);
        html_markup(h, "</th>");
    }
}

static void write_values(html *h, const char *const *value, int count) {
    for (int i = 0; i < count; i++) {
        html_markup(h, "<td>");
        html_text(h, "%s", value[i]);
        html_markup(h, "</td>");
    }
}

static void write_published(html *h, const char *format, double value) {
    if (!isnan(value)) {
        char text[64];
        snprintf(text, sizeof text, format, 100 * value);
        html_markup(h, "<br/><span class=\"soft\">paper %s</span>", text);
    }
    html_markup(h, "</td>");
}

static void write_cell(html *h, const study_cell *c) {
    html_markup(h, "<td class=\"number\">");
    if (c->n == 0) {
        html_markup(h, "–");
    } else if (c->n == 1) {
        html_markup(h, "%.2f", 100 * c->mean);
    } else {
        html_markup(h, "%.2f ± %.2f", 100 * c->mean, 100 * c->deviation);
    }
    write_published(h, "%.2f", c->published);
}

static void write_before(html *h, const study_results *r) {
    for (int i = 0; i < r->n_before; i++) {
        const study_before_row *one = &r->before[i];
        html_markup(h, "<tr>");
        write_values(h, &one->of, 1);
        write_values(h, one->value, r->n_axes);
        for (int k = 0; k < r->n_evals; k++) {
            write_cell(h, &one->cell[k]);
        }
        html_markup(h,
                    "<td class=\"number\">%d</td><td class=\"number\">0</td>"
                    "<td class=\"number\">–</td><td class=\"number\">–</td></tr>\n",
                    one->n);
    }
}

/* The first column is there where not all rows are of trained encoders. */
static void write_rows(html *h, const study_results *r, arena *a) {
    const int first = r->n_before > 0;
    html_markup(h, "<div class=\"wide\" tabindex=\"0\"><table><thead><tr>");
    write_heads(h, (const char *const[]){"of"}, first, false);
    write_heads(h, r->axis, r->n_axes, false);
    write_heads(h, r->eval, r->n_evals, true);
    write_heads(h, (const char *const[]){"seeds", "steps", "training", "views/s"}, 4, true);
    html_markup(h, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < r->n_rows; i++) {
        const study_result_row *one = &r->row[i];
        char time[32];
        progress_duration(one->seconds, time, sizeof time);
        html_markup(h, "<tr>");
        write_values(h, &one->of, first);
        write_values(h, one->value, r->n_axes);
        for (int k = 0; k < r->n_evals; k++) {
            write_cell(h, &one->cell[k]);
        }
        html_markup(h, "<td class=\"number\">%d of %d</td>", one->n, one->wanted);
        if (one->n) {
            html_markup(h,
                        "<td class=\"number\">%s</td><td class=\"number\">%s</td>"
                        "<td class=\"number\">%.0f</td></tr>\n",
                        study_steps_text(one, a), time, one->views_per_second);
        } else {
            html_markup(h, "<td class=\"number\">–</td><td class=\"number\">–</td>"
                           "<td class=\"number\">–</td></tr>\n");
        }
    }
    write_before(h, r);
    html_markup(h, "</tbody></table></div>\n");
}

static void write_failed(html *h, const study_results *r) {
    if (!r->n_failed) {
        return;
    }
    html_markup(h, "<p>Runs without a result:</p>\n<ul>\n");
    for (int i = 0; i < r->n_failed; i++) {
        html_markup(h, "<li><strong>");
        html_text(h, "%s", r->failed[i].name);
        html_markup(h, "</strong> ");
        html_text(h, "%s", r->failed[i].why);
        html_markup(h, "</li>\n");
    }
    html_markup(h, "</ul>\n");
}

static void write_difference(html *h, const study_difference *d) {
    html_markup(h, "<td class=\"number\">");
    if (d->n == 0) {
        html_markup(h, "–");
    } else if (isnan(d->half)) {
        html_markup(h, "%+.2f<br/><span class=\"soft\">one seed: no interval</span>",
                    100 * d->mean);
    } else {
        const double low = d->mean - d->half, high = d->mean + d->half;
        html_markup(
            h, "<strong>%+.2f</strong> [%+.2f, %+.2f]<br/><span class=\"soft\">%d seeds%s</span>",
            100 * d->mean, 100 * low, 100 * high, d->n,
            low <= 0 && high >= 0 ? ", 0 is inside" : "");
    }
    write_published(h, "%+.2f", d->published);
}

static void write_differences(html *h, const study_results *r) {
    if (!r->n_differences) {
        return;
    }
    section_begin(h, "differences", "Differences");
    html_markup(h, "<p class=\"soft\">");
    html_text(
        h,
        "Of %s to %s in percentage points, paired by seed, with the 95 %% confidence interval "
        "by Student's t. Where 0 is inside, the seeds do not tell which is better.",
        r->axis[r->compared], r->baseline);
    html_markup(h, "</p>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr>");
    write_heads(h, r->axis, r->n_axes, false);
    write_heads(h, r->eval, r->n_evals, true);
    html_markup(h, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < r->n_differences; i++) {
        html_markup(h, "<tr>");
        write_values(h, r->difference[i].value, r->n_axes);
        for (int k = 0; k < r->n_evals; k++) {
            write_difference(h, &r->difference[i].cell[k]);
        }
        html_markup(h, "</tr>\n");
    }
    html_markup(h, "</tbody></table></div>\n");
    section_end(h);
}

static void write_notes(html *h, const study_results *r) {
    section_begin(h, "protocols", "How each was measured");
    html_markup(h, "<dl>\n");
    for (int i = 0; i < r->n_evals; i++) {
        html_markup(h, "<dt><strong>");
        html_text(h, "%s", r->eval[i]);
        html_markup(h, "</strong></dt><dd class=\"soft\">");
        html_text(h, "%s", *r->protocol[i] ? r->protocol[i] : "not known yet");
        html_markup(h, "</dd>\n");
    }
    html_markup(h, "</dl>\n");
    for (int i = 0; i < r->n_notes; i++) {
        html_markup(h, "<p class=\"soft\">On the published numbers: ");
        html_text(h, "%s", r->note[i]);
        html_markup(h, "</p>\n");
    }
    section_end(h);
}

static void write_study_file(html *h, const study_folder *f) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    section_begin(h, "configuration", "Configuration");
    html_markup(h, "<details><summary>study.yaml</summary>\n<pre tabindex=\"0\">");
    html_text(h, "%s", file_read(f->study, 4 << 20, &text, &bytes, &err) ? text : err.message);
    html_markup(h, "</pre></details>\n");
    section_end(h);
    free(text);
}

bool study_report_is_study(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    return file_exists(path);
}

bool study_report(const char *folder, bool beside, html *ret, kd_error *err) {
    arena memory = {0};
    study_results r = {0};
    study *s = NULL;
    const study_folder f = study_folder_at(&memory, folder);
    const bool ok =
        study_results_read(folder, &memory, &r, err) && study_load(f.study, NULL, 0, &s, err);
    if (ok) {
        html_begin(ret, arena_print(&memory, "%s: kindred report", r.name));
        html_markup(ret, "<h1>");
        html_text(ret, "%s", r.name);
        html_markup(ret,
                    "</h1>\n<p class=\"soft\">A study of kindred " KINDRED_VERSION
                    ": %d of %d runs are done. Percent, mean ± standard deviation over seeds; "
                    "training time and views a second as measured, each on its machine.</p>\n",
                    r.runs_done, r.runs_wanted);
        section_begin(ret, "results", "Results");
        write_rows(ret, &r, &memory);
        write_failed(ret, &r);
        section_end(ret);
        write_differences(ret, &r);
        study_section_runs(ret, s, &f, beside, &memory);
        study_section_curves(ret, s, &f, &memory);
        write_notes(ret, &r);
        write_study_file(ret, &f);
        study_section_made(ret, s, &f, &memory);
        html_end(ret);
    }
    study_destroy(s);
    arena_free(&memory);
    return ok;
}
