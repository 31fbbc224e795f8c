/* SPDX-License-Identifier: Apache-2.0
 * Pairs as cards with a checkbox; share/report/pairs.js turns pages and makes the list. */
#include "report/pair_sheet.h"

#include "base/arena.h"
#include "base/sha256.h"
#include "data/sample_image.h"
#include "report/thumbnail.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

extern const char pair_sheet_style[], pair_sheet_script[]; /* share/report/pairs.css, .js */

/* One image of the sheet: its thumbnail, or why there is none. */
typedef struct view {
    int64_t order, sample;
    int32_t place;
    char *source, *broken; /* one of the two; malloc's */
    char *name;            /* as its sample says; NULL: it is of a manifest, or was not read */
    bool single;           /* its sample is no pair */
} view;

static int by_order(const void *left, const void *right) {
    const view *a = *(view *const *)left, *b = *(view *const *)right;
    return (a->order > b->order) - (a->order < b->order);
}

static bool read_view(const pair_sheet *s, view *v, kd_error *err) {
    kd_sample sample = {.size = sizeof sample};
    image pixels = {0};
    if (!s->table->read(s->set, v->sample, &sample, err)) {
        return false;
    }
    v->single = v->place >= (int32_t)sample.n_images;
    if (!v->single && sample.n_images > 1 && sample.images[v->place].name) {
        v->name = strdup(sample.images[v->place].name);
    }
    const bool good = !v->single &&
                      sample_image(&sample.images[v->place], THUMBNAIL_SIDE, &pixels, err) &&
                      thumbnail_encode_jpeg(&pixels, &v->source, err);
    free(pixels.pixels);
    s->table->release_sample(s->set, &sample);
    return good;
}

/* In the order in which an archive gives them. */
static bool read_views(const pair_sheet *s, view *views, int64_t count, kd_error *err) {
    view **sorted = kd_alloc((size_t)(count + 1) * sizeof *sorted);
    for (int64_t i = 0; i < count; i++) {
        const int64_t sample = views[i].sample;
        views[i].order =
            KD_HAS(kd_dataset, s->table, order) ? s->table->order(s->set, sample) : sample;
        sorted[i] = &views[i];
    }
    qsort(sorted, (size_t)count, sizeof *sorted, by_order);
    bool good = true;
    for (int64_t i = 0; good && i < count; i++) {
        kd_error why = KD_ERROR_INIT;
        if (!read_view(s, sorted[i], &why)) {
            sorted[i]->broken = strdup(why.message);
        }
        if (sorted[i]->single) {
            good = kd_fail(err, KD_E_INVALID, "the dataset's samples are single images");
            kd_hint(err, "name a manifest of pairs: kindred pairs show pairs.csv --data ...");
            break;
        }
        good = !s->progress || s->progress(s->context, i + 1, count) ||
               kd_fail(err, KD_E_CANCELLED, "interrupted while reading images");
    }
    free(sorted);
    return good;
}

static void write_view(html *h, const view *v, const char *name) {
    if (v->broken) {
        html_markup(h, "<span class=\"broken\">");
        html_text(h, "%s: %s", name, v->broken);
        html_markup(h, "</span>");
        return;
    }
    html_markup(h, "<img src=\"%s\" decoding=\"async\" alt=\"", v->source);
    html_text(h, "%s", name);
    html_markup(h, "\" title=\"");
    html_text(h, "%s", name);
    html_markup(h, "\"/>");
}

/* "cat", or "cat / dog" where the two differ. */
static void write_class(html *h, const shown_pair *p) {
    const char *first = p->side[0].class_name, *second = p->side[1].class_name;
    if (!first && !second) {
        return;
    }
    const bool same = first && second && strcmp(first, second) == 0;
    html_markup(h, "<span%s>", same ? "" : " class=\"two\"");
    html_text(h, "%s", first ? first : "no class");
    if (!same) {
        html_text(h, " / %s", second ? second : "no class");
    }
    html_markup(h, "</span>");
}

static void write_card(html *h, const shown_pair *p, const view *views) {
    html_markup(h, "<label class=\"card\" data-class=\"%d\">\n<span class=\"pair\">", p->class);
    for (int i = 0; i < 2; i++) {
        write_view(h, &views[i], views[i].name ? views[i].name : p->side[i].name);
    }
    html_markup(h, "</span>\n<span class=\"words\"><input type=\"checkbox\"%s value=\"",
                p->rejected ? " checked=\"checked\"" : "");
    html_text(h, "%s", p->id);
    html_markup(h, "\"/><code class=\"id\">");
    html_text(h, "%s", p->id);
    html_markup(h, "</code>");
    write_class(h, p);
    if (!isnan(p->similarity)) {
        html_markup(h, "<span>%.3f</span>", p->similarity);
    }
    html_markup(h, "</span>\n</label>\n");
}

/* The classes that the sheet has, each once. */
static void write_choices(html *h, const shown_pairs *pairs) {
    int32_t classes = 0;
    for (int64_t i = 0; i < pairs->count; i++) {
        classes = pairs->pair[i].class >= classes ? pairs->pair[i].class + 1 : classes;
    }
    const char **name = kd_alloc((size_t)(classes + 1) * sizeof *name);
    for (int64_t i = 0; i < pairs->count; i++) {
        if (pairs->pair[i].class >= 0) {
            name[pairs->pair[i].class] = pairs->pair[i].side[0].class_name;
        }
    }
    html_markup(h, "<select id=\"which\" aria-label=\"which pairs\">"
                   "<option value=\"all\">all pairs</option>"
                   "<option value=\"rejected\">turned down</option>");
    for (int32_t c = 0; c < classes; c++) {
        if (name[c]) {
            html_markup(h, "<option value=\"c%d\">", c);
            html_text(h, "%s", name[c]);
            html_markup(h, "</option>");
        }
    }
    html_markup(h, "</select>\n");
    free(name);
}

static void write_bar(html *h, const shown_pairs *pairs) {
    html_markup(h, "<div class=\"bar\" id=\"bar\" hidden=\"hidden\"><div>\n"
                   "<span><b id=\"count\">0</b> turned down</span>\n"
                   "<button type=\"button\" id=\"download\">Download</button>\n"
                   "<button type=\"button\" id=\"copy\">Copy</button>\n");
    write_choices(h, pairs);
    html_markup(h, "<span class=\"pages\">"
                   "<button type=\"button\" id=\"back\" aria-label=\"page before\">&#8592;</button>"
                   "<span id=\"page\"></span>"
                   "<button type=\"button\" id=\"next\" aria-label=\"next page\">&#8594;</button>"
                   "</span>\n</div></div>\n");
}

/* What the browser keeps ticks under: other pairs are another sheet. */
static void write_set(html *h, const pair_sheet *s) {
    char *text = NULL, hex[SHA256_HEX];
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (int64_t i = 0; i < s->pairs->count; i++) {
        fprintf(out, "%s%s\n", s->pairs->pair[i].id, s->pairs->pair[i].rejected ? "-" : "");
    }
    fclose(out);
    sha256_bytes(text, bytes, hex);
    free(text);
    html_markup(h, "<div class=\"sheet\" id=\"sheet\" data-set=\"%.16s\">\n", hex);
}

static void write_page(html *h, const pair_sheet *s, const view *views) {
    const shown_pairs *p = s->pairs;
    html_begin(h, s->name);
    html_markup(h, "<style>\n%s</style>\n<h1>", pair_sheet_style);
    html_text(h, "%s", s->name);
    html_markup(h,
                "</h1>\n<p class=\"soft\">%" PRId64 " of %" PRId64
                " pairs. Tick those whose two images do not show one kind of thing; the list of "
                "their ids is what <code>data.pairs.reject</code> reads.</p>\n",
                p->count, p->total);
    write_set(h, s);
    for (int64_t i = 0; i < p->count; i++) {
        write_card(h, &p->pair[i], views + 2 * i);
    }
    html_markup(h, "</div>\n<details id=\"by-hand\"><summary>The list</summary>\n"
                   "<textarea id=\"list\" readonly=\"readonly\" aria-label=\"ids\"></textarea>\n"
                   "</details>\n<pre id=\"hidden\" hidden=\"hidden\">");
    for (int64_t i = 0; i < p->n_hidden; i++) {
        html_text(h, "%s\n", p->hidden[i]);
    }
    html_markup(h, "</pre>\n");
    write_bar(h, p);
    html_markup(h, "<script>//<![CDATA[\n%s//]]></script>\n", pair_sheet_script);
    html_end(h);
}

bool pair_sheet_write(const pair_sheet *s, const char *path, int64_t *ret_broken, size_t *ret_bytes,
                      kd_error *err) {
    const int64_t count = 2 * s->pairs->count;
    view *views = kd_alloc((size_t)(count + 1) * sizeof *views);
    for (int64_t i = 0; i < count; i++) {
        views[i].sample = s->pairs->pair[i / 2].side[i % 2].sample;
        views[i].place = s->pairs->pair[i / 2].side[i % 2].place;
    }
    html h = {0};
    bool good = read_views(s, views, count, err);
    if (good) {
        write_page(&h, s, views);
        good = html_write(&h, path, err);
    }
    *ret_bytes = h.bytes;
    *ret_broken = 0;
    for (int64_t i = 0; i < count; i++) {
        *ret_broken += views[i].broken != NULL;
        free(views[i].source);
        free(views[i].broken);
        free(views[i].name);
    }
    html_free(&h);
    free(views);
    return good;
}
