/* SPDX-License-Identifier: Apache-2.0
 * The progress line: one that rewrites itself on a terminal, plain lines now and then elsewhere. */
#ifndef CORE_TRAIN_PROGRESS_H
#define CORE_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct progress {
    FILE *out;
    bool live;            /* out is a terminal */
    bool shown;           /* a live line stands on the screen */
    double every_seconds; /* between two lines */
    double last;          /* when one was last shown */
} progress;

/* What a line tells. Rates and shares are of the time since the previous line. */
typedef struct progress_state {
    int64_t step, total, epoch, epochs;
    double loss, lr;
    double views_per_second;
    double data_wait; /* share of the time in [0, 1] */
    double eta_seconds;
    bool probed;
    double probe_accuracy; /* where probed, in [0, 1] */
} progress_state;

void progress_init(progress *p, FILE *out);

/* True when enough time has gone by since the last line; `now` in seconds, of any clock. */
bool progress_due(const progress *p, double now);
void progress_show(progress *p, const progress_state *state, double now);

/* Another line in its place, about something that is not a step; left out when it is not due, and
 * where it is not a terminal. */
void progress_note(progress *p, const char *text, double now);

/* Leaves a live line standing and goes to the next, so that other text can follow. */
void progress_break(progress *p);

/* Writes a line of its own, over a live line, which comes again with the next one: a log_sink,
 * whose `p` is a progress. [any thread] */
void progress_log(void *p, int32_t level, const char *line);

/* The text itself. */
void progress_format(const progress_state *state, char *ret, size_t bytes);

/* "3m12s", "1h04m", "2d03h"; "?" below 0. */
void progress_duration(double seconds, char *ret, size_t bytes);

/* Seconds of the monotonic clock. */
double progress_now(void);

#endif
