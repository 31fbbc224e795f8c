/* SPDX-License-Identifier: Apache-2.0
 * Copies for checkpoints and of reports, in two hops: within device memory, in the order of all
 * work, which takes a fraction of a millisecond; and from there to pinned memory on a stream of its
 * own, which waits for the first hop by an event and for nothing else. */
#include "copy.h"

#include "faults.h"
#include "memory.h"
#include "status.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

struct kd_device_copy {
    int index; /* of the GPU */
    size_t bytes;
    char *room, *pinned;
    struct CUstream_st *stream;
    struct CUevent_st *gathered, *sent;
    cudaError_t status; /* the first failure of what was enqueued */
};

/* The thread that waits for it sleeps: a core that spins is missing where images are read. */
static const unsigned sent_flags = cudaEventDisableTiming | cudaEventBlockingSync;

static cudaError_t make(kd_device_copy *c) {
    void *pinned = NULL;
    cudaError_t status = cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking);
    if (status != cudaSuccess) {
        c->stream = NULL;
        return status;
    }
    status = cudaEventCreateWithFlags(&c->gathered, cudaEventDisableTiming);
    if (status == cudaSuccess) {
        status = cudaEventCreateWithFlags(&c->sent, sent_flags);
    }
    if (status == cudaSuccess) {
        status = cudaHostAlloc(&pinned, c->bytes ? c->bytes : 1, cudaHostAllocDefault);
        c->pinned = pinned;
    }
    return status;
}

bool copy_create(kd_device *device, size_t bytes, kd_device_copy **ret, kd_error *err) {
    kd_device_copy *c = state_create(sizeof *c, err);
    void *room = NULL;
    if (!c) {
        return false;
    }
    c->index = device->index;
    c->bytes = bytes;
    const cudaError_t status = make(c);
    if (status != cudaSuccess) {
        cuda_fail((int)status, "pinned memory for copies", err);
        copy_destroy(device, c);
        return false;
    }
    if (!memory_allocate(device, bytes, &room, err)) {
        copy_destroy(device, c);
        return false;
    }
    c->room = room;
    *ret = c;
    return true;
}

void copy_destroy(kd_device *device, kd_device_copy *c) {
    if (c->stream) {
        cudaStreamSynchronize(c->stream);
        cudaStreamDestroy(c->stream);
    }
    if (c->gathered) {
        cudaEventDestroy(c->gathered);
    }
    if (c->sent) {
        cudaEventDestroy(c->sent);
    }
    pinned_destroy(c->pinned);
    if (c->room) {
        memory_release(device, c->room);
    }
    free(c);
}

/* Keeps the first failure, for the wait. */
static void note(kd_device_copy *c, cudaError_t status) {
    if (status != cudaSuccess) {
        cudaGetLastError(); /* or the next launch would be blamed for it */
        c->status = c->status == cudaSuccess ? status : c->status;
    }
}

void copy_put(kd_device *device, kd_device_copy *c, size_t at, const void *from, size_t bytes) {
    note(c, cudaMemcpyAsync(c->room + at, from, bytes, cudaMemcpyDeviceToDevice, device->stream));
}

void copy_send(kd_device *device, kd_device_copy *c) {
    note(c, cudaEventRecord(c->gathered, device->stream));
    note(c, cudaStreamWaitEvent(c->stream, c->gathered, 0));
    if (c->bytes) {
        note(c, cudaMemcpyAsync(c->pinned, c->room, c->bytes, cudaMemcpyDeviceToHost, c->stream));
    }
    note(c, cudaEventRecord(c->sent, c->stream));
}

/* The GPU is chosen by each thread for itself, and another one would be started here. */
bool copy_wait(kd_device_copy *c, const void **ret, kd_error *err) {
    note(c, cudaSetDevice(c->index));
    note(c, cudaEventSynchronize(c->sent));
    const cudaError_t status = c->status;
    c->status = cudaSuccess;
    if (status != cudaSuccess) {
        return cuda_fail((int)status, "copying to the host", err);
    }
    *ret = c->pinned;
    return true;
}

bool copy_arrived(kd_device_copy *c) {
    const cudaError_t status = cudaEventQuery(c->sent);
    if (status == cudaErrorNotReady) {
        cudaGetLastError(); /* or the next launch would be blamed for it */
    }
    return status != cudaErrorNotReady;
}

bool copy_check(kd_device *device, kd_error *err) {
    return !(device->failed || fault_seen(device)) || device_wait(device, err);
}
