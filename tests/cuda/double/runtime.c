/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's calls on host memory; see double.h. */
#include "double.h"

#include <cuda_runtime_api.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double_state cuda_double = {.driver = CUDART_VERSION, .gpus = 1, .capability = 9};

bool double_fails(void) {
    cuda_double.calls++;
    const bool fails = cuda_double.calls == cuda_double.fail_at;
    cuda_double.failed += fails;
    return fails;
}

void double_misused(const char *format, ...) {
    if (!cuda_double.why[0]) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(cuda_double.why, sizeof cuda_double.why, format, arguments);
        va_end(arguments);
    }
}

/* A call that can fail, and how. */
#define CALL(error)                                                                                \
    do {                                                                                           \
        if (double_fails()) {                                                                      \
            return last = (error);                                                                 \
        }                                                                                          \
    } while (0)

static cudaError_t last; /* what cudaGetLastError says */

/* ---- Devices. ---- */

cudaError_t cudaDriverGetVersion(int *ret) {
    *ret = cuda_double.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *ret) {
    CALL(cudaErrorUnknown);
    if (cuda_double.driver == 0) {
        return last = cudaErrorInsufficientDriver;
    }
    if (cuda_double.gpus == 0) {
        return last = cudaErrorNoDevice;
    }
    *ret = cuda_double.gpus;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device) {
    CALL(cudaErrorInvalidDevice);
    memset(ret, 0, sizeof *ret);
    strcpy(ret->name, "double of a GPU");
    ret->major = cuda_double.capability;
    ret->multiProcessorCount = 132;
    return device < cuda_double.gpus ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device) {
    (void)device;
    CALL(cudaErrorDevicesUnavailable);
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "as the test wants";
}

const char *cudaGetErrorName(cudaError_t error) {
    return error == cudaSuccess ? "cudaSuccess" : "cudaErrorOfTheDouble";
}

cudaError_t cudaGetLastError(void) {
    const cudaError_t ret = last;
    last = cudaSuccess;
    return ret;
}

/* ---- Memory: blocks know their size. ---- */

typedef struct header {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} header;

cudaError_t cudaMalloc(void **ret, size_t bytes) {
    CALL(cudaErrorMemoryAllocation);
    if (cuda_double.capacity && cuda_double.used + bytes > cuda_double.capacity) {
        return last = cudaErrorMemoryAllocation;
    }
    header *h = aligned_alloc(256, sizeof *h + (bytes + 255) / 256 * 256);
    h->bytes = bytes;
    memset(h + 1, 0xa5, bytes); /* a GPU does not clear it */
    cuda_double.used += bytes;
    cuda_double.live++;
    *ret = h + 1;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    if (!memory) {
        CALL(cudaErrorMemoryAllocation); /* makes the context */
        return cudaSuccess;
    }
    if (cuda_double.late_count > 0) {
        double_misused("memory is freed before it was waited for");
    }
    header *h = (header *)memory - 1;
    cuda_double.used -= h->bytes;
    cuda_double.live--;
    free(h);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *ret_free, size_t *ret_total) {
    *ret_total = cuda_double.capacity ? cuda_double.capacity : (size_t)80 << 30;
    *ret_free = *ret_total - cuda_double.used;
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **ret, size_t bytes, unsigned flags) {
    (void)flags;
    CALL(cudaErrorMemoryAllocation);
    *ret = malloc(bytes);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory) {
    free(memory);
    cuda_double.live--;
    return cudaSuccess;
}

/* ---- The stream. Late work waits in a list, in order. ---- */

struct CUstream_st {
    int unused;
};

typedef struct later {
    struct later *next;
    void *to;
    const void *from; /* NULL: clear */
    size_t bytes;
} later;

static later *first_later, **end_later = &first_later;

void double_catch_up(void) {
    while (first_later) {
        later *l = first_later;
        first_later = l->next;
        if (l->from) {
            memcpy(l->to, l->from, l->bytes);
        } else {
            memset(l->to, 0, l->bytes);
        }
        free(l);
    }
    end_later = &first_later;
    cuda_double.late_count = 0;
}

static void enqueue(void *to, const void *from, size_t bytes) {
    later *l = malloc(sizeof *l);
    *l = (later){.to = to, .from = from, .bytes = bytes};
    *end_later = l;
    end_later = &l->next;
    cuda_double.late_count++;
    if (!cuda_double.late) {
        double_catch_up();
    }
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
    CALL(cudaErrorInvalidValue);
    if (!stream || value != 0) {
        double_misused("a memset of %d on stream %p", value, (void *)stream);
    }
    enqueue(to, NULL, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    CALL(cudaErrorInvalidValue);
    if (!stream) {
        double_misused("a copy on no stream");
    }
    enqueue(to, from, bytes);
    if (kind == cudaMemcpyDeviceToHost) {
        double_catch_up(); /* to memory that is not pinned */
    }
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *ret, unsigned flags) {
    (void)flags;
    CALL(cudaErrorMemoryAllocation);
    *ret = calloc(1, sizeof **ret);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    free(stream);
    cuda_double.live--;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    (void)stream;
    double_catch_up();
    CALL(cudaErrorIllegalAddress);
    return cudaSuccess;
}

/* An event is done once everything of before it is: the double does not tell them apart. */
struct CUevent_st {
    bool recorded;
};

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *ret, unsigned flags) {
    (void)flags;
    CALL(cudaErrorMemoryAllocation);
    *ret = calloc(1, sizeof **ret);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    free(event);
    cuda_double.live--;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    (void)stream;
    CALL(cudaErrorInvalidValue);
    event->recorded = true;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    CALL(cudaErrorLaunchFailure);
    if (event->recorded) {
        double_catch_up();
    }
    return cudaSuccess;
}

/* ---- Graphs: begin, end and launch are counted, nothing is recorded. ---- */

struct CUgraph_st {
    int unused;
};
struct CUgraphExec_st {
    int unused;
};

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    (void)stream;
    (void)mode;
    CALL(cudaErrorStreamCaptureUnsupported);
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *ret) {
    (void)stream;
    CALL(cudaErrorStreamCaptureInvalidated);
    *ret = calloc(1, sizeof **ret);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ret, cudaGraph_t graph, unsigned long long f) {
    (void)graph;
    (void)f;
    CALL(cudaErrorMemoryAllocation);
    *ret = calloc(1, sizeof **ret);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t recording, cudaStream_t stream) {
    (void)recording;
    (void)stream;
    CALL(cudaErrorMemoryAllocation);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t stream) {
    (void)recording;
    (void)stream;
    CALL(cudaErrorInvalidValue);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    free(graph);
    cuda_double.live--;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t recording) {
    free(recording);
    cuda_double.live--;
    return cudaSuccess;
}
