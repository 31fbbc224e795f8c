/* SPDX-License-Identifier: Apache-2.0
 * The parts of reports that compute: ticks and scales, histories, ranks and maps. */
#include "base/file.h"
#include "data_kit.h"
#include "report/history.h"
#include "report/scatter.h"
#include "report/spectrum.h"
#include "report/study_report.h"
#include "report/ticks.h"

#include <math.h>
#include <stdlib.h>

static void expect_near(double is, double want, double within, const char *what) {
    cr_assert(fabs(is - want) <= within, "%s: %.17g, not %.17g", what, is, want);
}

TEST(ticks, are_round_and_few_enough) {
    static const struct {
        double low, high, first, step;
        int most, count;
    } cases[] = {
        {0, 1, 0, 0.2, 6, 6},
        {0, 100, 0, 20, 6, 6},
        {1, 480, 100, 100, 6, 4},
        {-3, 7, -2, 2, 6, 5},
        {0.123, 0.124, 0.1230, 0.0002, 6, 6},
        {5, 5, 4.6, 0.2, 6, 5},
        {0, 0, -1, 0.5, 6, 5},
        {1e6, 3e6, 1e6, 5e5, 6, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double low = cases[i].low, high = cases[i].high;
        const ticks t = ticks_inside(&low, &high, cases[i].most);
        expect_near(t.step, cases[i].step, 1e-9 * cases[i].step, "step");
        expect_near(t.first, cases[i].first, 1e-6 * cases[i].step, "first");
        cr_assert_eq(t.count, cases[i].count, "case %d: %d ticks", (int)i, t.count);
    }
}

/* Whatever the range: at most so many, at least two, inside, and whole steps apart. */
TEST(ticks, of_any_range) {
    unsigned seed = 5;
    for (int i = 0; i < 20000; i++) {
        const double size = pow(10, rand_r(&seed) % 25 - 12);
        double low = size * (rand_r(&seed) % 2001 - 1000) / 1000;
        double high = low + size * (1 + rand_r(&seed) % 1000) / 1000;
        const double from = low, to = high, slack = 1e-6 * (to - from);
        const int most = 3 + rand_r(&seed) % 8;
        ticks t = ticks_inside(&low, &high, most);
        cr_assert(t.count >= 1 && t.count <= most, "%g to %g: %d of %d", from, to, t.count, most);
        cr_assert(ticks_at(&t, 0) >= from - slack && ticks_at(&t, t.count - 1) <= to + slack);
        t = ticks_around(&low, &high, most);
        cr_assert(t.count >= 2 && t.count <= most, "%g to %g: %d of %d", from, to, t.count, most);
        cr_assert(low <= from + slack && high >= to - slack);
        expect_near(ticks_at(&t, 0), low, slack, "the lower end");
        expect_near(ticks_at(&t, t.count - 1), high, slack, "the upper end");
    }
}

TEST(ticks, zero_is_zero) {
    double low = -0.3, high = 0.3;
    const ticks t = ticks_around(&low, &high, 7);
    bool found = false;
    for (int i = 0; i < t.count; i++) {
        found = found || ticks_at(&t, i) == 0;
    }
    cr_assert(found, "-0.3 + 3 x 0.1 is not 0 in floating point");
}

static void expect_label(double value, double step, bool percent, const char *want) {
    char text[32];
    ticks_label(value, step, percent, text, sizeof text);
    EXPECT_TEXT(text, want);
}

TEST(ticks, labels_have_the_digits_of_their_step) {
    expect_label(0.15, 0.05, false, "0.15");
    expect_label(0.5, 0.1, false, "0.5");
    expect_label(4, 0.5, false, "4.0");
    expect_label(1200, 200, false, "1200");
    expect_label(0, 1e-7, false, "0.0000000");
    expect_label(3e-7, 1e-7, false, "3e-07");
    expect_label(2e6, 5e5, false, "2e+06");
    expect_label(0.05, 0.01, true, "5 %");
    expect_label(0.004, 0.002, true, "0.4 %");
}

TEST(chart, scale_is_linear) {
    const chart_scale s = {.low = 10, .high = 20, .begin = 200, .end = 100};
    expect_near(chart_place(&s, 10), 200, 0, "low");
    expect_near(chart_place(&s, 20), 100, 0, "high");
    expect_near(chart_place(&s, 12.5), 175, 1e-12, "between");
}

TEST(chart, draws_names_and_values) {
    const chart_point a[] = {{1, 0.25}, {2, 0.75}}, b[] = {{2, 0.5}};
    const chart_series series[] = {{.name = "<knn>", .count = 2, .point = a},
                                   {.name = "none", .count = 0},
                                   {.name = "pixels", .count = 1, .point = b}};
    html h = {0};
    chart_write(
        &h,
        &(chart){
            .title = "a & b", .x_name = "step", .percent = true, .n_series = 3, .series = series});
    EXPECT_IN("<h3>a &amp; b</h3>", h.text);
    EXPECT_IN("&lt;knn&gt;, step 1: 25.00 %", h.text);
    EXPECT_IN("&lt;knn&gt;: 25.00 % at 1, 75.00 % at 2.", h.text);
    EXPECT_IN("pixels", h.text);
    cr_assert(!strstr(h.text, "none"));
    html_free(&h);
    chart_write(&h, &(chart){.title = "t", .x_name = "x", .n_series = 1, .series = &series[1]});
    cr_assert_eq(h.bytes, 0, "a chart without points is nothing");
}

TEST(scatter, names_every_class_and_escapes) {
    static const char *const names[] = {"cat", "<dog>", NULL};
    static const float point[] = {0, 0, 1, 1, 2, 0, 0, 2};
    static const int32_t class[] = {0, 1, 2, -1};
    html h = {0};
    scatter_write(&h, &(scatter){.count = 4,
                                 .point = point,
                                 .class = class,
                                 .classes = 3,
                                 .name = names,
                                 .label = "a map",
                                 .axis = {"one", "two"}});
    EXPECT_IN("<title>cat</title>", h.text);
    EXPECT_IN("<title>&lt;dog&gt;</title>", h.text);
    EXPECT_IN("<title>class 2</title>", h.text);
    EXPECT_IN("<title>no label</title>", h.text);
    EXPECT_IN("aria-label=\"a map\"", h.text);
    html_free(&h);
}

static spectrum spectrum_for(const float *features, int64_t rows, int64_t width) {
    spectrum s = {0};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(spectrum_of(features, rows, width, &s, &err), err);
    return s;
}

/* Orthogonal rows of lengths l have the singular values l, whichever side is longer. */
TEST(spectrum, rank_of_known_singular_values) {
    static const double length[] = {4, 2, 1, 1};
    double entropy = 0;
    for (int i = 0; i < 4; i++) {
        entropy -= length[i] / 8 * log(length[i] / 8);
    }
    for (int wide = 0; wide < 2; wide++) {
        const int rows = wide ? 4 : 6, width = wide ? 9 : 4;
        float z[54] = {0};
        for (int i = 0; i < 4; i++) {
            z[i * width + (wide ? 2 * i : 3 - i)] = (float)length[i];
        }
        spectrum s = spectrum_for(z, rows, width);
        cr_assert_eq(s.most, 4);
        for (int i = 0; i < 4; i++) {
            expect_near(s.singular[i], length[i], 1e-7, "singular value");
        }
        expect_near(s.rank, exp(entropy), 1e-6, "rank");
        spectrum_free(&s);
    }
}

TEST(spectrum, of_one_direction_is_collapsed) {
    float z[40 * 8];
    for (int i = 0; i < 40 * 8; i++) {
        z[i] = (float)(1 + i % 8);
    }
    spectrum s = spectrum_for(z, 40, 8);
    expect_near(s.rank, 1, 1e-4, "rank");
    expect_near(s.spread, 0, 1e-4, "spread");
    cr_assert_eq(spectrum_collapse(&s), COLLAPSE_FULL);
    spectrum_free(&s);
    memset(z, 0, sizeof z);
    s = spectrum_for(z, 40, 8);
    cr_assert_eq(spectrum_collapse(&s), COLLAPSE_FULL, "zeros");
    spectrum_free(&s);
}

/* Corners of a cube around the origin: even in every direction. */
TEST(spectrum, of_even_features_is_full) {
    float z[8 * 3];
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 3; k++) {
            z[3 * i + k] = i >> k & 1 ? 2 : -2;
        }
    }
    spectrum s = spectrum_for(z, 8, 3);
    expect_near(s.rank, 3, 1e-9, "rank");
    expect_near(s.spread, 1, 1e-9, "spread");
    expect_near(s.share[0], 1.0 / 3, 1e-9, "share");
    cr_assert_eq(spectrum_collapse(&s), COLLAPSE_NONE);
    spectrum_free(&s);
}

/* Unit features on a half circle in a tilted plane: the map unrolls it, whichever matrix is taken.
 */
TEST(spectrum, map_is_principal_components) {
    for (int width = 4; width <= 40; width += 36) {
        const int rows = 9;
        float z[9 * 40] = {0};
        for (int i = 0; i < rows; i++) {
            const double angle = M_PI * i / 8;
            z[i * width + 1] = (float)(0.6 * cos(angle));
            z[i * width + 3] = (float)(0.8 * cos(angle));
            z[i * width + 0] = (float)sin(angle);
        }
        spectrum s = spectrum_for(z, rows, width);
        expect_near(s.share[0] + s.share[1], 1, 1e-6, "two axes hold all");
        cr_assert_gt(s.share[0], s.share[1]);
        for (int i = 0; i < rows; i++) {
            expect_near(fabs((double)s.map[2 * i]), fabs(cos(M_PI * i / 8)), 1e-6, "first axis");
            for (int k = 0; k < i; k++) { /* distances are kept */
                const double far = hypot((double)(s.map[2 * i] - s.map[2 * k]),
                                         (double)(s.map[2 * i + 1] - s.map[2 * k + 1]));
                expect_near(far, 2 * sin(M_PI * (i - k) / 16), 1e-5, "distance");
            }
        }
        spectrum_free(&s);
    }
}

TEST(spectrum, refuses_what_it_cannot_take) {
    spectrum s = {0};
    kd_error err = KD_ERROR_INIT;
    const float z[] = {1, 2, NAN, 4};
    cr_assert_not(spectrum_of(z, 2, 2, &s, &err));
    EXPECT_TEXT(err.message, "the encoder's features are not finite");
    cr_assert_not(spectrum_of(z, 1, 2, &s, &err));
    cr_assert_not(spectrum_of(z, SPECTRUM_ROWS + 1, 2, &s, &err));
}

static history read_text(kit *k, const char *text) {
    history past = {0};
    kd_error err = KD_ERROR_INIT;
    kit_text(k, "metrics.jsonl", text);
    EXPECT_GOOD(history_read(k->folder, &past, &err), err);
    return past;
}

TEST(history, curves_of_lines) {
    kit k;
    kit_init(&k);
    history past =
        read_text(&k, "{\"step\":0,\"eval\":\"knn\",\"of\":\"untrained encoder\",\"value\":0.25}\n"
                      "{\"step\":1,\"epoch\":0.5,\"loss\":4.5,\"lr\":0.1,\"word\":\"x\"}\n"
                      "{\"step\":2,\"epoch\":1,\"loss\":null,\"lr\":0.2}\nnot JSON\n"
                      "{\"step\":2,\"eval\":\"knn\",\"of\":\"trained encoder\",\"value\":0.5}\n"
                      "{\"step\":2,\"eval\":\"knn\",\"of\":\"raw pixels\",\"value\":0.75}\n"
                      "{\"step\":3,\"epoch\":1.5,\"loss\":3.5,\"lr\":0.3}\n{\"step\":4,\"loss\":9");
    arena *a = &k.memory;
    EXPECT_TEXT(history_key(&past, 0), "loss");
    EXPECT_TEXT(history_key(&past, 1), "lr");
    cr_assert_null(history_key(&past, 2));
    const chart_series loss = history_curve(&past, "loss", 100, a);
    cr_assert(loss.count == 2 && loss.point[1].x == 3 && loss.point[1].y == 3.5);
    EXPECT_TEXT(history_eval(&past, 0), "knn");
    cr_assert_null(history_eval(&past, 1));
    const chart_series knn = history_results(&past, "knn", a);
    cr_assert(knn.count == 2 && knn.point[0].y == 0.25 && knn.point[1].y == 0.5);
    const json_t *pixels = history_result(&past, "knn", "raw pixels");
    expect_near(json_number_value(json_object_get(pixels, "value")), 0.75, 0, "raw pixels");
    cr_assert_null(history_result(&past, "linear", "raw pixels"));
    cr_assert_eq(past.last_step, 3);
    history_free(&past);
    kit_finish(&k);
}

TEST(history, of_nothing_is_empty) {
    kit k;
    kit_init(&k);
    history past = {0};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(history_read(k.folder, &past, &err), err);
    cr_assert(!history_key(&past, 0) && !history_eval(&past, 0) && past.last_step == 0);
    cr_assert_eq(history_curve(&past, "loss", 10, &k.memory).count, 0);
    history_free(&past);
    kit_finish(&k);
}

TEST(history, long_curves_are_means) {
    kit k;
    kit_init(&k);
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);
    for (int step = 1; step <= 1000; step++) {
        fprintf(file, "{\"step\":%d,\"loss\":%d}\n", step, step);
    }
    fclose(file);
    history past = read_text(&k, text);
    const chart_series s = history_curve(&past, "loss", 150, &k.memory);
    cr_assert(s.count > 100 && s.count <= 150, "%d", s.count);
    expect_near(s.point[0].y, 4, 1e-12, "the mean of 1 to 7");
    history_free(&past);
    free(text);
    kit_finish(&k);
}

TEST(study, page_has_table_differences_and_curves) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    html h = {0};
    static const char *const names[] = {"study.yaml", "results.jsonl", "run.yaml"};
    for (int i = 0; i < 3; i++) {
        char *text = NULL;
        size_t bytes = 0;
        EXPECT_GOOD(
            file_read(arena_print(&k.memory, "%s/%s", GOLDEN, names[i]), 0, &text, &bytes, &err),
            err);
        kit_write(&k, names[i], text, bytes);
        free(text);
    }
    cr_assert_not(study_report_is_study("/nowhere"));
    cr_assert(study_report_is_study(k.folder));
    kit_text(&k, "runs/semantic-none-seed1/metrics.jsonl", "{\"step\":1,\"loss\":4.5}\n");
    kit_text(&k, "runs/semantic-none-seed2/metrics.jsonl", "{\"step\":1,\"loss\":3.5}\n{\"st");
    kit_text(&k, "runs/augmented-none-seed1/metrics.jsonl", "{\"step\":1,\"loss\":2.25}\n");
    /* Of a seed and a value that the study has no longer. */
    kit_text(&k, "runs/semantic-none-seed77/metrics.jsonl", "{\"step\":1,\"loss\":7.75}\n");
    kit_text(&k, "runs/gone-seed1/metrics.jsonl", "{\"step\":1,\"loss\":7.75}\n");
    kit_text(&k, "logs/augmented-crop-seed1.failed", "failed with status 1: no <room>\n");
    EXPECT_GOOD(study_report(k.folder, true, &h, &err), err);
    EXPECT_IN("10 of 24 runs are done", h.text);
    EXPECT_IN("<strong>augmented-crop-seed1</strong> failed with status 1: no &lt;room", h.text);
    EXPECT_IN("83.00 ± 3.61<br/><span class=\"soft\">paper 80.00</span>", h.text);
    EXPECT_IN("<strong>+8.00</strong> [-2.83, +18.83]", h.text);
    EXPECT_IN("3 seeds, 0 is inside", h.text);
    EXPECT_IN("one seed: no interval", h.text);
    EXPECT_IN(
        "<td>untrained encoder</td><td>any</td><td>none</td><td class=\"number\">32.00 ± 1.00",
        h.text);
    EXPECT_IN("<h3>semantic-none</h3>", h.text);
    EXPECT_IN("seed2, step 1: 3.5", h.text);
    EXPECT_IN("seed1, step 1: 2.25", strstr(h.text, "<h3>augmented-none</h3>"));
    EXPECT_IN("The paper prints this cell twice.", h.text);
    cr_assert(!strstr(h.text, "7.75") && !strstr(h.text, "<h3>gone"));
    cr_assert(!strstr(h.text, "http") && !strstr(h.text, "<script"));
    html_free(&h);
    kit_finish(&k);
}

static void expect_row(const char *page, const char *first, const char *row) {
    const char *at = strstr(page, first);
    cr_assert(at, "%s", first);
    EXPECT_IN(row, at);
    cr_assert(strstr(at, row) < strstr(at, "</tr>"), "%s\n%.400s", row, at);
}

/* done, failed, on its way, and not begun; spreads that stay, that fall, and that are not there. */
TEST(study, page_has_a_row_for_each_run) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    html h = {0};
    kit_text(&k, "study.yaml", "name: plain\nseeds: [1, 2, 3, 4]\nrun: {train: {batch: 8}}\n");
    kit_text(&k, "results.jsonl",
             "{\"run\":\"seed1\",\"values\":{},\"seed\":1,\"steps\":3,\"views\":6,\"seconds\":61,"
             "\"evals\":[]}\n");
    kit_text(&k, "runs/seed1/metrics.jsonl",
             "{\"step\":1,\"loss\":4,\"spread\":0.2}\n{\"step\":3,\"loss\":4,\"spread\":0.021}\n");
    kit_text(&k, "runs/seed2/metrics.jsonl",
             "{\"step\":1,\"loss\":4,\"spread\":0.2}\n{\"step\":2,\"loss\":4,\"spread\":0.019}\n");
    kit_text(&k, "runs/seed3/metrics.jsonl", "{\"step\":1,\"loss\":4}\n");
    kit_text(&k, "logs/seed3.failed", "failed with status 1: no room\n");
    kit_text(&k, "runs/seed1/report.html", "<html/>");
    for (int i = 1; i <= 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "runs/seed%d/plugins.lock", i);
        kit_text(&k, path,
                 i == 3
                     ? "{\"plugins\":[{\"kind\":\"eval\",\"id\":\"knn\",\"version\":\"9.0.1\"}]}"
                     : "{\"plugins\":[{\"kind\":\"eval\",\"id\":\"knn\",\"version\":\"1.2.3\"}]}");
        snprintf(path, sizeof path, "runs/seed%d/environment.json", i);
        kit_text(&k, path, "{\"kindred\":\"0.7.7\",\"device\":\"cpu\",\"describe\":\"a <core>\"}");
    }
    EXPECT_GOOD(study_report(k.folder, true, &h, &err), err);
    const char *runs = strstr(h.text, "<section id=\"runs\">");
    cr_assert(runs);
    expect_row(runs, "<td><a href=\"runs/seed1/report.html\">seed1</a></td>",
               "<td>done</td><td class=\"number\">0.0210</td><td class=\"number\">3</td>"
               "<td class=\"number\">1m01s</td>");
    expect_row(runs, "<td>seed2</td>",
               "<td>not at its end, <strong>collapsed</strong></td><td class=\"number\">0.0190</td>"
               "<td class=\"number\">2</td>");
    expect_row(runs, "<td>seed3</td>",
               "<td>failed</td><td class=\"number\">–</td><td class=\"number\">1</td>"
               "<td class=\"number\">–</td>");
    expect_row(runs, "<td>seed4</td>",
               "<td>not begun</td><td class=\"number\">–</td><td class=\"number\">0</td>");
    const char *made = strstr(h.text, "<section id=\"made-with\">");
    cr_assert(made);
    expect_row(made, "<td>0.7.7</td>", "<td>a &lt;core&gt;</td>");
    expect_row(made, "<td>0.7.7</td>", "<td class=\"number\">3</td>");
    expect_row(made, "<td>1.2.3</td>", "<td class=\"number\">2</td>");
    expect_row(made, "<td>9.0.1</td>", "<td class=\"number\">1</td>");
    html_free(&h);
    EXPECT_GOOD(study_report(k.folder, false, &h, &err), err);
    cr_assert_not(strstr(h.text, "href=\"runs/"), "a link from elsewhere");
    html_free(&h);
    kit_finish(&k);
}

TEST(study, a_study_without_axes_has_one_chart) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    html h = {0};
    kit_text(&k, "study.yaml", "name: plain\nseeds: [1, 2]\nrun: {train: {batch: 8}}\n");
    kit_text(&k, "runs/seed1/metrics.jsonl", "{\"step\":1,\"loss\":4.5}\n");
    kit_text(&k, "runs/seed2/metrics.jsonl", "{\"step\":1,\"loss\":3.5}\n");
    EXPECT_GOOD(study_report(k.folder, true, &h, &err), err);
    const char *figure = strstr(h.text, "<figure class=\"chart\"><h3>plain</h3>");
    cr_assert(figure && !strstr(figure + 1, "<figure"), "%s", h.text);
    EXPECT_IN("seed1, step 1: 4.5", figure);
    EXPECT_IN("seed2, step 1: 3.5", figure);
    html_free(&h);
    kit_finish(&k);
}
