/* SPDX-License-Identifier: Apache-2.0
 * Schedules in closed form: nothing accumulates, so a resumed run continues on the same curve. */
#include "train/schedule.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* From `from` at 0 to `to` at 1. */
static double cosine(double from, double to, double at) {
    return to + (from - to) * (1 + cos(pi * at)) / 2;
}

double schedule_lr(const schedule *s, int64_t step) {
    if (step < s->warmup) {
        return s->start_lr + (s->lr - s->start_lr) * (double)step / (double)s->warmup;
    }
    if (s->decay == SCHEDULE_COSINE && s->total > s->warmup) {
        const double at = (double)(step - s->warmup) / (double)(s->total - s->warmup);
        return cosine(s->lr, s->final_lr, at);
    }
    double lr = s->lr;
    for (int i = 0; s->decay == SCHEDULE_STEP && i < s->n_milestones; i++) {
        lr *= step >= s->milestones[i] ? s->factor : 1;
    }
    return lr;
}

double schedule_weight_decay(const schedule *s, int64_t step) {
    return cosine(s->weight_decay, s->final_weight_decay, (double)step / (double)s->total);
}
