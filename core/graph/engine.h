/* SPDX-License-Identifier: Apache-2.0
 * An engine: one device, the variables (parameters, states) that programs share, and the programs.
 *
 *     engine_create -> engine_compile (each graph; plans, allocates nothing)
 *                   -> engine_allocate (all memory, all kernels, initial values)
 *                   -> program_write / program_run / program_read ...
 *
 * A program compiled after engine_allocate (an eval's) is prepared at once; its intermediate values
 * lie in the same scratch arena when they fit, else in memory of its own. Invariants:
 *  1. parameters, gradients and each moment lie in one contiguous region each, in one order;
 *  2. a run allocates nothing and opens no file;
 *  3. an input keeps its value until it is written again; outputs are valid until the next run of
 *     any program;
 *  4. work is enqueued in the order of the calls, so memory may be written for a later run while an
 *     earlier one is under way. */
#ifndef CORE_GRAPH_ENGINE_H
#define CORE_GRAPH_ENGINE_H

#include "graph/graph.h"

#include <kindred/device_extensions.h>

typedef struct engine engine;
typedef struct kd_program kd_program;

/* The device stays the caller's, and outlives the engine. seed: of initial values. */
engine *engine_create(const kd_device_plugin *table, kd_device *device, uint64_t seed);
void engine_destroy(engine *e);

/* The ops that plugins bring; before the first engine_compile. */
void engine_use_ops(engine *e, const op_set *ops);

/* Takes the graph over, whether it succeeds or not. */
bool engine_compile(engine *e, graph *g, const char *name, kd_program **ret, kd_error *err);
bool engine_allocate(engine *e, kd_error *err);
/* All variables have their initial values again. */
bool engine_restart(engine *e, kd_error *err);
void program_close(kd_program *p);

/* fails when the name is unknown or the size differs from the tensor's. */
bool program_write(kd_program *p, const char *name, const void *data, size_t bytes, kd_error *err);
/* Only the first bytes of it; what lies behind them is what it was. fails when there are too many.
 */
bool program_write_first(kd_program *p, const char *name, const void *data, size_t bytes,
                         kd_error *err);
/* The same for an input of type real, from doubles. */
bool program_write_reals(kd_program *p, const char *name, const double *data, int64_t count,
                         kd_error *err);
/* Reads an output, a report or a state. */
bool program_read(kd_program *p, const char *name, void *data, size_t bytes, kd_error *err);
/* Reads a scalar of any floating type. */
bool program_read_scalar(kd_program *p, const char *name, double *ret, kd_error *err);
/* Binds an input to memory that the device can read (its own, or the host's when its memory is host
 * memory) instead of memory of the engine's. Before engine_allocate it only reserves nothing. */
bool program_bind(kd_program *p, const char *name, const void *memory, kd_error *err);
/* Makes an input the same memory as another program's of that name, which outlives this one; before
 * engine_allocate. */
bool program_share_input(kd_program *p, const char *name, kd_program *with, kd_error *err);
bool program_input_spec(const kd_program *p, const char *name, kd_spec *ret);

/* Of an input that will be bound to the host's memory, as a device reads it that can prefetch
 * (KD_DEVICE_PREFETCH), nodes see a room of the device's memory instead, into which a run first has
 * its pieces copied: `pieces` of them, of no bytes where there are fewer. Pieces of a program with
 * a table of inputs come while the run before computes: so those of two runs, of which one comes
 * after the other or so many rows and one after, do not overlap, and other programs leave alone
 * those of the next run. The room of an input that is shared is the other program's, whatever
 * `room_bytes` says. What is bound may be read to the next multiple of KD_PIECE_ALIGNMENT. After
 * program_feed, before engine_allocate. */
bool program_prefetch(kd_program *p, const char *name, int64_t pieces, size_t room_bytes,
                      kd_error *err);
void program_prefetch_nothing(kd_program *p); /* as if it had not been called */
/* All pieces of the run whose inputs are written next. */
bool program_write_pieces(kd_program *p, const kd_device_piece *pieces, kd_error *err);

/* Inputs of many runs at a time, so that a run needs nothing of the host: a table of `rows` runs'
 * inputs, but for those that are bound or shared, which each run takes the next row of. Before
 * engine_allocate. From then on program_write of an input is to the next run that has none yet;
 * what is not written stays as in the run before. */
void program_feed(kd_program *p, int64_t rows);
/* The inputs of a run are complete. There must be room. */
void program_feed_next(kd_program *p);
int64_t program_feed_room(const kd_program *p); /* runs whose inputs may still be written, */
int64_t program_fed(const kd_program *p);       /* and runs that have them and were not made yet */

bool program_run(kd_program *p, kd_error *err);
/* Whether the last run was one launch, which nobody waited for. */
bool program_launched(const kd_program *p);

/* Copies of one output, report or state, one at a time, which reach the host while later runs go
 * on. keep: before engine_allocate, which takes room; false where the device cannot, and
 * program_read is the only way. copy: of what the runs so far leave there. */
bool program_keep_copy(kd_program *p, const char *name);
void program_copy(kd_program *p);
/* Whether the copy is in host memory; and until it is, where it stays until the next one. The wait
 * fails also with what is known by then to have failed of the runs enqueued. */
bool program_copy_arrived(const kd_program *p);
bool program_copy_wait(kd_program *p, const void **ret, kd_error *err);

int program_reports(const kd_program *p);
const char *program_report_name(const kd_program *p, int i);
/* Inputs that hold scheduled scalars: their names, and how they go. */
int program_schedules(const kd_program *p);
const char *program_schedule(const kd_program *p, int i, kd_schedule *ret);

/* Variables by index: parameters and states by their graph names ("encoder.conv1.weight",
 * "encoder.bn1.running_mean", moving averages), then moments
 * ("optimizer.moment1.encoder.conv1.weight"). */
#define VARIABLE_PARAMETER 1
#define VARIABLE_STATE 2
#define VARIABLE_MOMENT 3
typedef struct variable {
    const char *name;
    int kind;
    kd_spec spec; /* a moment's is its parameter's */
} variable;
int engine_variables(const engine *e);
const variable *engine_variable(const engine *e, int i);
int engine_find_variable(const engine *e, const char *name); /* -1: none */
bool engine_read_variable(engine *e, int i, void *data, size_t bytes, kd_error *err);
bool engine_write_variable(engine *e, int i, const void *data, size_t bytes, kd_error *err);

/* Copies of all variables, one at a time, which reach the host while programs go on where the
 * device can. keep: before engine_allocate, which takes room. copy: of what they are when all
 * enqueued before is done; waits for it only where the device cannot do without. The next one comes
 * after the wait. */
void engine_keep_copies(engine *e);
bool engine_copy(engine *e, kd_error *err);
/* [any thread, one at a time] Until the copy is in host memory, where it stays until the next. */
bool engine_copy_wait(engine *e, kd_error *err);
const void *engine_copied(const engine *e, int variable);

/* What `kindred plan` prints; complete after the last engine_compile. */
typedef struct engine_plan {
    int64_t parameters; /* trainable scalars */
    size_t parameter_bytes, gradient_bytes, moment_bytes;
    size_t input_bytes;   /* with tables of them */
    size_t state_bytes;   /* moving averages too */
    size_t arena_bytes;   /* of intermediate values: the largest program's */
    size_t scratch_bytes; /* of kernels: the largest node's, 0 before kernels are prepared */
    size_t copy_bytes;    /* of copies of the variables, and of values */
    size_t room_bytes;    /* of what is prefetched */
    size_t total_bytes;   /* all of the above: what engine_allocate asks the device for */
    /* Beside it, of the host: tables of inputs, and copies. */
    size_t host_bytes, host_copy_bytes;
} engine_plan;
void engine_get_plan(const engine *e, engine_plan *ret);

typedef struct program_cost {
    double flops; /* multiply-add counts as 2 */
    double bytes; /* read and written by all nodes: each tensor as often as a node goes over it */
    int nodes;
} program_cost;
void program_get_cost(const kd_program *p, program_cost *ret);

/* For plans, before engine_allocate or in its place: until the end programs are sized and prepared
 * as those compiled after engine_allocate are, and take no memory; nothing can run. The end comes
 * when all of them are closed. */
void engine_rehearse(engine *e);
void engine_rehearse_end(engine *e);

/* What a program compiled after engine_allocate, or engine_rehearse, takes of its own. */
typedef struct program_memory {
    size_t bytes;       /* of device memory, until it is closed */
    size_t start_bytes; /* of host memory, while its variables get their first values */
} program_memory;
void program_get_memory(const kd_program *p, program_memory *ret);

/* The graph's text with the memory plan: a line a node, offsets included. The caller frees. */
char *program_dump(const kd_program *p);

#endif
