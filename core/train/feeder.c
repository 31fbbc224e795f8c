/* SPDX-License-Identifier: Apache-2.0
 * Rows, key and rates of a step. */
#include "train/feeder.h"

#include "train/image_room.h"

#include <kindred/update.h>

#include <math.h>
#include <stdlib.h>

static size_t piece_bytes(const assembly *a) {
    const int64_t pieces = (int64_t)a->run->train.batch * a->data->samples.n_images;
    return a->pixel_memory.room ? (size_t)pieces * sizeof(kd_device_piece) : 0;
}

void feeder_init(feeder *f, assembly *a, int64_t done) {
    const int64_t count = a->data->samples.count;
    const size_t batch = (size_t)a->run->train.batch;
    *f = (feeder){.assembly = a,
                  .schedule = run_schedule(a->run, count, &a->memory),
                  .epoch_steps = run_epoch_steps(a->run, count),
                  .pass_steps = run_pass_steps(a->run, count),
                  .total_steps = run_total_steps(a->run, count),
                  .pass = -1,
                  .written = done,
                  .permutation = kd_alloc((size_t)count * sizeof *f->permutation),
                  .rows = kd_alloc(batch * sizeof *f->rows),
                  .indices = kd_alloc(batch * sizeof *f->indices),
                  .pieces = kd_alloc(piece_bytes(a) + 1)};
}

void feeder_finish(feeder *f) {
    free(f->permutation);
    free(f->rows);
    free(f->indices);
    free(f->pieces);
}

size_t feeder_bytes(const assembly *a) {
    return (size_t)a->data->samples.count * sizeof(int32_t) +
           (size_t)a->run->train.batch * (sizeof(row) + sizeof(int32_t)) + piece_bytes(a);
}

/* Where a batch comes from. */
typedef struct place {
    const int32_t *permutation; /* NULL: the set's own order */
    int64_t epoch, batch;
    int64_t half; /* of the room for images, where they are copied */
} place;

/* Where images are copied to the device: the rows that were made last are moved there. */
static bool lay_images(feeder *f, const place *from, int32_t side, int64_t *end, kd_error *err) {
    const assembly *a = f->assembly;
    const int64_t batch = a->run->train.batch, room = a->pixel_memory.room;
    if (room == 0) {
        return true;
    }
    image_room_lay(a->data->store, f->rows, batch, end, f->pieces + side * batch);
    return *end <= (from->half + 1) * room ||
           kd_fail(err, KD_E_INTERNAL, "a batch of images is larger than the room for it");
}

/* Rows of image `side` of each sample of the batch. *end: of the images laid out so far. */
static bool write_rows(feeder *f, kd_program *p, const place *from, int32_t side, int64_t *end,
                       kd_error *err) {
    static const char *const names[] = {"rows.0", "rows.1"};
    const assembly *a = f->assembly;
    const int64_t batch = a->run->train.batch;
    batch_rows(a->data->store, &a->data->samples, from->permutation, (uint64_t)a->run->keys.seed,
               from->epoch, from->batch, batch, side, f->rows);
    return lay_images(f, from, side, end, err) &&
           program_write(p, names[side], f->rows, (size_t)batch * sizeof *f->rows, err);
}

static bool has_input(const kd_program *p, const char *name) {
    kd_spec spec;
    return program_input_spec(p, name, &spec);
}

/* The samples of the rows that were written last, and their labels. */
static bool write_indices(feeder *f, kd_program *p, kd_error *err) {
    const int64_t batch = f->assembly->run->train.batch;
    const size_t bytes = (size_t)batch * sizeof *f->indices;
    for (int64_t i = 0; i < batch; i++) {
        f->indices[i] = (int32_t)f->rows[i].sample;
    }
    if (!program_write(p, "indices", f->indices, bytes, err)) {
        return false;
    }
    for (int64_t i = 0; i < batch; i++) {
        f->indices[i] = f->assembly->data->samples.label[f->rows[i].sample];
    }
    return !has_input(p, "labels") || program_write(p, "labels", f->indices, bytes, err);
}

static bool write_samples(feeder *f, kd_program *p, const place *from, kd_error *err) {
    const assembly *a = f->assembly;
    int64_t end = from->half * a->pixel_memory.room;
    for (int32_t side = 0; side < a->data->samples.n_images; side++) {
        if (!write_rows(f, p, from, side, &end, err)) {
            return false;
        }
    }
    if (a->pixel_memory.room && !program_write_pieces(p, f->pieces, err)) {
        return false;
    }
    const int64_t key[2] = {a->run->keys.seed, from->epoch};
    return write_indices(f, p, err) && program_write(p, "key", key, sizeof key, err);
}

static bool write_rates(feeder *f, int64_t step, kd_error *err) {
    const run *r = f->assembly->run;
    const double t = (double)(step + 1);
    const double hyper[KD_RATES] = {
        schedule_lr(&f->schedule, step), schedule_weight_decay(&f->schedule, step),
        1 - pow(r->optimizer.beta1, t), 1 - pow(r->optimizer.beta2, t), 1};
    return program_write_reals(f->assembly->step, "hyper", hyper, KD_RATES, err);
}

/* Scheduled scalars, and the key of the step's draws. */
static bool write_clock(feeder *f, kd_program *p, int64_t step, kd_error *err) {
    for (int i = 0; i < program_schedules(p); i++) {
        kd_schedule s;
        const char *name = program_schedule(p, i, &s);
        const double value = schedule_scalar(&s, step, f->epoch_steps, f->total_steps);
        if (!program_write_reals(p, name, &value, 1, err)) {
            return false;
        }
    }
    const int64_t key[2] = {f->assembly->run->keys.seed, step};
    return !has_input(p, "step_key") || program_write(p, "step_key", key, sizeof key, err);
}

/* Steps take halves of the room in turns, those that come into one row of the table the same. */
_Static_assert(REPORT_RING % 2 == 0, "rows of the table have a half each");

static bool write_step(feeder *f, int64_t step, kd_error *err) {
    const assembly *a = f->assembly;
    const int64_t pass = step / f->pass_steps;
    if (pass != f->pass) {
        order_fill((uint64_t)a->run->keys.seed, pass, f->permutation, a->data->samples.count);
        f->pass = pass;
    }
    const place from = {f->permutation, pass, step % f->pass_steps, step % 2};
    const int32_t slot = (int32_t)(step % REPORT_RING);
    return program_write(a->step, REPORT_SLOT_NAME, &slot, sizeof slot, err) &&
           write_samples(f, a->step, &from, err) && write_clock(f, a->step, step, err) &&
           write_rates(f, step, err);
}

bool feeder_fill(feeder *f, kd_error *err) {
    kd_program *p = f->assembly->step;
    for (; f->written < f->total_steps && program_feed_room(p) > 0; f->written++) {
        if (!write_step(f, f->written, err)) {
            return false;
        }
        program_feed_next(p);
    }
    return true;
}

bool feeder_write_further(feeder *f, kd_program *p, bool over_samples, int64_t step, int64_t batch,
                          kd_error *err) {
    const place from = {NULL, step / f->epoch_steps, batch, 1 - step % 2};
    return (!over_samples || write_samples(f, p, &from, err)) && write_clock(f, p, step, err);
}
