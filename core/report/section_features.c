/* SPDX-License-Identifier: Apache-2.0
 * What the encoder makes of images: how its features lie, and which are neighbours. */
#include "report/sections.h"

#include "report/samples_shown.h"
#include "report/scatter.h"
#include "train/neighbours.h"

#include <stdlib.h>

enum { BANK = 2000, QUERIES = 8, NEIGHBOURS = 5, SINGULAR = 150 };

static int32_t *first_images(const source *s) {
    int32_t *ret = kd_alloc(sizeof *ret * (size_t)(s->samples.count + 1));
    for (int64_t i = 0; i < s->samples.count; i++) {
        ret[i] = s->samples.image[i * s->samples.n_images];
    }
    return ret;
}

static bool take(const report_source *from, const source *of, int64_t most, bool labelled,
                 features *ret, int32_t **ret_image, kd_error *err) {
    source some = shown_subset(of, most, labelled);
    const bool ok =
        features_take(from->assembly, &from->assembly->features, &some, false, "report", ret, err);
    if (ok) {
        *ret_image = first_images(&some);
    }
    shown_subset_free(&some);
    return ok;
}

bool shown_features_take(const report_source *from, shown_features *ret, kd_error *err) {
    const assembly *a = from->assembly;
    const bool evals = from->evals && a->run->n_evals > 0;
    shown_features f = {.points_from = evals ? a->eval_data[0].test : a->data,
                        .bank_from = evals ? a->eval_data[0].train : a->data,
                        .what = evals ? "test images" : "images of the run"};
    /* An eval that looks at test data alone has no other to be neighbours of it. */
    const bool own = f.bank_from == f.points_from;
    const bool ok =
        take(from, f.points_from, SPECTRUM_ROWS, evals, &f.points, &f.point_image, err) &&
        (own || take(from, f.bank_from, BANK, true, &f.bank, &f.bank_image, err)) &&
        spectrum_of(f.points.value, f.points.rows, f.points.width, &f.spectrum, err);
    features_finish(&from->assembly->features);
    if (!ok) {
        shown_features_free(&f);
        return false;
    }
    *ret = f;
    return true;
}

void shown_features_free(shown_features *f) {
    features_free(&f->points);
    features_free(&f->bank);
    free(f->point_image);
    free(f->bank_image);
    spectrum_free(&f->spectrum);
}

static void write_verdict(html *h, const shown_features *f) {
    static const struct {
        const char *kind, *text;
    } verdicts[] = {
        [COLLAPSE_NONE] = {"good", "No sign of collapse: different images get different features."},
        [COLLAPSE_SOME] = {"warn",
                           "Partly collapsed: features differ, but along few directions, or "
                           "by little."},
        [COLLAPSE_FULL] = {"bad", "Collapsed: nearly all images get the same features, so nothing "
                                  "can be learnt from them."},
    };
    const collapse c = spectrum_collapse(&f->spectrum);
    html_markup(h, "<p class=\"verdict %s\"><strong>", verdicts[c].kind);
    html_text(h, "%s", verdicts[c].text);
    html_markup(h, "</strong><br/>Effective rank %.1f of at most %lld; spread %.3f of 1.</p>\n",
                f->spectrum.rank, (long long)f->spectrum.most, f->spectrum.spread);
}

static void write_singular(html *h, const spectrum *s) {
    const int64_t count = s->most < SINGULAR ? s->most : SINGULAR;
    chart_point *point = kd_alloc(sizeof *point * (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        const double first = s->singular[0] > 0 ? s->singular[0] : 1;
        point[i] = (chart_point){(double)(i + 1), s->singular[i] / first};
    }
    const chart_series series = {.name = "singular value", .count = (int)count, .point = point};
    html_markup(h, "<div class=\"charts\">\n");
    chart_write(h, &(chart){.title = "singular values, relative to the largest",
                            .x_name = "number",
                            .n_series = 1,
                            .series = &series});
    html_markup(h, "</div>\n");
    free(point);
}

static void write_map(html *h, const shown_features *f) {
    const store *s = f->points_from->store;
    char label[256], axis[2][64];
    for (int i = 0; i < 2; i++) {
        snprintf(axis[i], sizeof axis[i], "component %d (%.1f %% of the variance)", i + 1,
                 100 * f->spectrum.share[i]);
    }
    snprintf(
        label, sizeof label,
        "%lld %s by the first two principal components of their unit features, coloured by class",
        (long long)f->points.rows, f->what);
    html_markup(h, "<h3>Map</h3>\n");
    scatter_write(h, &(scatter){.count = f->points.rows,
                                .point = f->spectrum.map,
                                .class = f->points.label,
                                .classes = f->points_from->samples.classes,
                                .name = s->classes ? s->class_name : NULL,
                                .label = label,
                                .axis = {axis[0], axis[1]}});
    html_markup(h,
                "<p class=\"note\">Principal components: a linear map, in which far apart is far "
                "apart, though what is near may lie apart in other directions.</p>\n");
}

bool section_features(html *h, const shown_features *f, kd_error *err) {
    (void)err;
    write_verdict(h, f);
    html_markup(h,
                "<p class=\"soft\">Of %lld %s, evenly chosen. The effective rank (RankMe, "
                "arXiv 2210.02885) says how many directions the features use, and is at most "
                "the smaller of their number and their width, %lld. The spread is 1 where unit "
                "features lie evenly on the sphere, and 0 where they are all the same "
                "(arXiv 2011.10566). Where the verdicts begin is a rule of thumb: partly, at a "
                "spread below 0.1 or a rank below a tenth of what it can be; wholly, at a spread "
                "below 0.02 or a rank below 1.1.</p>\n",
                (long long)f->points.rows, f->what, (long long)f->points.width);
    write_singular(h, &f->spectrum);
    write_map(h, f);
    return true;
}

static bool find(const report_source *from, const shown_features *f, const float *queries,
                 int64_t count, neighbours *ret, kd_error *err) {
    const bool own = f->bank.rows == 0;
    const features *bank = own ? &f->points : &f->bank;
    /* among themselves, each is its own nearest, and is passed over */
    const int64_t k = NEIGHBOURS + own < bank->rows ? NEIGHBOURS + own : bank->rows;
    const neighbour_search search = {.query = queries,
                                     .queries = count,
                                     .bank = bank->value,
                                     .rows = bank->rows,
                                     .width = bank->width,
                                     .k = (int32_t)k,
                                     .what = "report"};
    return neighbours_find(from->assembly, &search, ret, err);
}

static bool write_neighbour(html *h, const shown_features *f, int32_t label, int32_t index,
                            double similarity, kd_error *err) {
    const bool own = f->bank.rows == 0;
    const store *s = f->bank_from->store;
    const int32_t other = own ? f->points.label[index] : f->bank.label[index];
    const image one = shown_image(s, own ? f->point_image[index] : f->bank_image[index]);
    const bool known = label >= 0 && other >= 0;
    char name[128], caption[192], alt[224];
    shown_label(s, other, name, sizeof name);
    snprintf(caption, sizeof caption, "%s%s %.2f",
             !known           ? ""
             : label == other ? "= "
                              : "≠ ",
             name, similarity);
    snprintf(alt, sizeof alt, "neighbour: %s, cosine %.3f", name, similarity);
    return shown_figure(h, &one,
                        !known           ? ""
                        : label == other ? "same"
                                         : "other",
                        alt, caption, err);
}

static bool write_query(html *h, const shown_features *f, const neighbours *n, int64_t query,
                        int64_t point, kd_error *err) {
    const store *s = f->points_from->store;
    const image one = shown_image(s, f->point_image[point]);
    char name[128], alt[192];
    int shown = 0;
    shown_label(s, f->points.label[point], name, sizeof name);
    snprintf(alt, sizeof alt, "query: %s", name);
    html_markup(h, "<div class=\"row\">");
    bool ok = shown_figure(h, &one, "last", alt, name, err);
    for (int32_t i = 0; ok && i < n->k && shown < NEIGHBOURS; i++) {
        const int32_t index = n->index[query * n->k + i];
        if (f->bank.rows == 0 && index == point) {
            continue;
        }
        shown++;
        ok = write_neighbour(h, f, f->points.label[point], index,
                             (double)n->similarity[query * n->k + i], err);
    }
    html_markup(h, "</div>\n");
    return ok;
}

bool section_neighbours(html *h, const report_source *from, const shown_features *f,
                        kd_error *err) {
    const int64_t count = f->points.rows < QUERIES ? f->points.rows : QUERIES;
    const int64_t width = f->points.width;
    float *queries = kd_alloc(sizeof *queries * (size_t)(count * width));
    for (int64_t i = 0; i < count; i++) {
        memcpy(queries + i * width, f->points.value + i * f->points.rows / count * width,
               sizeof *queries * (size_t)width);
    }
    neighbours n = {0};
    bool ok = find(from, f, queries, count, &n, err);
    html_markup(h,
                "<p class=\"soft\">On the left one of the %s, then the nearest of %lld %s by the "
                "cosine of their features, which stands behind the label; = is the same class, "
                "≠ another.</p>\n<div class=\"rows\" tabindex=\"0\">\n",
                f->what, (long long)(f->bank.rows ? f->bank.rows : f->points.rows),
                f->bank.rows ? "training images" : "of them");
    for (int64_t i = 0; ok && i < count; i++) {
        ok = write_query(h, f, &n, i, i * f->points.rows / count, err);
    }
    html_markup(h, "</div>\n");
    neighbours_free(&n);
    free(queries);
    return ok;
}
