/* SPDX-License-Identifier: Apache-2.0
 * Drawing of points. */
#include "report/scatter.h"

#include "report/chart.h"

static const double width = 480, height = 320, margin = 12;

/* Around a place: a circle, a square, a triangle, a diamond; relative paths, so short. */
static const char *const shapes[] = {"m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z",
                                     "m-2.3-2.3h4.6v4.6h-4.6z", "m0-3.1l3 5.4h-6z",
                                     "m0-3.3l3.3 3.3l-3.3 3.3l-3.3-3.3z"};

static const char *shape_of(int32_t class) {
    return shapes[class < 0 ? 0 : class / CHART_COLORS % 4];
}

static int color_of(int32_t class) {
    return class < 0 ? CHART_COLORS - 1 : class % CHART_COLORS;
}

static void write_name(html *h, const scatter *s, int32_t class) {
    if (class < 0) {
        html_text(h, "no label");
    } else if (s->name && s->name[class]) {
        html_text(h, "%s", s->name[class]);
    } else {
        html_text(h, "class %d", class);
    }
}

static void measure(const scatter *s, int axis, chart_scale *ret) {
    ret->low = ret->high = (double)s->point[axis];
    for (int64_t i = 1; i < s->count; i++) {
        const double value = (double)s->point[2 * i + axis];
        ret->low = value < ret->low ? value : ret->low;
        ret->high = value > ret->high ? value : ret->high;
    }
    if (ret->low == ret->high) {
        ret->low -= 1;
        ret->high += 1;
    }
}

static void write_class(html *h, const scatter *s, int32_t class, const chart_scale *scales) {
    bool any = false;
    for (int64_t i = 0; i < s->count; i++) {
        if (s->class[i] != class) {
            continue;
        }
        if (!any) {
            html_markup(h, "<path class=\"mark f%d\" d=\"", color_of(class));
        }
        any = true;
        html_markup(h, "M%.1f %.1f%s", chart_place(&scales[0], (double)s->point[2 * i]),
                    chart_place(&scales[1], (double)s->point[2 * i + 1]), shape_of(class));
    }
    if (any) {
        html_markup(h, "\"><title>");
        write_name(h, s, class);
        html_markup(h, "</title></path>\n");
    }
}

static void write_entry(html *h, const scatter *s, int32_t class) {
    html_markup(h,
                "<li><svg viewBox=\"-6 -6 12 12\" aria-hidden=\"true\"><path class=\"f%d\" "
                "d=\"M0 0%s\"/></svg>",
                color_of(class), shape_of(class));
    write_name(h, s, class);
    html_markup(h, "</li>");
}

static void write_legend(html *h, const scatter *s) {
    const int32_t shown = s->classes < SCATTER_CLASSES ? s->classes : SCATTER_CLASSES;
    html_markup(h, "<ul class=\"legend\">");
    for (int32_t class = 0; class < shown; class ++) {
        write_entry(h, s, class);
    }
    html_markup(h, "</ul>\n");
    if (s->classes > SCATTER_CLASSES) {
        html_markup(h,
                    "<p class=\"note\">There are %d classes: colours and shapes repeat after the "
                    "%d shown.</p>\n",
                    s->classes, SCATTER_CLASSES);
    }
}

void scatter_write(html *h, const scatter *s) {
    chart_scale scales[2] = {{.begin = margin, .end = width - margin},
                             {.begin = height - margin, .end = margin}};
    measure(s, 0, &scales[0]);
    measure(s, 1, &scales[1]);
    html_markup(
        h, "<figure class=\"chart map\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
        width, height);
    html_text(h, "%s", s->label);
    html_markup(h, "\">\n<path class=\"grid\" fill=\"none\" d=\"M0.5 0.5H%.1fV%.1fH0.5Z\"/>\n",
                width - 0.5, height - 0.5);
    for (int32_t class = -1; class < s->classes; class ++) {
        write_class(h, s, class, scales);
    }
    html_markup(h, "</svg>\n");
    html_markup(h, "<figcaption>");
    html_text(h, "Across: %s. Up: %s.", s->axis[0], s->axis[1]);
    html_markup(h, "</figcaption>\n");
    write_legend(h, s);
    html_markup(h, "</figure>\n");
}
