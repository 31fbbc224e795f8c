/* SPDX-License-Identifier: Apache-2.0
 * The cuda device itself, and what its kernels need of it. C and C++: .cu files include it too.
 *
 * Invariants:
 *  1. all work is enqueued on one stream, so it takes effect in order; copies beside it (copy.h,
 * prefetch.h) leave that stream by an event, and come back by another where it needs them;
 *  2. a kernel's `run` allocates nothing, waits for nothing and reads no device memory: the host
 * may capture it into a graph and launch that ever after, with the same pointers;
 *  3. what a kernel computes depends on shapes, values and the number of multiprocessors alone:
 * sums over blocks are taken in a fixed order, never by atomics on floats, so two runs on one kind
 * of GPU give the same bits;
 *  4. no CUDA header is named here, so that tests can build kernels for the CPU. */
#ifndef CUDA_DEVICE_H
#define CUDA_DEVICE_H

#include <kindred/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st; /* cudaStream_t is a pointer to it */

typedef struct vendor vendor;         /* vendor.h: cuDNN and cuBLASLt */
typedef struct staging staging;       /* memory.h: pinned memory of uploads */
typedef struct fault_word fault_word; /* faults.h */
typedef struct watch watch;

struct kd_device {
    const kd_host *host; /* NULL: nobody hears warnings */
    struct CUstream_st *stream;
    int index; /* as CUDA counts GPUs */
    int multiprocessors;
    bool recorded; /* a program, once */
    bool failed;
    kd_error failure; /* the first of the run, kept until `wait` */
    vendor *vendor;   /* NULL where only own kernels run */
    staging *staging;
    fault_word *fault; /* host memory that kernels write */
    watch *watches;
    size_t free_at_first; /* bytes of the GPU's memory, before the libraries were opened */
    char description[512];
};

/* [run] Records a failure, which surfaces in wait; the first one counts. */
__attribute__((format(printf, 2, 3))) void device_fail(kd_device *device, const char *format, ...);

/* For all work; fails with the first failure of it. */
bool device_wait(kd_device *device, kd_error *err);

/* [run] Records what CUDA says of the launch just made. */
void device_check_launch(kd_device *device, const char *kernel);

/* What a set of types is made of: bit 1u << dtype. */
#define FLOATS (1u << KD_F32 | 1u << KD_BF16)
#define INTEGERS (1u << KD_I32 | 1u << KD_I64 | 1u << KD_U8)

/* [prepare] fails when an input or an output has another type. */
static inline bool accept_types(const kd_node *node, uint32_t types, kd_error *err) {
    return kd_accept_types("cuda", node, types, err);
}

/* [prepare] fails with KD_E_UNSUPPORTED, naming the node, its types and its shapes. */
bool refuse(const kd_node *node, const char *why, kd_error *err);

/* Zeroed host memory for a kernel's state, freed by release_state. NULL, with err set, when there
 * is none. */
void *state_create(size_t bytes, kd_error *err);
void release_state(kd_device *device, void *state);

/* [prepare] A copy of `data` in device memory, for tables that a kernel reads: segments of an
 * optimizer, offsets of inputs. fails with KD_E_MEMORY. */
bool constant_create(kd_device *device, const void *data, size_t bytes, void **ret, kd_error *err);
void constant_destroy(kd_device *device, void *constant);

#ifdef __cplusplus
}
#endif

#endif
