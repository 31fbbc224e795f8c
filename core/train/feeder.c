/* SPDX-License-Identifier: Apache-2.0
 * Rows, key and rates of a step. */
#include "train/feeder.h"

#include <math.h>
#include <stdlib.h>

void feeder_init(feeder *f, assembly *a) {
    const int64_t count = a->data->samples.count;
    const size_t batch = (size_t)a->run->train.batch;
    *f = (feeder){.assembly = a,
                  .schedule = run_schedule(a->run, count, &a->memory),
                  .epoch_steps = run_epoch_steps(a->run, count),
                  .epoch = -1,
                  .permutation = kd_alloc((size_t)count * sizeof *f->permutation),
                  .rows = kd_alloc(batch * sizeof *f->rows),
                  .indices = kd_alloc(batch * sizeof *f->indices)};
}

void feeder_finish(feeder *f) {
    free(f->permutation);
    free(f->rows);
    free(f->indices);
}

size_t feeder_bytes(const run *r, int64_t count) {
    return (size_t)count * sizeof(int32_t) +
           (size_t)r->train.batch * (sizeof(row) + sizeof(int32_t));
}

/* Rows of image `side` of each sample of the batch. */
static bool write_rows(feeder *f, int64_t step, int32_t side, kd_error *err) {
    static const char *const names[] = {"rows.0", "rows.1"};
    const assembly *a = f->assembly;
    const int64_t batch = a->run->train.batch;
    batch_rows(a->data->store, &a->data->samples, f->permutation, (uint64_t)a->run->keys.seed,
               f->epoch, step % f->epoch_steps, batch, side, f->rows);
    return program_write(a->step, names[side], f->rows, (size_t)batch * sizeof *f->rows, err);
}

static bool write_indices(feeder *f, kd_error *err) {
    const int64_t batch = f->assembly->run->train.batch;
    for (int64_t i = 0; i < batch; i++) {
        f->indices[i] = (int32_t)f->rows[i].sample;
    }
    return program_write(f->assembly->step, "indices", f->indices,
                         (size_t)batch * sizeof *f->indices, err);
}

static bool write_rates(feeder *f, int64_t step, kd_error *err) {
    const run *r = f->assembly->run;
    const double t = (double)(step + 1);
    const double hyper[4] = {schedule_lr(&f->schedule, step),
                             schedule_weight_decay(&f->schedule, step),
                             1 - pow(r->optimizer.beta1, t), 1 - pow(r->optimizer.beta2, t)};
    return program_write_reals(f->assembly->step, "hyper", hyper, 4, err);
}

bool feeder_write(feeder *f, int64_t step, kd_error *err) {
    const assembly *a = f->assembly;
    const int64_t epoch = step / f->epoch_steps;
    if (epoch != f->epoch) {
        order_fill((uint64_t)a->run->keys.seed, epoch, f->permutation, a->data->samples.count);
        f->epoch = epoch;
    }
    for (int32_t side = 0; side < a->data->samples.n_images; side++) {
        if (!write_rows(f, step, side, err)) {
            return false;
        }
    }
    const int64_t key[2] = {a->run->keys.seed, epoch};
    return write_indices(f, err) && program_write(a->step, "key", key, sizeof key, err) &&
           write_rates(f, step, err);
}
