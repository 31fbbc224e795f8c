/* SPDX-License-Identifier: Apache-2.0
 * What the files of the engine share. */
#ifndef CORE_GRAPH_ENGINE_INTERNAL_H
#define CORE_GRAPH_ENGINE_INTERNAL_H

#include "graph/engine.h"
#include "graph/op_kernel.h"
#include "graph/plan.h"

typedef struct feed feed;
typedef struct copies copies;
typedef struct prefetch prefetch;
typedef struct value_copy value_copy;

typedef struct instruction {
    op_kernel kernel;
    bool runs; /* not an alias */
    const kd_node *node;
    void *state;
    void **in, **out;
} instruction;

/* Device memory, and how much. */
typedef struct memory {
    void *base;
    size_t bytes;
} memory;

struct kd_program {
    engine *e;
    graph *g;
    const char *name;
    plan plan;
    instruction *code;
    int count;
    size_t scratch_bytes;
    memory inputs, arena, scratch; /* base NULL: the engine's shared one */
    memory own[HOME_COUNT];        /* variables of this program alone */
    const void **bound;            /* by input; NULL: in `inputs` */
    kd_program **shared;           /* by input: whose input of that name it is; NULL: its own */
    feed *feed;                    /* NULL: inputs are written one by one */
    prefetch *prefetch;            /* NULL: no input is */
    value_copy *copy;              /* NULL: no value is copied */
    void *recording;               /* of a device that records; NULL: not yet */
    bool late, linked, ran, launched;
};

typedef struct engine_variable_ {
    variable shown;
    int home;
    int64_t offset;
    int32_t init_of; /* index of the parameter whose moment it is; -1 */
    kd_init init;
    const char *drawn_as; /* the name in the key of its starting draws */
    bool unit_rows;       /* starts with rows of length 1 */
} stored_variable;

struct engine {
    const kd_device_plugin *table;
    kd_device *device;
    op_device on; /* the same, with the kernels of plugins */
    uint64_t seed;
    list programs;
    list variables; /* stored_variable * */
    memory region[HOME_COUNT], arena, scratch;
    copies *copies; /* NULL: none are made */
    int moments;
    bool allocated, rehearsed;
    arena memory;
};

/* Gives the graph's variables their places, the engine's where names agree. */
bool variables_merge(engine *e, kd_program *p, kd_error *err);
/* Adds a moment for each parameter. */
void variables_add_moments(engine *e, int moments);
/* The starting value of a variable, into host memory. Draws are keyed by (seed, name). */
void variable_initialise(uint64_t seed, const char *name, const kd_spec *spec, const kd_init *init,
                         void *to);
/* Divides each row of f32 or f64 host memory by its length. */
void variable_unit_rows(const kd_spec *spec, void *data);
bool variables_initialise(engine *e, kd_error *err);
bool program_initialise_own(kd_program *p, kd_error *err);

/* copies.c. */
size_t copies_device_bytes(const engine *e);
size_t copies_host_bytes(const engine *e);
bool copies_allocate(engine *e, kd_error *err);
void copies_free(engine *e);

/* value_copy.c. All of them do nothing for a program that keeps no copy. */
size_t value_copy_bytes(const kd_program *p);
bool value_copy_allocate(kd_program *p, kd_error *err);
void value_copy_free(kd_program *p);

/* feed.c: inputs of many runs at a time. All of them do nothing for a program without a feed. */
size_t feed_device_bytes(const kd_program *p);
size_t feed_host_bytes(const kd_program *p);
bool feed_allocate(kd_program *p, kd_error *err);
void feed_free(kd_program *p);
/* Where an input of the next run that has none yet is written. */
char *feed_row(const kd_program *p);
/* Before a run: sends what is new to the device. fails when there are no inputs for it. */
bool feed_supply(kd_program *p, kd_error *err);
/* The table on the device; false where there is none. */
typedef struct feed_table {
    const char *base;
    const void *counter;
    int64_t rows;
    int64_t run, sent; /* runs that were made, or are about to be, and whose inputs are there */
} feed_table;
bool feed_get_table(const kd_program *p, feed_table *ret);
/* What a run begins and ends with. */
void feed_fetch(const kd_program *p);
void feed_advance(const kd_program *p);

/* prefetch.c. All of them do nothing for a program that prefetches nothing. */
/* Where the list of pieces lies behind inputs that end at `end`; returns the new end. */
size_t prefetch_place(kd_program *p, size_t end);
size_t prefetch_device_bytes(const kd_program *p);
bool prefetch_allocate(kd_program *p, kd_error *err);
void prefetch_free(kd_program *p);
/* The room that stands for input i; NULL: none does. */
void *prefetch_room(const kd_program *p, int i);
/* Before a run, after feed_supply: copies its pieces unless the run before did. */
void prefetch_supply(kd_program *p);
/* Before the nodes of a run, and after them. */
void prefetch_begin(const kd_program *p);
void prefetch_end(const kd_program *p);

/* Writes the inputs from byte `offset` on: of the next run that has none yet, where there is a
 * table of them. */
void program_write_inputs(kd_program *p, size_t offset, const void *data, size_t bytes);
int program_input_index(const kd_program *p, const struct value *v); /* -1: no input */

void *program_address(const kd_program *p, struct value *v);
/* An output, a report, a state or a parameter; NULL: none of that name. */
struct value *program_readable(const kd_program *p, const char *name);
/* Resolves every pointer of the code; after memory exists and whenever an input is bound. */
void program_link(kd_program *p);
void program_free(kd_program *p);
bool device_allocate(engine *e, memory *m, size_t bytes, const char *what, kd_error *err);
void device_release(engine *e, memory *m);

#endif
