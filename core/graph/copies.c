/* SPDX-License-Identifier: Apache-2.0
 * A copy of all variables in host memory, which the device makes while programs go on if it can.
 * The regions lie in it one after another. */
#include "graph/engine_internal.h"

#include <kindred/device_extensions.h>

#include <assert.h>
#include <stdlib.h>

static const int homes[] = {HOME_PARAMETER, HOME_MOMENT1, HOME_MOMENT2, HOME_AVERAGE, HOME_STATE};
#define HOMES (sizeof homes / sizeof *homes)

struct copies {
    const kd_device_copying *calls; /* NULL: the host copies, and waits */
    kd_device_copy *room;
    char *host; /* the host's own room, without calls */
    const char *copied;
};

void engine_keep_copies(engine *e) {
    assert(!e->allocated && !e->copies);
    e->copies = kd_alloc(sizeof *e->copies);
    e->copies->calls = kd_device_extension(e->table, e->device, KD_DEVICE_COPY);
}

/* Where the region of that home begins; of HOME_COUNT, where all end. */
static size_t offset_of(const engine *e, int home) {
    const size_t alignment = e->table->alignment;
    size_t at = 0;
    for (size_t i = 0; i < HOMES && homes[i] != home; i++) {
        at += (e->region[homes[i]].bytes + alignment - 1) / alignment * alignment;
    }
    return at;
}

size_t copies_host_bytes(const engine *e) {
    return e->copies ? offset_of(e, HOME_COUNT) : 0;
}

size_t copies_device_bytes(const engine *e) {
    return e->copies && e->copies->calls ? offset_of(e, HOME_COUNT) : 0;
}

bool copies_allocate(engine *e, kd_error *err) {
    copies *c = e->copies;
    if (!c) {
        return true;
    }
    if (!c->calls) {
        c->host = kd_alloc(copies_host_bytes(e) + 1);
        return true;
    }
    return c->calls->create(e->device, copies_host_bytes(e), &c->room, err) ||
           kd_while(err, "%.1f MiB for copies of the variables",
                    (double)copies_host_bytes(e) / 1048576);
}

void copies_free(engine *e) {
    if (e->copies && e->copies->room) {
        e->copies->calls->destroy(e->device, e->copies->room);
    }
    if (e->copies) {
        free(e->copies->host);
        free(e->copies);
    }
}

bool engine_copy(engine *e, kd_error *err) {
    const copies *c = e->copies;
    for (size_t i = 0; i < HOMES; i++) {
        const memory *from = &e->region[homes[i]];
        const size_t at = offset_of(e, homes[i]);
        if (c->calls && from->bytes) {
            c->calls->put(e->device, c->room, at, from->base, from->bytes);
        } else if (from->bytes) {
            e->table->download(e->device, c->host + at, from->base, from->bytes);
        }
    }
    if (c->calls) {
        c->calls->send(e->device, c->room);
        return true;
    }
    return e->table->wait(e->device, err);
}

bool engine_copy_wait(engine *e, kd_error *err) {
    copies *c = e->copies;
    const void *copied = c->host;
    if (c->calls && !c->calls->wait(c->room, &copied, err)) {
        return false;
    }
    c->copied = copied;
    return true;
}

const void *engine_copied(const engine *e, int i) {
    const stored_variable *v = e->variables.item[i];
    return e->copies->copied + offset_of(e, v->home) + v->offset;
}
