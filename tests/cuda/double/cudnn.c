/* SPDX-License-Identifier: Apache-2.0
 * cuDNN's backend interface: descriptors keep the attributes they are given, heuristics offer the
 * engines of backend.h, and execution is convolve.c's. */
#include "double.h"

#include "backend.h"
#include "vendor.h"

#include <stdio.h>
#include <string.h>

size_t cudnnGetVersion(void) {
    return CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t status) {
    return status == CUDNN_STATUS_SUCCESS ? "fine" : "as the test wants";
}

void cudnnGetLastErrorString(char *text, size_t room) {
    snprintf(text, room, "%s", cuda_double.failed ? cuda_double.failed_call : "");
}

struct cudnnContext {
    cudaStream_t stream;
};

cudnnStatus_t cudnnCreate(cudnnHandle_t *ret) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    *ret = double_made(sizeof **ret);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    double_gone(handle);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    handle->stream = stream;
    return stream ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *ret) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    backend *d = double_made(sizeof *d);
    d->type = type;
    *ret = d;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
    double_gone(d);
    return CUDNN_STATUS_SUCCESS;
}

static size_t size_of(cudnnBackendAttributeType_t type) {
    switch (type) {
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
        return 8;
    case CUDNN_TYPE_BOOLEAN:
        return 1;
    default:
        return 4;
    }
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t handle,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *values) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    backend *d = handle;
    const size_t bytes = (size_t)count * size_of(type);
    if (d->finalized || d->count == BACKEND_ATTRIBUTES || bytes > sizeof d->attribute[0].values) {
        double_misused("attribute %d is set too late or is too large", (int)name);
        return CUDNN_STATUS_BAD_PARAM;
    }
    attribute *a = &d->attribute[d->count++];
    *a = (attribute){.name = name, .count = count};
    memcpy(a->values, values, bytes);
    return CUDNN_STATUS_SUCCESS;
}

const attribute *backend_find(const backend *d, cudnnBackendAttributeName_t name) {
    for (int i = 0; i < d->count; i++) {
        if (d->attribute[i].name == name) {
            return &d->attribute[i];
        }
    }
    double_misused("attribute %d was never set", (int)name);
    return NULL;
}

const backend *backend_child(const backend *d, cudnnBackendAttributeName_t name) {
    const attribute *a = d ? backend_find(d, name) : NULL;
    void *child = NULL;
    if (a) {
        memcpy(&child, a->values, sizeof child);
    }
    if (child && !((const backend *)child)->finalized) {
        double_misused("attribute %d is a descriptor that is not finalised", (int)name);
    }
    return child;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t handle) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    backend *d = handle;
    if (d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
        const backend *offer = backend_child(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
        if (!offer || offer->number == ENGINE_BROKEN ||
            (cuda_double.greedy && offer->number > ENGINE_GREEDY)) {
            return CUDNN_STATUS_NOT_SUPPORTED;
        }
        d->graph = offer->graph;
        d->number = offer->number;
    }
    d->finalized = true;
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t offer(const backend *heuristics, int64_t room, int64_t *ret_count,
                           void *values) {
    const backend *graph = backend_child(heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    const attribute *mode = backend_find(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE);
    cudnnBackendHeurMode_t asked = CUDNN_HEUR_MODE_A;
    backend *offers[ENGINES];
    if (mode) {
        memcpy(&asked, mode->values, sizeof asked);
    }
    *ret_count = room < ENGINES ? room : ENGINES;
    *ret_count = cuda_double.speechless && asked == CUDNN_HEUR_MODE_A ? 0 : *ret_count;
    memcpy(offers, values, (size_t)*ret_count * sizeof(void *));
    for (int i = 0; i < *ret_count; i++) {
        offers[i]->graph = graph;
        offers[i]->number = i;
        offers[i]->finalized = true;
    }
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t engine_of(const backend *configuration, void *values) {
    backend *engine;
    memcpy(&engine, values, sizeof engine);
    engine->number = configuration->number;
    engine->finalized = true;
    return CUDNN_STATUS_SUCCESS;
}

static int64_t notes_of(int64_t engine, int *ret) {
#define NOTE(name) CUDNN_NUMERICAL_NOTE_##name
    static const struct {
        int64_t count;
        int note[2];
    } all[ENGINES] = {
        [ENGINE_BY_CHANCE] = {1, {NOTE(NONDETERMINISTIC)}},
        [ENGINE_ROUNDING] = {1, {NOTE(DOWN_CONVERT_INPUTS)}},
        [ENGINE_NARROW] = {1, {NOTE(REDUCED_PRECISION_REDUCTION)}},
        [ENGINE_FFT] = {1, {NOTE(FFT)}},
        [ENGINE_LARGE_TILES] = {2, {NOTE(WINOGRAD), NOTE(WINOGRAD_TILE_13x13)}},
        [ENGINE_WINOGRAD] = {2, {NOTE(WINOGRAD), NOTE(WINOGRAD_TILE_4x4)}},
        [ENGINE_TENSOR_CORE] = {1, {NOTE(TENSOR_CORE)}},
    };
#undef NOTE
    memcpy(ret, all[engine].note, (size_t)all[engine].count * sizeof *ret);
    return all[engine].count;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t handle,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t room,
                                       int64_t *ret_count, void *values) {
    DOUBLE_CALL(CUDNN_STATUS_INTERNAL_ERROR);
    const backend *d = handle;
    int64_t number = d->number;
    (void)type;
    if (!d->finalized) {
        double_misused("attribute %d is asked for too early", (int)name);
        return CUDNN_STATUS_BAD_PARAM;
    }
    *ret_count = 1;
    switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
        return offer(d, room, ret_count, values);
    case CUDNN_ATTR_ENGINECFG_ENGINE:
        return engine_of(d, values);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
        *ret_count = notes_of(d->number, values);
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
        *ret_count = 0;
        return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
        number = number == ENGINE_GREEDY ? (int64_t)double_memory() / 8
                                         : (number + 1) * BACKEND_WORKSPACE;
        break;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
        break;
    default:
        double_misused("attribute %d is asked for", (int)name);
        return CUDNN_STATUS_BAD_PARAM;
    }
    memcpy(values, &number, sizeof number);
    return CUDNN_STATUS_SUCCESS;
}

typedef struct execution {
    const backend *plan;
    backend pack;
} execution;

static void execute(void *arguments, bool last) {
    const execution *e = arguments;
    if (!last && !backend_convolve(e->plan, &e->pack)) {
        double_misused("an execution fails");
    }
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t what,
                                  cudnnBackendDescriptor_t pack) {
    DOUBLE_CALL(cuda_double.starved ? CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
                                    : CUDNN_STATUS_INTERNAL_ERROR);
    const execution e = {what, *(const backend *)pack};
    if (!handle->stream || !e.plan->finalized || !e.pack.finalized ||
        e.plan->number == ENGINE_BY_CHANCE) {
        double_misused("a plan of engine %lld is executed", (long long)e.plan->number);
        return CUDNN_STATUS_BAD_PARAM;
    }
    double_loads();
    double_enqueue(handle->stream, execute, &e, sizeof e);
    return CUDNN_STATUS_SUCCESS;
}

void *double_cudnn_call(const char *name) {
    static const double_symbol calls[] = {
#define ROW(call) {#call, (void *)call},
        CUDNN_CALLS(ROW)
#undef ROW
    };
    return double_find(calls, sizeof calls / sizeof *calls, name);
}
