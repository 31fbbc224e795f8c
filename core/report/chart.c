/* SPDX-License-Identifier: Apache-2.0
 * Drawing of curves. */
#include "report/chart.h"

#include "report/ticks.h"

static const double width = 360, height = 210, left = 50, right = 10, top = 10, bottom = 32;

typedef struct drawing {
    html *to;
    const chart *chart;
    chart_scale x, y;
    ticks x_ticks, y_ticks;
} drawing;

double chart_place(const chart_scale *s, double value) {
    return s->begin + (value - s->low) / (s->high - s->low) * (s->end - s->begin);
}

static void extend(chart_scale *s, double value, bool first) {
    s->low = first || value < s->low ? value : s->low;
    s->high = first || value > s->high ? value : s->high;
}

/* False where there is nothing to draw. */
static bool measure(drawing *d) {
    bool any = false;
    for (int i = 0; i < d->chart->n_series; i++) {
        const chart_series *s = &d->chart->series[i];
        for (int k = 0; k < s->count; k++) {
            extend(&d->x, s->point[k].x, !any);
            extend(&d->y, s->point[k].y, !any);
            any = true;
        }
    }
    if (any) {
        d->x_ticks = ticks_inside(&d->x.low, &d->x.high, 6);
        d->y_ticks = ticks_around(&d->y.low, &d->y.high, 6);
    }
    return any;
}

static void write_axes(const drawing *d) {
    char label[32];
    for (int i = 0; i < d->y_ticks.count; i++) {
        const double value = ticks_at(&d->y_ticks, i), y = chart_place(&d->y, value);
        ticks_label(value, d->y_ticks.step, d->chart->percent, label, sizeof label);
        html_markup(d->to, "<path class=\"grid\" d=\"M%.0f %.1fH%.0f\"/>", left, y, width - right);
        html_markup(d->to, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left - 6,
                    y + 4, label);
    }
    for (int i = 0; i < d->x_ticks.count; i++) {
        const double value = ticks_at(&d->x_ticks, i), x = chart_place(&d->x, value);
        ticks_label(value, d->x_ticks.step, false, label, sizeof label);
        html_markup(d->to, "<path class=\"axis\" d=\"M%.1f %.0fv4\"/>", x, height - bottom);
        html_markup(d->to, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n", x,
                    height - bottom + 16, label);
    }
    html_markup(d->to, "<path class=\"axis\" d=\"M%.0f %.0fH%.0f\"/>", left, height - bottom,
                width - right);
    html_markup(d->to, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">", width - right,
                height - 2);
    html_text(d->to, "%s", d->chart->x_name);
    html_markup(d->to, "</text>\n");
}

static void print_value(const chart *c, double value, char *ret, size_t room) {
    snprintf(ret, room, c->percent ? "%.2f %%" : "%.5g", c->percent ? 100 * value : value);
}

static void write_series(const drawing *d, int index) {
    const chart_series *s = &d->chart->series[index];
    char value[32];
    html_markup(d->to, "<path class=\"curve s%d\"%s d=\"", index % CHART_COLORS,
                s->dashed ? " stroke-dasharray=\"4 4\"" : "");
    for (int k = 0; k < s->count; k++) {
        html_markup(d->to, "%s%.1f %.1f", k ? "L" : "M", chart_place(&d->x, s->point[k].x),
                    chart_place(&d->y, s->point[k].y));
    }
    html_markup(d->to, "\"/>\n");
    for (int k = 0; k < s->count; k++) {
        print_value(d->chart, s->point[k].y, value, sizeof value);
        html_markup(d->to, "<circle class=\"f%d %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>",
                    index % CHART_COLORS, s->count == 1 ? "mark" : "spot",
                    chart_place(&d->x, s->point[k].x), chart_place(&d->y, s->point[k].y),
                    s->count == 1 ? 3 : 4);
        html_text(d->to, "%s, %s %.10g: %s", s->name, d->chart->x_name, s->point[k].x, value);
        html_markup(d->to, "</title></circle>\n");
    }
}

/* In words, for who cannot see it. */
static void write_label(const drawing *d) {
    html_text(d->to, "%s by %s.", d->chart->title, d->chart->x_name);
    for (int i = 0; i < d->chart->n_series; i++) {
        const chart_series *s = &d->chart->series[i];
        char first[32], last[32];
        if (s->count) {
            print_value(d->chart, s->point[0].y, first, sizeof first);
            print_value(d->chart, s->point[s->count - 1].y, last, sizeof last);
            html_text(d->to, " %s: %s at %.10g, %s at %.10g.", s->name, first, s->point[0].x, last,
                      s->point[s->count - 1].x);
        }
    }
}

static void write_legend(const drawing *d) {
    html_markup(d->to, "<ul class=\"legend\">");
    for (int i = 0; i < d->chart->n_series; i++) {
        if (d->chart->series[i].count) {
            html_markup(d->to,
                        "<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><path class=\"curve "
                        "s%d\"%s d=\"M0 6H12\"/></svg>",
                        i % CHART_COLORS,
                        d->chart->series[i].dashed ? " stroke-dasharray=\"3 2\"" : "");
            html_text(d->to, "%s", d->chart->series[i].name);
            html_markup(d->to, "</li>");
        }
    }
    html_markup(d->to, "</ul>\n");
}

void chart_write(html *h, const chart *c) {
    drawing d = {.to = h,
                 .chart = c,
                 .x = {.begin = left, .end = width - right},
                 .y = {.begin = height - bottom, .end = top}};
    if (!measure(&d)) {
        return;
    }
    html_markup(h, "<figure class=\"chart\"><h3>");
    html_text(h, "%s", c->title);
    html_markup(h, "</h3>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width,
                height);
    write_label(&d);
    html_markup(h, "\">\n");
    write_axes(&d);
    for (int i = 0; i < c->n_series; i++) {
        if (c->series[i].count) {
            write_series(&d, i);
        }
    }
    html_markup(h, "</svg>\n");
    if (c->n_series > 1) {
        write_legend(&d);
    }
    html_markup(h, "</figure>\n");
}
