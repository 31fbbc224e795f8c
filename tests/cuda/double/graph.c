/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's graphs: a list of calls, with copies of their arguments; see double.h. */
#include "stream.h"

#include <stdlib.h>

typedef struct call {
    double_work *work;
    void *arguments;
    bool copied;
} call;

struct CUgraph_st {
    call *call;
    int count;
    bool spoiled;
};

/* The one executable of a graph takes its calls over. */
struct CUgraphExec_st {
    struct CUgraph_st graph;
};

void double_append(struct CUgraph_st *g, double_work *work, void *arguments, bool copied) {
    g->call = realloc(g->call, (size_t)(g->count + 1) * sizeof *g->call);
    g->call[g->count++] = (call){work, arguments, copied};
}

/* What this thread captures; NULL: nothing. */
static _Thread_local struct {
    struct CUgraph_st *graph;
    enum cudaStreamCaptureMode mode;
} capturing;

void double_call_unsafe(const char *name) {
    if (capturing.graph) {
        double_misused("%s while a program is captured", name);
    }
}

void double_loads(void) {
    if (capturing.graph && capturing.mode != cudaStreamCaptureModeRelaxed) {
        capturing.graph->spoiled = true;
    }
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode) {
    DOUBLE_CALL(double_error(cudaErrorStreamCaptureUnsupported));
    if (stream->captured) {
        double_misused("a capture within another");
    }
    stream->captured = double_made(sizeof *stream->captured);
    capturing.graph = stream->captured;
    capturing.mode = mode;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *ret) {
    struct CUgraph_st *graph = stream->captured;
    stream->captured = NULL;
    capturing.graph = NULL;
    if (double_fails() || graph->spoiled) {
        cudaGraphDestroy(graph);
        return double_error(cudaErrorStreamCaptureInvalidated);
    }
    *ret = graph;
    return cudaSuccess;
}

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

static void launch_now(void *arguments, bool last) {
    const cudaGraphExec_t recording = *(cudaGraphExec_t *)arguments;
    for (int i = 0; !last && i < recording->graph.count; i++) {
        const call *c = &recording->graph.call[i];
        c->work(c->arguments, false);
    }
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t stream) {
    DOUBLE_CALL(
        double_error(cuda_double.starved ? cudaErrorMemoryAllocation : cudaErrorInvalidValue));
    double_enqueue(stream, launch_now, &recording, sizeof recording);
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
