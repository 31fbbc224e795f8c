/* SPDX-License-Identifier: Apache-2.0
 * An input that is too large for the device's memory and lies in the host's: what a run needs of it
 * is copied into a room before its nodes, by a list of pieces that lies behind the inputs.
 *
 * Where the inputs of many runs are in a table of the device's, and it can, each run has the pieces
 * of the next one copied beside its nodes. Only a run whose inputs were not there yet when the one
 * before was enqueued, as the first, has its own copied first. A run that finds no inputs after its
 * own copies what the table's row held before, which nobody reads. */
#include "graph/engine_internal.h"

#include <assert.h>
#include <stdlib.h>

struct prefetch {
    const kd_device_prefetching *calls;
    int input; /* its number */
    kd_spec spec;
    int64_t pieces;
    size_t offset;             /* of the list, in the inputs */
    memory room;               /* bytes 0: another program's */
    kd_device_prefetch *ahead; /* NULL: a run copies its own pieces */
    int64_t brought;           /* runs whose pieces are enqueued */
};

bool program_prefetch(kd_program *p, const char *name, int64_t pieces, size_t room_bytes,
                      kd_error *err) {
    const kd_device_prefetching *calls =
        kd_device_extension(p->e->table, p->e->device, KD_DEVICE_PREFETCH);
    const struct value *v = graph_find(&p->g->inputs, name);
    assert(!p->linked && !p->prefetch);
    if (!v) {
        return kd_fail(err, KD_E_INVALID, "program '%s' has no input '%s'", p->name, name);
    }
    if (!calls) {
        return kd_fail(err, KD_E_UNSUPPORTED, "the device prefetches nothing for program '%s'",
                       p->name);
    }
    p->prefetch = kd_alloc(sizeof *p->prefetch);
    *p->prefetch = (prefetch){
        .calls = calls, .input = program_input_index(p, v), .spec = v->spec, .pieces = pieces};
    p->prefetch->room.bytes = p->shared[p->prefetch->input] ? 0 : room_bytes;
    return true;
}

void program_prefetch_nothing(kd_program *p) {
    assert(!p->linked);
    free(p->prefetch);
    p->prefetch = NULL;
}

static size_t list_bytes(const prefetch *f) {
    return (size_t)f->pieces * sizeof(kd_device_piece);
}

size_t prefetch_place(kd_program *p, size_t end) {
    const size_t alignment = p->e->table->alignment;
    if (!p->prefetch) {
        return end;
    }
    p->prefetch->offset = end;
    return end + (list_bytes(p->prefetch) + alignment - 1) / alignment * alignment;
}

size_t prefetch_device_bytes(const kd_program *p) {
    return p->prefetch ? p->prefetch->room.bytes : 0;
}

static bool can_go_ahead(const kd_program *p) {
    feed_table table;
    return KD_HAS(kd_device_prefetching, p->prefetch->calls, end) && feed_get_table(p, &table);
}

bool prefetch_allocate(kd_program *p, kd_error *err) {
    prefetch *f = p->prefetch;
    if (!f) {
        return true;
    }
    return device_allocate(p->e, &f->room, f->room.bytes, "what is prefetched", err) &&
           (!can_go_ahead(p) || f->calls->create(p->e->device, &f->ahead, err));
}

void prefetch_free(kd_program *p) {
    prefetch *f = p->prefetch;
    if (!f) {
        return;
    }
    if (f->ahead) {
        f->calls->destroy(p->e->device, f->ahead);
    }
    device_release(p->e, &f->room);
    free(f);
}

/* The program whose room it is. */
static const kd_program *owner_of(const kd_program *p) {
    const kd_program *with = p->shared[p->prefetch->input];
    return with ? with : p;
}

void *prefetch_room(const kd_program *p, int i) {
    return p->prefetch && p->prefetch->input == i ? owner_of(p)->prefetch->room.base : NULL;
}

bool program_write_pieces(kd_program *p, const kd_device_piece *pieces, kd_error *err) {
    if (!p->prefetch) {
        return kd_fail(err, KD_E_INTERNAL, "program '%s' prefetches nothing", p->name);
    }
    program_write_inputs(p, p->prefetch->offset, pieces, list_bytes(p->prefetch));
    return true;
}

/* The list of the run's inputs, or of the table's rows. */
static kd_device_pieces pieces_of(const kd_program *p) {
    const prefetch *f = p->prefetch;
    const kd_program *owner = owner_of(p);
    const int64_t bytes = (int64_t)kd_bytes(&f->spec);
    kd_device_pieces ret = {.from = owner->bound[owner->prefetch->input],
                            .from_bytes = (bytes + KD_PIECE_ALIGNMENT - 1) / KD_PIECE_ALIGNMENT *
                                          KD_PIECE_ALIGNMENT,
                            .to = owner->prefetch->room.base,
                            .to_bytes = (int64_t)owner->prefetch->room.bytes,
                            .list = (const char *)p->inputs.base + f->offset,
                            .count = f->pieces};
    feed_table table;
    if (f->ahead && feed_get_table(p, &table)) {
        ret.list = table.base + f->offset;
        ret.counter = table.counter;
        ret.rows = table.rows;
        ret.row_bytes = (int64_t)p->inputs.bytes;
    }
    return ret;
}

void prefetch_supply(kd_program *p) {
    prefetch *f = p->prefetch;
    feed_table table;
    if (!f || !f->ahead || !feed_get_table(p, &table)) {
        return;
    }
    if (f->brought < table.run) {
        const kd_device_pieces what = pieces_of(p);
        f->calls->copy(p->e->device, &what);
    }
    f->brought = table.sent > table.run ? table.run + 1 : table.run;
}

void prefetch_begin(const kd_program *p) {
    const prefetch *f = p->prefetch;
    if (!f) {
        return;
    }
    const kd_device_pieces what = pieces_of(p);
    if (f->ahead) {
        f->calls->begin(p->e->device, f->ahead, &what);
    } else {
        f->calls->copy(p->e->device, &what);
    }
}

void prefetch_end(const kd_program *p) {
    if (p->prefetch && p->prefetch->ahead) {
        p->prefetch->calls->end(p->e->device, p->prefetch->ahead);
    }
}
