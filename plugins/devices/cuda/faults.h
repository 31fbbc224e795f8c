/* SPDX-License-Identifier: Apache-2.0
 * Mistakes of a caller's that only a kernel can see: an index that names no row, a label no class.
 * The kernel skips it and leaves word of the first in memory that the host reads too, when it has
 * waited anyway; there it becomes the error of `wait`. Nothing is copied or waited for while all is
 * well. */
#ifndef CUDA_FAULTS_H
#define CUDA_FAULTS_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fault_word {
    int32_t watch; /* 0: no fault */
    int32_t index;
    int64_t at; /* in its list */
};

/* A state of a kernel's that holds nothing but the number by which its node's faults are known. */
typedef struct watched {
    int32_t number;
} watched;

/* [prepare] A state, for release_state, of a node each of whose `what` is to be one of `count`
 * `among`: an "index" of "rows". Both texts are literals. */
bool fault_watch(kd_device *device, const kd_node *node, const char *what, int64_t count,
                 const char *among, void **ret_state, kd_error *err);

/* Has a kernel left word of a fault, by now? */
bool fault_seen(const kd_device *device);

/* Once all work is done: a fault becomes the device's failure unless it has one. */
void fault_collect(kd_device *device);

/* Frees what fault_watch keeps. */
void fault_finish(kd_device *device);

#ifdef __cplusplus
}
#endif

#ifdef KD_LAUNCH
/* Of all faults since the last wait one is told, whichever comes first. */
static __device__ __forceinline__ void fault_report(fault_word *word, int32_t watch, int32_t index,
                                                    int64_t at) {
    if (atomicCAS(&word->watch, 0, watch) == 0) {
        word->index = index;
        word->at = at;
    }
}
#endif

#endif
