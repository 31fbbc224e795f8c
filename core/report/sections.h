/* SPDX-License-Identifier: Apache-2.0
 * Parts of a run's report. Each writes its <section>, or that and why it cannot show what it would.
 */
#ifndef CORE_REPORT_SECTIONS_H
#define CORE_REPORT_SECTIONS_H

#include "report/history.h"
#include "report/run_report.h"
#include "report/spectrum.h"
#include "train/extraction.h"

/* <section id="..."><h2>; section_end closes it. */
void section_begin(html *h, const char *id, const char *title);
void section_end(html *h);

/* Results of evals with their protocols, of the encoder before and after, and of raw pixels. */
void section_results(html *h, const history *past, arena *a);

/* Loss, rates, what the method reports, evals; each over steps. */
void section_curves(html *h, const history *past, arena *a);

/* What the first samples of the run's first step were cut into. */
bool section_views(html *h, const report_source *from, kd_error *err);

/* Some samples of two images; nothing where samples have one. */
bool section_pairs(html *h, const report_source *from, kd_error *err);

/* Features of some of the evals' images, or where there are none, of the run's own. */
typedef struct shown_features {
    features points; /* of test images where there are evals */
    features bank;   /* of training images; no rows: the points are their own bank */
    const source *points_from, *bank_from;
    int32_t *point_image, *bank_image; /* [rows] each: the store's images */
    spectrum spectrum;
    const char *what; /* the points, in words */
} shown_features;
bool shown_features_take(const report_source *from, shown_features *ret, kd_error *err);
void shown_features_free(shown_features *f);

/* Rank, spread, a verdict on both, and a map. */
bool section_features(html *h, const shown_features *f, kd_error *err);
/* Some points and the images that are nearest to them. */
bool section_neighbours(html *h, const report_source *from, const shown_features *f, kd_error *err);

/* Configuration, plugins, environment: the files themselves. */
void section_files(html *h, const report_source *from);

#endif
