/* SPDX-License-Identifier: Apache-2.0
 * The cpu device itself, and how its kernels share work between threads.
 *
 * Invariants:
 *  1. a kernel's pieces of work depend on shapes alone, never on the number of threads or on which
 *     thread takes them, so own kernels give the same bits for any number of threads;
 *  2. every parallel region has the device's number of threads: libgomp then keeps one team;
 *  3. prepare and run are called from one thread at a time. */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include <kindred/device_extensions.h>

#include <oneapi/dnnl/dnnl.h>

typedef struct plan plan;

/* Memory handed out. */
typedef struct region {
    struct region *next;
    void *start, *mapped;
    size_t bytes, mapped_bytes;
} region;

struct kd_device {
    int threads;
    bool failed;
    kd_error failure; /* the first of the run, kept until `wait` */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    plan *plans;     /* what equal nodes share */
    region *regions; /* memory handed out */
    char description[160];
};

/* [run] Records a failure, which surfaces in wait; the first one counts. */
__attribute__((format(printf, 2, 3))) void device_fail(kd_device *device, const char *format, ...);

/* memory.c: as kindred/device.h describes them. */
bool memory_allocate(kd_device *device, size_t bytes, void **ret, kd_error *err);
void memory_release(kd_device *device, void *memory);

/* What a set of types is made of: bit 1u << dtype. */
#define FLOATS (1u << KD_F32 | 1u << KD_BF16)
#define INTEGERS (1u << KD_I32 | 1u << KD_I64 | 1u << KD_U8)

/* [prepare] fails when an input or an output has another type. */
static inline bool accept_types(const kd_node *node, uint32_t types, kd_error *err) {
    return kd_accept_types("cpu", node, types, err);
}

/* "[128, 56, 56, 64]", for messages. Returns `text`. */
#define SHAPE_TEXT 160
const char *shape_text(const kd_spec *spec, char text[SHAPE_TEXT]);

/* Zeroed memory for a kernel's state, freed by `free`. NULL, with err set, when there is none. */
void *state_create(size_t bytes, kd_error *err);

/* Work on items [begin, end). */
typedef void span_body(const void *work, int64_t begin, int64_t end);

/* Gives each thread one span of [0, count), cut at multiples of `grain`; with at most one grain of
 * work the caller does it alone. */
void span_for(const kd_device *device, int64_t count, int64_t grain, span_body *body,
              const void *work);

#endif
