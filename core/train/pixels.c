/* SPDX-License-Identifier: Apache-2.0
 * Placing the packed images; see pixels.h. */
#include "train/pixels.h"

#include "base/log.h"
#include "train/evaluation.h"
#include "train/image_room.h"

#include <kindred/device_extensions.h>

/* Of the device's memory, what is left free at least, for the device's own libraries: one part in
 * so many. */
#define SPARE 16

static double mib(size_t bytes) {
    return (double)bytes / 1048576;
}

static const kd_device_host_reads *host_reads(const assembly *a) {
    return kd_device_extension(a->machine.table, a->machine.device, KD_DEVICE_HOST_READS);
}

/* What the evals' programs take on the device at one time, beside all that training holds. */
static bool size_evals(assembly *a, size_t *ret, kd_error *err) {
    rehearsal r;
    rehearsal_begin(&r, a);
    const bool ok = evaluation_rehearse_all(a, &r, err);
    rehearsal_end(&r);
    *ret = r.device_bytes;
    return ok;
}

/* Does this program of the method's go over images? */
static bool goes_over(const assembly *a, uint32_t further) {
    return assembly_method_program(a, further)->over_samples;
}

/* Has each batch copied to either half of a room, of `bytes` each. */
static bool make_room(assembly *a, int64_t bytes, kd_error *err) {
    const int64_t pieces = (int64_t)a->run->train.batch * a->data->samples.n_images;
    bool ok = program_prefetch(a->step, "pixels", pieces, 2 * (size_t)bytes, err);
    for (uint32_t i = 0; ok && i < a->n_further; i++) {
        ok = !goes_over(a, i) || program_prefetch(a->further[i], "pixels", pieces, 0, err);
    }
    a->pixel_memory.room = bytes;
    return ok;
}

static void give_room_up(assembly *a) {
    program_prefetch_nothing(a->step);
    for (uint32_t i = 0; i < a->n_further; i++) {
        program_prefetch_nothing(a->further[i]);
    }
    a->pixel_memory.room = 0;
}

/* left: bytes for training. A room that is larger than all images would not fit either. */
static bool keep_on_host(assembly *a, size_t left, kd_error *err) {
    const store *s = a->data->store;
    const int64_t room = image_room_bytes(s, &a->data->samples, a->run->train.batch);
    const bool can = kd_device_extension(a->machine.table, a->machine.device, KD_DEVICE_PREFETCH);
    engine_plan plan;
    a->pixel_memory.place = PIXELS_ON_HOST;
    if (can && 2 * room <= s->pixel_bytes && !make_room(a, room, err)) {
        return false;
    }
    engine_get_plan(a->engine, &plan);
    if (plan.total_bytes > left) {
        give_room_up(a);
    }
    if (a->pixel_memory.room) {
        log_line(
            KD_LOG_INFO,
            "%.1f MiB of images stay in host memory; the device copies each batch from there a "
            "step ahead, into %.1f MiB of its own",
            mib((size_t)s->pixel_bytes), mib(2 * (size_t)room));
    } else {
        log_line(KD_LOG_INFO,
                 "%.1f MiB of images stay in host memory, where the device reads them: it has no "
                 "%.1f MiB for two batches",
                 mib((size_t)s->pixel_bytes), mib(2 * (size_t)room));
    }
    return true;
}

static bool decide_by_size(assembly *a, bool evals, const kd_device_host_reads *reads,
                           kd_error *err) {
    const size_t bytes = (size_t)a->data->store->pixel_bytes;
    size_t free_bytes = 0, all = 0, of_evals = 0;
    engine_plan plan;
    if (!reads->free_memory(a->machine.device, &free_bytes, &all, err) ||
        (evals && !size_evals(a, &of_evals, err))) {
        return false;
    }
    engine_get_plan(a->engine, &plan);
    const size_t beside = of_evals > all / SPARE ? of_evals : all / SPARE;
    if (plan.total_bytes + beside + bytes <= free_bytes) {
        return true;
    }
    log_line(KD_LOG_INFO,
             "no device memory for the images: of its %.1f MiB, %.1f are free, training takes %.1f "
             "and evals take %.1f",
             mib(all), mib(free_bytes), mib(plan.total_bytes), mib(of_evals));
    return keep_on_host(a, beside < free_bytes ? free_bytes - beside : 0, err);
}

bool pixels_decide(assembly *a, bool evals, kd_error *err) {
    const bool mapped = a->machine.table->flags & KD_DEVICE_HOST_MEMORY;
    const kd_device_host_reads *reads = mapped ? NULL : host_reads(a);
    a->pixel_memory.place = mapped ? PIXELS_MAPPED : PIXELS_ON_DEVICE;
    return program_bind(a->step, "pixels", a->data->store->pixels, err) &&
           (!reads || decide_by_size(a, evals, reads, err));
}

static bool load_on_device(assembly *a, size_t bytes, kd_error *err) {
    const kd_device_plugin *table = a->machine.table;
    if (!table->allocate(a->machine.device, bytes, &a->pixel_memory.memory, err)) {
        kd_while(err, "%.1f MiB of device memory for the images", mib(bytes));
        return kd_hint(err, "a smaller data.store.size packs smaller images; `kindred plan` shows "
                            "what a run needs");
    }
    table->upload(a->machine.device, a->pixel_memory.memory, a->data->store->pixels, bytes);
    return table->wait(a->machine.device, err);
}

static bool load_on_host(assembly *a, size_t bytes, kd_error *err) {
    const size_t lines = (bytes + KD_PIECE_ALIGNMENT - 1) / KD_PIECE_ALIGNMENT; /* read whole */
    if (!host_reads(a)->allocate(a->machine.device, lines * KD_PIECE_ALIGNMENT,
                                 &a->pixel_memory.host, &a->pixel_memory.memory, err)) {
        return false;
    }
    memcpy(a->pixel_memory.host, a->data->store->pixels, bytes);
    return true;
}

bool pixels_load(assembly *a, kd_error *err) {
    const size_t bytes = (size_t)a->data->store->pixel_bytes;
    if (a->pixel_memory.place == PIXELS_MAPPED) {
        return true;
    }
    const bool ok = a->pixel_memory.place == PIXELS_ON_DEVICE ? load_on_device(a, bytes, err)
                                                              : load_on_host(a, bytes, err);
    return ok && program_bind(a->step, "pixels", a->pixel_memory.memory, err);
}

void pixels_release(assembly *a) {
    if (a->pixel_memory.host) {
        host_reads(a)->release(a->machine.device, a->pixel_memory.host);
    } else if (a->pixel_memory.memory) {
        a->machine.table->release(a->machine.device, a->pixel_memory.memory);
    }
    a->pixel_memory = (pixel_memory){.memory = NULL};
}
