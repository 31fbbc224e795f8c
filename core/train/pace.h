/* SPDX-License-Identifier: Apache-2.0
 * How fast a run trains, by its lines of metrics.jsonl. */
#ifndef CORE_TRAIN_PACE_H
#define CORE_TRAIN_PACE_H

#include "base/json_lines.h"

typedef struct training_pace {
    int64_t step;            /* of the last line of training; 0: none */
    double seconds;          /* that training took until then, without evals */
    double views_per_second; /* as that line has it */
} training_pace;

/* Goes on by more lines, in their order. Lines of evals, and of steps that it has, count for
 * nothing.
 *
 * lines          an array, as json_lines_read returns it
 * views_of_step  augmented images of each step */
void pace_add(training_pace *p, const json_t *lines, int64_t views_of_step);

/* Of all lines of a metrics.jsonl; zeros where it cannot be read. */
training_pace pace_of_file(const char *path, int64_t views_of_step);

#endif
