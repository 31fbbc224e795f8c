/* SPDX-License-Identifier: Apache-2.0
 * Reads the loss and the reports of steps from the ring where the step's program leaves them: all
 * at once, waiting for them, or, where the device can, by copies that are sent for and received
 * when they have come, one at a time, while later steps go on. */
#ifndef CORE_TRAIN_REPORTS_H
#define CORE_TRAIN_REPORTS_H

#include "train/assembly.h"

typedef struct reports {
    const assembly *assembly;
    int columns;     /* the loss, then each report */
    int64_t read;    /* steps whose rows have been read */
    int64_t sent;    /* and with the copy that was sent for; above `read` while it is under way */
    void *ring;      /* real [REPORT_RING, columns], as of the last read */
    double *value;   /* [columns] of the newest step that was read */
    bool every_step; /* reading costs nothing: the device's memory is the host's */
    bool copied;     /* copies can be sent for */
} reports;

/* done: steps that were taken before. */
void reports_init(reports *r, const assembly *a, int64_t done);
void reports_finish(reports *r);

/* True when the ring must be read, or sent for, before another step is taken. Copies are sent for
 * in time to keep the host no more than a ring ahead of what it has received. */
bool reports_full(const reports *r, int64_t done);

/* Reads the rows of all steps up to `done`, waiting for them, and gives the newest's to `value`.
 * Nothing is under way.
 *
 * fails with KD_E_DATA at the first whose loss is not finite, with *ret_step that step's number */
bool reports_read(reports *r, int64_t done, int64_t *ret_step, kd_error *err);

/* Sends for a copy of the ring, as the steps up to `done`, which are those enqueued so far, leave
 * it. Nothing is under way. */
void reports_send(reports *r, int64_t done);
static inline bool reports_sent(const reports *r) {
    return r->sent > r->read;
}
/* Whether what is under way has come. */
bool reports_arrived(const reports *r);
/* Reads the rows that are under way, as reports_read does: waits for them, for no step after. */
bool reports_receive(reports *r, int64_t *ret_step, kd_error *err);

/* The loss of the newest step that was read. */
static inline double reports_loss(const reports *r) {
    return r->value[0];
}

#endif
