/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's stream, events and graphs; see double.h. There is one stream. */
#include "double.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

/* ---- The stream. Late work waits in a list, in order. ---- */

struct CUstream_st {
    struct CUgraph_st *captured; /* NULL: not now */
};

static struct CUgraph_st *capturing;

typedef struct later {
    struct later *next;
    void *to;
    const void *from; /* NULL: clear */
    size_t bytes;
} later;

static void copy_now(void *arguments, bool last) {
    const later *l = arguments;
    if (!last && l->from) {
        memmove(l->to, l->from, l->bytes);
    } else if (!last) {
        memset(l->to, 0, l->bytes);
    }
}

static later *first_later, **end_later = &first_later;

void double_catch_up(void) {
    while (first_later) {
        later *l = first_later;
        first_later = l->next;
        copy_now(l, false);
        free(l);
    }
    end_later = &first_later;
    cuda_double.late_count = 0;
}

static void enqueue(void *to, const void *from, size_t bytes) {
    const later copy = {.to = to, .from = from, .bytes = bytes};
    if (double_captured(copy_now, &copy, sizeof copy)) {
        return;
    }
    later *l = malloc(sizeof *l);
    *l = copy;
    *end_later = l;
    end_later = &l->next;
    cuda_double.late_count++;
    if (!cuda_double.late) {
        double_catch_up();
    }
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    if (!stream || value != 0) {
        double_misused("a memset of %d on stream %p", value, (void *)stream);
    }
    enqueue(to, NULL, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    if (!stream) {
        double_misused("a copy on no stream");
    }
    enqueue(to, from, bytes);
    if (capturing && kind != cudaMemcpyDeviceToDevice) {
        double_misused("a copy between host and device while a program is captured");
    }
    if (kind == cudaMemcpyDeviceToHost) {
        double_catch_up(); /* to memory that is not pinned */
    }
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *ret, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    *ret = double_made(sizeof **ret);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    double_gone(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (stream->captured) {
        double_misused("waiting while a program is captured");
    }
    double_catch_up();
    DOUBLE_CALL(double_error(cudaErrorIllegalAddress));
    return cudaSuccess;
}

/* An event is done once everything of before it is: the double does not tell them apart. */
struct CUevent_st {
    bool recorded;
};

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *ret, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    *ret = double_made(sizeof **ret);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    double_gone(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    (void)stream;
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    event->recorded = true;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    DOUBLE_CALL(double_error(cudaErrorLaunchFailure));
    if (event->recorded) {
        double_catch_up();
    }
    return cudaSuccess;
}

/* ---- Graphs: a list of calls, with copies of their arguments. ---- */

/* emulation.cpp */
void emulation_record(void (*record)(double_work *work, void *arguments));

typedef struct call {
    double_work *work;
    void *arguments;
    bool copied;
} call;

struct CUgraph_st {
    call *call;
    int count;
};

/* Executables are graphs. */
static void append(double_work *work, void *arguments, bool copied) {
    struct CUgraph_st *g = capturing;
    g->call = realloc(g->call, (size_t)(g->count + 1) * sizeof *g->call);
    g->call[g->count++] = (call){work, arguments, copied};
}

static void append_launch(double_work *work, void *arguments) {
    append(work, arguments, false);
}

bool double_captured(double_work *work, const void *arguments, size_t bytes) {
    if (capturing) {
        void *copy = malloc(bytes);
        memcpy(copy, arguments, bytes);
        append(work, copy, true);
    }
    return capturing != NULL;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    (void)mode;
    DOUBLE_CALL(double_error(cudaErrorStreamCaptureUnsupported));
    if (capturing) {
        double_misused("a capture within another");
    }
    stream->captured = capturing = double_made(sizeof *capturing);
    emulation_record(append_launch);
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *ret) {
    struct CUgraph_st *graph = capturing;
    stream->captured = capturing = NULL;
    emulation_record(NULL);
    if (double_fails()) {
        cudaGraphDestroy(graph);
        return double_error(cudaErrorStreamCaptureInvalidated);
    }
    *ret = graph;
    return cudaSuccess;
}

/* The one executable of a graph takes its calls over. */
struct CUgraphExec_st {
    struct CUgraph_st graph;
};

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ret, cudaGraph_t graph, unsigned long long f) {
    (void)f;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    *ret = double_made(sizeof **ret);
    (*ret)->graph = *graph;
    *graph = (struct CUgraph_st){.call = NULL};
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t recording, cudaStream_t stream) {
    (void)recording;
    (void)stream;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t stream) {
    (void)stream;
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    double_catch_up();
    for (int i = 0; i < recording->graph.count; i++) {
        const call *c = &recording->graph.call[i];
        c->work(c->arguments, false);
    }
    cuda_double.launches++;
    return cudaSuccess;
}

static void free_calls(struct CUgraph_st *graph) {
    for (int i = 0; i < graph->count; i++) {
        const call *c = &graph->call[i];
        c->work(c->arguments, true);
        free(c->copied ? c->arguments : NULL);
    }
    free(graph->call);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    free_calls(graph);
    double_gone(graph);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t recording) {
    free_calls(&recording->graph);
    double_gone(recording);
    return cudaSuccess;
}
