/* SPDX-License-Identifier: Apache-2.0
 * Inputs of many runs at a time: rows in host memory, laid out as the program's inputs are. Where
 * the device can, they go into a table of its own, many at once, and each run copies its row to the
 * inputs and counts on; elsewhere each run is given its row.
 *
 * Row r % rows is that of run r. It may be written again once run r is enqueued: the device's
 * stream is in order. */
#include "graph/engine_internal.h"

#include <kindred/device_extensions.h>

#include <assert.h>
#include <stdlib.h>

struct feed {
    int64_t rows;
    int64_t filled, sent, run; /* runs whose inputs are complete, on the device, and made */
    char *host;                /* [rows] */
    char *next;                /* the row that is being written */
    memory table;              /* of the device's: the rows, then the counter */
    const kd_device_feed *calls;
};

void program_feed(kd_program *p, int64_t rows) {
    assert(!p->linked && !p->feed && rows > 0);
    p->feed = kd_alloc(sizeof *p->feed);
    p->feed->rows = rows;
    p->feed->calls = kd_device_extension(p->e->table, p->e->device, KD_DEVICE_FEED);
}

size_t feed_device_bytes(const kd_program *p) {
    const bool table = p->feed && p->feed->calls;
    return table ? (size_t)p->feed->rows * p->inputs.bytes + p->e->table->alignment : 0;
}

size_t feed_host_bytes(const kd_program *p) {
    return p->feed ? (size_t)(p->feed->rows + 1) * p->inputs.bytes : 0;
}

bool feed_allocate(kd_program *p, kd_error *err) {
    if (!p->feed) {
        return true;
    }
    p->feed->host = kd_alloc(feed_host_bytes(p) + 1);
    p->feed->next = p->feed->host + (size_t)p->feed->rows * p->inputs.bytes;
    return device_allocate(p->e, &p->feed->table, feed_device_bytes(p), "a table of inputs", err);
}

void feed_free(kd_program *p) {
    if (p->feed) {
        device_release(p->e, &p->feed->table);
        free(p->feed->host);
        free(p->feed);
    }
}

static size_t offset_of(const kd_program *p, int64_t run) {
    return (size_t)(run % p->feed->rows) * p->inputs.bytes;
}

static void *counter_of(const kd_program *p) {
    return (char *)p->feed->table.base + (size_t)p->feed->rows * p->inputs.bytes;
}

char *feed_row(const kd_program *p) {
    return p->feed->next;
}

int64_t program_fed(const kd_program *p) {
    return p->feed->filled - p->feed->run;
}

int64_t program_feed_room(const kd_program *p) {
    return p->feed->rows - program_fed(p);
}

void program_feed_next(kd_program *p) {
    assert(program_feed_room(p) > 0);
    memcpy(p->feed->host + offset_of(p, p->feed->filled), p->feed->next, p->inputs.bytes);
    p->feed->filled++;
}

/* At most two pieces: to the table's end, and from its start. */
static void send_table(const kd_program *p) {
    feed *f = p->feed;
    while (f->sent < f->filled) {
        const int64_t left = f->filled - f->sent, to_end = f->rows - f->sent % f->rows;
        const int64_t count = left < to_end ? left : to_end;
        p->e->table->upload(p->e->device, (char *)f->table.base + offset_of(p, f->sent),
                            f->host + offset_of(p, f->sent), (size_t)count * p->inputs.bytes);
        f->sent += count;
    }
}

bool feed_supply(kd_program *p, kd_error *err) {
    feed *f = p->feed;
    if (!f) {
        return true;
    }
    if (f->run == f->filled) {
        return kd_fail(err, KD_E_INTERNAL, "program '%s' has no inputs for its next run", p->name);
    }
    if (f->calls) {
        send_table(p);
    } else if (p->inputs.bytes) {
        p->e->table->upload(p->e->device, p->inputs.base, f->host + offset_of(p, f->run),
                            p->inputs.bytes);
    }
    f->run++;
    return true;
}

bool feed_get_table(const kd_program *p, feed_table *ret) {
    const feed *f = p->feed;
    if (!f || !f->calls) {
        return false;
    }
    *ret = (feed_table){.base = f->table.base,
                        .counter = counter_of(p),
                        .rows = f->rows,
                        .run = f->run,
                        .sent = f->sent};
    return true;
}

void feed_fetch(const kd_program *p) {
    if (p->feed && p->feed->calls && p->inputs.bytes) {
        p->feed->calls->fetch(p->e->device, p->inputs.base, p->feed->table.base, p->inputs.bytes,
                              counter_of(p));
    }
}

void feed_advance(const kd_program *p) {
    if (p->feed && p->feed->calls && p->inputs.bytes) {
        p->feed->calls->advance(p->e->device, counter_of(p), p->feed->rows);
    }
}
