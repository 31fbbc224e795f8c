/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's graphs: a list of calls, with copies of their arguments; see double.h.
 *
 * Beside the stream that is captured there may be a branch. A launch has it done as early as it
 * may be, where it left, or if streams but the first are late, where something waits for it. */
#include "stream.h"

#include <stdlib.h>

typedef enum place { OF_STREAM, OF_BRANCH, FORK, JOIN } place;

typedef struct call {
    place at;
    double_work *work; /* NULL: a fork or a join */
    void *arguments;
    bool copied;
} call;

struct CUgraph_st {
    call *call;
    int count;
    struct CUstream_st *branch; /* NULL: none has left */
    bool joined, spoiled;
};

/* The one executable of a graph takes its calls over. */
struct CUgraphExec_st {
    struct CUgraph_st graph;
};

static void append(struct CUgraph_st *g, call c) {
    g->call = realloc(g->call, (size_t)(g->count + 1) * sizeof *g->call);
    g->call[g->count++] = c;
}

void double_append(const struct CUstream_st *s, double_work *work, void *arguments, bool copied) {
    struct CUgraph_st *g = s->captured;
    g->joined = g->joined && !s->branch;
    append(g, (call){s->branch ? OF_BRANCH : OF_STREAM, work, arguments, copied});
}

void double_fork(struct CUgraph_st *g, struct CUstream_st *s) {
    if (g->branch && g->branch != s) {
        double_misused("more than one branch of what is captured");
    }
    s->captured = g;
    s->branch = true;
    g->branch = s;
    g->joined = false;
    append(g, (call){.at = FORK});
}

void double_join(struct CUgraph_st *g) {
    g->joined = true;
    append(g, (call){.at = JOIN});
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
    if (graph->branch) {
        graph->branch->captured = NULL;
        graph->branch->branch = false;
    }
    const bool apart = graph->branch && !graph->joined;
    if (double_fails() || graph->spoiled || apart) {
        cudaGraphDestroy(graph);
        return double_error(apart ? cudaErrorStreamCaptureUnjoined
                                  : cudaErrorStreamCaptureInvalidated);
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

/* What of the branch lies between a fork and its join. */
static void do_branch(const struct CUgraph_st *g, int from, int step) {
    const place end = step > 0 ? JOIN : FORK;
    int first = from + step;
    while (first >= 0 && first < g->count && g->call[first].at != end) {
        first += step;
    }
    for (int i = step > 0 ? from : first; i < (step > 0 ? first : from); i++) {
        if (g->call[i].at == OF_BRANCH) {
            g->call[i].work(g->call[i].arguments, false);
        }
    }
}

static void launch_now(void *arguments, bool last) {
    const struct CUgraph_st *g = &(*(cudaGraphExec_t *)arguments)->graph;
    for (int i = 0; !last && i < g->count; i++) {
        const call *c = &g->call[i];
        if (c->at == OF_STREAM) {
            c->work(c->arguments, false);
        } else if (c->at == FORK && !cuda_double.others_late) {
            do_branch(g, i, 1);
        } else if (c->at == JOIN && cuda_double.others_late) {
            do_branch(g, i, -1);
        }
    }
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t stream) {
    DOUBLE_CALL(
        double_error(cuda_double.starved ? cudaErrorMemoryAllocation : cudaErrorInvalidValue));
    if (++cuda_double.launches == cuda_double.fail_launch) {
        return double_error(cudaErrorInvalidValue);
    }
    double_enqueue(stream, launch_now, &recording, sizeof recording);
    return cudaSuccess;
}

static void free_calls(struct CUgraph_st *graph) {
    for (int i = 0; i < graph->count; i++) {
        const call *c = &graph->call[i];
        if (c->work) {
            c->work(c->arguments, true);
        }
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
