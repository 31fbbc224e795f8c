/* SPDX-License-Identifier: Apache-2.0
 * The ring is read as a whole: it is a few kilobytes. */
#include "train/reports.h"

#include <math.h>
#include <stdlib.h>

static size_t element_bytes(const reports *r) {
    return r->assembly->machine.graph.real == KD_F64 ? sizeof(double) : sizeof(float);
}

static size_t ring_bytes(const reports *r) {
    return (size_t)REPORT_RING * (size_t)r->columns * element_bytes(r);
}

void reports_init(reports *r, const assembly *a, int64_t done) {
    *r = (reports){.assembly = a,
                   .columns = 1 + program_reports(a->step),
                   .read = done,
                   .sent = done,
                   .every_step = a->machine.table->flags & KD_DEVICE_HOST_MEMORY,
                   .copied = a->reports_copied};
    r->ring = kd_alloc(ring_bytes(r));
    r->value = kd_alloc((size_t)r->columns * sizeof *r->value);
}

void reports_finish(reports *r) {
    free(r->ring);
    free(r->value);
}

bool reports_full(const reports *r, int64_t done) {
    return r->every_step || done - r->sent >= (r->copied ? REPORT_RING / 2 : REPORT_RING);
}

static void take_row(reports *r, const void *ring, int64_t step) {
    const int64_t first = step % REPORT_RING * r->columns;
    for (int i = 0; i < r->columns; i++) {
        r->value[i] = element_bytes(r) == sizeof(double) ? ((const double *)ring)[first + i]
                                                         : (double)((const float *)ring)[first + i];
    }
}

static bool take_rows(reports *r, const void *ring, int64_t done, int64_t *ret_step,
                      kd_error *err) {
    for (; r->read < done; r->read++) {
        take_row(r, ring, r->read);
        if (!isfinite(reports_loss(r))) {
            *ret_step = r->read + 1;
            return kd_fail(err, KD_E_DATA, "step %lld: the loss is %g", (long long)*ret_step,
                           reports_loss(r));
        }
    }
    return true;
}

void reports_send(reports *r, int64_t done) {
    program_copy(r->assembly->step);
    r->sent = done;
}

bool reports_arrived(const reports *r) {
    return program_copy_arrived(r->assembly->step);
}

bool reports_receive(reports *r, int64_t *ret_step, kd_error *err) {
    const void *ring = NULL;
    return program_copy_wait(r->assembly->step, &ring, err) &&
           take_rows(r, ring, r->sent, ret_step, err);
}

bool reports_read(reports *r, int64_t done, int64_t *ret_step, kd_error *err) {
    if (r->read < done &&
        !program_read(r->assembly->step, REPORT_RING_NAME, r->ring, ring_bytes(r), err)) {
        return false;
    }
    r->sent = done;
    return take_rows(r, r->ring, done, ret_step, err);
}
