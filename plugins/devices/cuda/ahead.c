/* SPDX-License-Identifier: Apache-2.0
 * Copies of pieces beside the work: a branch of it on a stream of its own, which leaves by one
 * event and comes back by another. Where a program is captured, that is how the branch becomes part
 * of its graph.
 * source  CUDA programming guide, CUDA graphs, cross-stream dependencies and events */
#include "prefetch.h"
#include "status.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

struct kd_device_prefetch {
    struct CUstream_st *stream;
    struct CUevent_st *leaves, *returns;
};

static cudaError_t make(kd_device_prefetch *p) {
    cudaError_t status = cudaStreamCreateWithFlags(&p->stream, cudaStreamNonBlocking);
    if (status != cudaSuccess) {
        p->stream = NULL;
        return status;
    }
    status = cudaEventCreateWithFlags(&p->leaves, cudaEventDisableTiming);
    return status == cudaSuccess ? cudaEventCreateWithFlags(&p->returns, cudaEventDisableTiming)
                                 : status;
}

bool ahead_create(kd_device *device, kd_device_prefetch **ret, kd_error *err) {
    kd_device_prefetch *p = state_create(sizeof *p, err);
    const cudaError_t status = p ? make(p) : cudaSuccess;
    if (status != cudaSuccess) {
        cuda_fail((int)status, "a stream for copies ahead", err);
        ahead_destroy(device, p);
        return false;
    }
    *ret = p;
    return p != NULL;
}

/* The work waits for the branch, so that both are done when it is. */
void ahead_destroy(kd_device *device, kd_device_prefetch *p) {
    cudaStreamSynchronize(device->stream);
    if (p->stream) {
        cudaStreamSynchronize(p->stream);
        cudaStreamDestroy(p->stream);
    }
    if (p->leaves) {
        cudaEventDestroy(p->leaves);
    }
    if (p->returns) {
        cudaEventDestroy(p->returns);
    }
    free(p);
}

void ahead_begin(kd_device *device, kd_device_prefetch *p, const kd_device_pieces *what) {
    device_check(device, (int)cudaEventRecord(p->leaves, device->stream), "leaving the work");
    device_check(device, (int)cudaStreamWaitEvent(p->stream, p->leaves, 0), "copying ahead");
    cuda_prefetch_enqueue(device, p->stream, what, 1);
    device_check(device, (int)cudaEventRecord(p->returns, p->stream), "copying ahead");
}

void ahead_end(kd_device *device, kd_device_prefetch *p) {
    device_check(device, (int)cudaStreamWaitEvent(device->stream, p->returns, 0),
                 "waiting for copies ahead");
}
