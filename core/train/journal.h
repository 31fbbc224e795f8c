/* SPDX-License-Identifier: Apache-2.0
 * What a run tells of its steps while it trains: lines of metrics.jsonl and the progress line. Its
 * clock stands still in evals and in programs of the method's own: rates are those of steps. */
#ifndef CORE_TRAIN_JOURNAL_H
#define CORE_TRAIN_JOURNAL_H

#include "train/feeder.h"
#include "train/metrics.h"
#include "train/reports.h"

/* When so many steps had been enqueued; seconds since the journal's beginning. */
typedef struct moment {
    int64_t step;
    double at;     /* by the journal's clock; of a moment that is told of, when its reports came */
    double host;   /* of it, not spent waiting for the device */
    double waited; /* of it, spent on inputs that were not ready */
} moment;

typedef struct journal {
    assembly *assembly;
    const feeder *feeder;
    const reports *reports;
    metrics *metrics;
    double paused;         /* the clock's time of day at its beginning, and all pauses since */
    double device, waited; /* as of now: waiting for the device, and for inputs */
    moment logged, shown;  /* that were told of last */
} journal;

/* What it points to stays the caller's; done: steps that were taken before. */
void journal_begin(journal *j, int64_t done);

/* Seconds of the journal's clock. */
double journal_clock(const journal *j);

moment journal_moment(const journal *j, int64_t step);

/* Tells of a moment whose step is the newest that `reports` has read: in metrics.jsonl where
 * `logged`, and by the progress line where that is due or `shown`. */
void journal_tell(journal *j, moment m, bool logged, bool shown);

#endif
