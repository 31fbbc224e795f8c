/* SPDX-License-Identifier: Apache-2.0
 * Placing the packed images; see pixels.h. */
#include "train/pixels.h"

#include "base/log.h"
#include "train/evaluation.h"

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
    if (plan.total_bytes + beside + bytes > free_bytes) {
        a->pixel_memory.place = PIXELS_ON_HOST;
        log_line(KD_LOG_INFO,
                 "%.1f MiB of images stay in host memory, which the device reads: of its %.1f MiB, "
                 "%.1f are free, training takes %.1f and evals take %.1f",
                 mib(bytes), mib(all), mib(free_bytes), mib(plan.total_bytes), mib(of_evals));
    }
    return true;
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
    if (!host_reads(a)->allocate(a->machine.device, bytes, &a->pixel_memory.host,
                                 &a->pixel_memory.memory, err)) {
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
