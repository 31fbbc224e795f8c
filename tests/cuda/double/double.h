/* SPDX-License-Identifier: Apache-2.0
 * A double of NVIDIA's libraries: the calls of the CUDA runtime, cuDNN and cuBLASLt that the cuda
 * device makes, on host memory. Convolutions and products are computed, slowly, from what the
 * device described, so that a wrong stride or a swapped operand is a wrong number. Any call can be
 * made to fail, what is not given back is counted, and what a GPU would do later can be done late.
 */
#ifndef TESTS_CUDA_DOUBLE_H
#define TESTS_CUDA_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of it for tests to set; zero is a machine with one H100 and everything installed, apart from
 * `driver`. */
typedef struct double_state {
    int driver; /* CUDA version of the driver: 13000; 0: none */
    int gpus;
    int capability;          /* major */
    const char *missing;     /* a library that does not load, or a call that it lacks */
    int64_t calls;           /* made so far, of those that can fail */
    int64_t fail_at;         /* the call of this number fails, from 1; 0: none */
    int64_t failed;          /* how many have */
    const char *failed_call; /* the last of them */
    bool speechless;         /* cuDNN's heuristics think no engine fast */
    bool greedy;             /* no engine of cuDNN's does with little memory */
    int64_t launches;        /* of recordings */
    int64_t fail_launch;     /* the one of this number fails, from 1; 0: none */
    int64_t spins;           /* waits for an event that keep a core busy */
    int64_t waits;           /* for a stream, or for an event that leaves a late one without work */
    bool starved;            /* those that can say so say that memory is the reason */
    int sticky;              /* a cudaError_t that is returned from now on: a kernel went wrong */
    int64_t live;            /* things made and not given back */
    size_t capacity, used;   /* bytes of device memory; capacity 0: an H100's */
    size_t peak;             /* the most of them that were used */
    bool late;               /* what the first stream has to do is done when it is waited for */
    bool others_late;        /* and what the others have to do */
    int64_t late_count;      /* things that are still to do */
    char why[256];           /* misuse of a library: empty when there was none */
} double_state;

extern double_state cuda_double;

/* Counts a call, the function that asks. Does this one fail? */
#define double_fails() double_call_fails(__func__)
bool double_call_fails(const char *call);

/* At the head of a call that can fail: when this one does, `failure` is what it returns. */
#define DOUBLE_CALL(failure)                                                                       \
    do {                                                                                           \
        if (double_fails()) {                                                                      \
            return failure;                                                                        \
        }                                                                                          \
    } while (0)

/* Keeps a cudaError_t for cudaGetLastError, and returns it. */
int double_error(int error);

/* Zeroed memory behind a handle, which counts as live until it is given back. */
void *double_made(size_t bytes);
void double_gone(void *made);

/* Records misuse, the first one. */
__attribute__((format(printf, 1, 2))) void double_misused(const char *format, ...);

/* Work of a stream's, done at once, later, or by a graph again and again; last: only frees what the
 * arguments own. A copy of them is kept. */
typedef void double_work(void *arguments, bool last);
struct CUstream_st;
void double_enqueue(struct CUstream_st *stream, double_work *work, const void *arguments,
                    size_t bytes);

/* At the head of a call that could wait or allocate: misuse while this thread captures a program,
 * for what kernels do is to be captured, and does neither. */
#define double_unsafe() double_call_unsafe(__func__)
void double_call_unsafe(const char *name);

/* A library makes such calls when it first needs a kernel, which may be while a program is
 * captured: it spoils a capture that forbids them. */
void double_loads(void);

/* Misuse, when something that is still to do touches this memory. */
void double_check_unused(const void *memory, size_t bytes);

/* Over all calls that touch streams: a thread may wait for what another one enqueues. */
void double_lock(void);
void double_unlock(void);

/* Bytes of the device's memory. */
size_t double_memory(void);

/* Is it memory of cudaHostAlloc's? */
bool double_is_pinned(const void *address);

/* The address of a call by its name, NULL when unknown. */
typedef struct double_symbol {
    const char *name;
    void *address;
} double_symbol;
void *double_find(const double_symbol *symbols, size_t count, const char *name);
void *double_cudnn_call(const char *name);
void *double_cublas_call(const char *name);

/* Numbers of a buffer: f32 or bf16. */
double double_get(const void *data, bool half, int64_t i);
void double_put(void *data, bool half, int64_t i, double value);

#endif
