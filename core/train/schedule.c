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
        const int64_t held = s->hold > 1 ? step / s->hold * s->hold : step;
        const int64_t past = held > s->warmup ? held - s->warmup : 0;
        return cosine(s->lr, s->final_lr, (double)past / (double)(s->total - s->warmup));
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

double schedule_scalar(const kd_schedule *s, int64_t step, int64_t epoch_steps, int64_t total) {
    const int64_t counted =
        s->flags & KD_SCHEDULE_PER_EPOCH ? step / epoch_steps * epoch_steps : step;
    const double unit = s->flags & KD_SCHEDULE_STEPS ? 1 : (double)epoch_steps;
    const double begin = s->begin * unit, end = s->end < 0 ? (double)total : s->end * unit;
    if ((double)counted < begin) {
        return s->from;
    }
    if ((double)counted >= end) {
        return s->to;
    }
    const double at = ((double)counted - begin) / (end - begin);
    return s->shape == KD_SCHEDULE_COSINE ? cosine(s->from, s->to, at)
                                          : s->from + (s->to - s->from) * at;
}
