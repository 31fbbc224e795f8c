/* SPDX-License-Identifier: Apache-2.0
 * Reads the loss and the reports of steps from the ring where the step's program leaves them. */
#ifndef CORE_TRAIN_REPORTS_H
#define CORE_TRAIN_REPORTS_H

#include "train/assembly.h"

typedef struct reports {
    const assembly *assembly;
    int columns;     /* the loss, then each report */
    int64_t read;    /* steps whose rows have been read */
    void *ring;      /* real [REPORT_RING, columns], as of the last read */
    double *value;   /* [columns] of the newest step that was read */
    bool every_step; /* reading costs nothing: the device's memory is the host's */
} reports;

/* done: steps that were taken before. */
void reports_init(reports *r, const assembly *a, int64_t done);
void reports_finish(reports *r);

/* True when the ring must be read before another step is taken. */
bool reports_full(const reports *r, int64_t done);

/* Reads the rows of all steps up to `done`, waiting for them, and gives the newest's to `value`.
 *
 * fails with KD_E_DATA at the first whose loss is not finite, with *ret_step that step's number */
bool reports_read(reports *r, int64_t done, int64_t *ret_step, kd_error *err);

/* The loss of the newest step that was read. */
static inline double reports_loss(const reports *r) {
    return r->value[0];
}

#endif
