/* SPDX-License-Identifier: Apache-2.0
 * What a run measured over its steps, from the lines of metrics.jsonl. */
#ifndef CORE_REPORT_HISTORY_H
#define CORE_REPORT_HISTORY_H

#include "base/arena.h"
#include "report/chart.h"

#include <jansson.h>

typedef struct history {
    json_t *lines;     /* of metrics.jsonl */
    json_t *further;   /* of evals.jsonl, where `kindred eval` adds to; may be empty */
    int64_t last_step; /* of any line; 0: none */
} history;

/* Files that are not there are empty ones. owns: history_free */
bool history_read(const char *folder, history *ret, kd_error *err);
void history_free(history *h);

/* The i-th key of training's lines whose values are numbers, in order of appearance, "step" and
 * "epoch" left out; NULL at the end. */
const char *history_key(const history *h, int i);

/* A number of training's lines by step. At most `most` points: each the mean of as many lines. */
chart_series history_curve(const history *h, const char *key, int most, arena *a);

/* The i-th eval's name, in order of appearance; NULL at the end. */
const char *history_eval(const history *h, int i);

/* The first result of an eval by step: of the untrained encoder, then of the trained one. */
chart_series history_results(const history *h, const char *eval, arena *a);

/* The last line of an eval of what `of` says (OF_ of train/evaluation.h), borrowed; NULL: none. */
const json_t *history_result(const history *h, const char *eval, const char *of);

#endif
