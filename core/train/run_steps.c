/* SPDX-License-Identifier: Apache-2.0
 * From a run's keys to steps, rates and the optimizer's constants. */
#include "train/run.h"

#include <kindred/update.h>

#include <math.h>

int64_t run_pass_steps(const run *r, int64_t samples) {
    return samples / r->train.batch;
}

int64_t run_epoch_steps(const run *r, int64_t samples) {
    const int64_t pass = run_pass_steps(r, samples);
    return pass > 0 && r->train.epoch_steps > 0 ? r->train.epoch_steps : pass;
}

int64_t run_total_steps(const run *r, int64_t samples) {
    const int64_t epoch = run_epoch_steps(r, samples);
    return epoch > 0 && r->train.steps > 0 ? r->train.steps : epoch * r->train.epochs;
}

schedule run_schedule(const run *r, int64_t samples, arena *a) {
    const schedule_keys *k = &r->schedule;
    const double epoch = (double)run_epoch_steps(r, samples), wd = r->optimizer.weight_decay;
    int64_t *milestones = arena_alloc(a, sizeof *milestones * (size_t)(k->milestones.count + 1));
    for (int64_t i = 0; i < k->milestones.count; i++) {
        milestones[i] = llround(k->milestones.value[i] * epoch);
    }
    return (schedule){.decay = k->decay,
                      .total = run_total_steps(r, samples),
                      .warmup = llround(k->warmup_epochs * epoch),
                      .lr = r->optimizer.lr,
                      .start_lr = k->warmup_start,
                      .final_lr = k->final_ratio * r->optimizer.lr,
                      .weight_decay = wd,
                      .final_weight_decay = k->final_weight_decay < 0 ? wd : k->final_weight_decay,
                      .hold = k->per_epoch ? (int64_t)epoch : 0,
                      .n_milestones = (int)k->milestones.count,
                      .milestones = milestones,
                      .factor = k->factor};
}

optimizer run_optimizer(const run *r) {
    static const char *const names[] = {"sgd", "lars", "adamw"};
    static const int variants[] = {KD_LARS_FB, KD_LARS_GOOGLE, KD_LARS_SOLO};
    const optimizer_keys *k = &r->optimizer;
    return (optimizer){.name = names[k->name],
                       .momentum = k->momentum,
                       .nesterov = k->nesterov,
                       .lars_variant = variants[k->variant],
                       .trust = k->trust,
                       .clip_ratio = k->clip_ratio,
                       .beta1 = k->beta1,
                       .beta2 = k->beta2,
                       .eps = k->eps,
                       .decay_all = k->decay_all,
                       .lr = k->lr,
                       .bias_lr = k->bias_lr,
                       .clip_norm = k->clip_norm,
                       .clip_each = k->clip == 1};
}
