/* SPDX-License-Identifier: Apache-2.0
 * Tables and curves of what was measured. */
#include "report/sections.h"

#include "train/evaluation.h"

#include <stdlib.h>

static const int most_points = 150; /* of a curve: more than that a screen does not show */
static const char *const whose[] = {OF_UNTRAINED, OF_TRAINED, OF_PIXELS};

void section_begin(html *h, const char *id, const char *title) {
    html_markup(h, "<section id=\"%s\">\n<h2>", id);
    html_text(h, "%s", title);
    html_markup(h, "</h2>\n");
}

void section_end(html *h) {
    html_markup(h, "</section>\n");
}

static void write_cell(html *h, const json_t *line) {
    const json_t *value = json_object_get(line, "value");
    if (json_is_number(value)) {
        html_markup(h, "<td class=\"number\">%.2f %%</td>", 100 * json_number_value(value));
    } else {
        html_markup(h, "<td class=\"number\">%s</td>", line ? "not finite" : "–");
    }
}

static void write_row(html *h, const history *past, const char *of) {
    bool any = false;
    for (int i = 0; history_eval(past, i); i++) {
        any = any || history_result(past, history_eval(past, i), of);
    }
    if (!any) {
        return;
    }
    html_markup(h, "<tr><th scope=\"row\">");
    html_text(h, "%s", of);
    html_markup(h, "</th>");
    for (int i = 0; history_eval(past, i); i++) {
        write_cell(h, history_result(past, history_eval(past, i), of));
    }
    html_markup(h, "</tr>\n");
}

static void write_protocols(html *h, const history *past) {
    html_markup(h, "<dl>\n");
    for (int i = 0; history_eval(past, i); i++) {
        const char *eval = history_eval(past, i);
        const json_t *line = history_result(past, eval, OF_TRAINED);
        line = line ? line : history_result(past, eval, OF_UNTRAINED);
        const char *protocol = json_string_value(json_object_get(line, "protocol"));
        if (protocol) {
            html_markup(h, "<dt><strong>");
            html_text(h, "%s", eval);
            html_markup(h, "</strong></dt><dd class=\"soft\">");
            html_text(h, "step %lld. %s",
                      (long long)json_integer_value(json_object_get(line, "step")), protocol);
            html_markup(h, "</dd>\n");
        }
    }
    html_markup(h, "</dl>\n");
}

/* Keys of an eval's line that are no results. */
static bool is_result(const char *key, const json_t *value) {
    static const char *const others[] = {"step", "value", "seconds"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(key, others[i]) == 0) {
            return false;
        }
    }
    return json_is_number(value) || json_is_null(value);
}

static void write_line(html *h, const json_t *line) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)line, key, value) {
        if (!is_result(key, value)) {
            continue;
        }
        html_markup(h, "<tr><td class=\"number\">%lld</td><td>",
                    (long long)json_integer_value(json_object_get(line, "step")));
        html_text(h, "%s", json_string_value(json_object_get(line, "of")));
        html_markup(h, "</td><td>");
        html_text(h, "%s", json_string_value(json_object_get(line, "eval")));
        html_markup(h, "</td><td>");
        html_text(h, "%s", key);
        if (json_is_number(value)) {
            html_markup(h, "</td><td class=\"number\">%.6g</td></tr>\n", json_number_value(value));
        } else {
            html_markup(h, "</td><td class=\"number\">not finite</td></tr>\n");
        }
    }
}

static void write_all(html *h, const history *past) {
    const json_t *const lists[] = {past->lines, past->further};
    html_markup(h, "<details><summary>Every result, by step</summary>\n<div class=\"wide\"><table>"
                   "<thead><tr><th class=\"number\" scope=\"col\">step</th><th scope=\"col\">of"
                   "</th><th scope=\"col\">eval</th><th scope=\"col\">result</th>"
                   "<th class=\"number\" scope=\"col\">value</th></tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < json_array_size(lists[k]); i++) {
            const json_t *line = json_array_get(lists[k], i);
            if (json_string_value(json_object_get(line, "eval")) &&
                json_string_value(json_object_get(line, "of"))) {
                write_line(h, line);
            }
        }
    }
    html_markup(h, "</tbody></table></div></details>\n");
}

void section_results(html *h, const history *past, arena *a) {
    (void)a;
    section_begin(h, "results", "Results");
    if (!history_eval(past, 0)) {
        html_markup(h, "<p class=\"soft\">No eval has measured this run. <code>kindred eval</code> "
                       "takes some at any time.</p>\n");
        section_end(h);
        return;
    }
    html_markup(h, "<div class=\"wide\"><table><thead><tr><th scope=\"col\"></th>");
    for (int i = 0; history_eval(past, i); i++) {
        html_markup(h, "<th class=\"number\" scope=\"col\">");
        html_text(h, "%s", history_eval(past, i));
        html_markup(h, "</th>");
    }
    html_markup(h, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof whose / sizeof *whose; i++) {
        write_row(h, past, whose[i]);
    }
    html_markup(h, "</tbody></table></div>\n<h3>How each was measured</h3>\n");
    write_protocols(h, past);
    write_all(h, past);
    section_end(h);
}

static void write_eval_curves(html *h, const history *past, arena *a) {
    int count = 0;
    while (history_eval(past, count)) {
        count++;
    }
    chart_series *all = arena_alloc(a, sizeof *all * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        all[i] = history_results(past, history_eval(past, i), a);
    }
    chart_write(
        h,
        &(chart){
            .title = "evals", .x_name = "step", .percent = true, .n_series = count, .series = all});
}

void section_curves(html *h, const history *past, arena *a) {
    section_begin(h, "curves", "Curves");
    if (!history_key(past, 0)) {
        html_markup(h, "<p class=\"soft\">metrics.jsonl has no step yet.</p>\n");
        section_end(h);
        return;
    }
    html_markup(h, "<div class=\"charts\">\n");
    for (int i = 0; history_key(past, i); i++) {
        const chart_series s = history_curve(past, history_key(past, i), most_points, a);
        chart_write(h, &(chart){.title = s.name,
                                .x_name = "step",
                                .percent = strcmp(s.name, "data_wait") == 0,
                                .n_series = 1,
                                .series = &s});
        if (i == 0) { /* the loss; what it is for goes beside it */
            write_eval_curves(h, past, a);
        }
    }
    html_markup(h, "</div>\n");
    section_end(h);
}
