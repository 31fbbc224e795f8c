/* SPDX-License-Identifier: Apache-2.0
 * The double's own streams: a wait for an event that is missing is seen, in whichever order the
 * streams happen to go; with it the copy is right. */
#include "test_double.h"

#include <cuda_runtime_api.h>

/* From `from` to `between` on the first stream, on to `to` on the second. Is `to` right? */
static bool copy_on(bool first_late, bool second_late, bool waits, bool host_waits) {
    cudaStream_t first, second;
    cudaEvent_t gathered, sent;
    void *from = NULL, *between = NULL, *to = NULL;
    cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&gathered, cudaEventDisableTiming);
    cudaEventCreateWithFlags(&sent, cudaEventDisableTiming);
    cudaHostAlloc(&from, 4, cudaHostAllocDefault);
    cudaHostAlloc(&to, 4, cudaHostAllocDefault);
    cudaMalloc(&between, 4);
    memset(from, 1, 4);
    cuda_double.late = first_late;
    cuda_double.others_late = second_late;
    cudaMemcpyAsync(between, from, 4, cudaMemcpyHostToDevice, first);
    cudaEventRecord(gathered, first);
    if (waits) {
        cudaStreamWaitEvent(second, gathered, 0);
    }
    cudaMemcpyAsync(to, between, 4, cudaMemcpyDeviceToHost, second);
    cudaEventRecord(sent, second);
    if (host_waits) {
        cudaEventSynchronize(sent);
    }
    const bool right = ((char *)to)[3] == 1;
    cudaStreamSynchronize(first);
    cudaStreamSynchronize(second);
    cudaEventDestroy(gathered);
    cudaEventDestroy(sent);
    cudaStreamDestroy(first);
    cudaStreamDestroy(second);
    cudaFreeHost(from);
    cudaFreeHost(to);
    cudaFree(between);
    return right;
}

DOUBLE_TEST(a_missing_wait_of_a_stream_is_seen) {
    cr_expect_not(copy_on(true, false, false, true));
    cr_expect(copy_on(true, false, true, true));
}

DOUBLE_TEST(a_missing_wait_of_the_host_is_seen) {
    cr_expect_not(copy_on(false, true, true, false));
    cr_expect(copy_on(false, true, true, true));
}

DOUBLE_TEST(memory_that_is_still_to_be_read_is_not_freed) {
    cudaStream_t first, second;
    void *from = NULL, *to = NULL;
    cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaMalloc(&from, 4);
    cudaHostAlloc(&to, 4, cudaHostAllocDefault);
    cuda_double.others_late = true;
    cudaMemcpyAsync(to, from, 4, cudaMemcpyDeviceToHost, second);
    cudaFree(from);
    cr_expect_str_eq(cuda_double.why, "memory is freed before it was waited for");
    cuda_double.why[0] = 0;
}

/* What may not be done while this thread captures, one at a time. */
static void allocate(void) {
    void *memory = NULL;
    cudaMalloc(&memory, 4);
    cudaFree(memory);
}

static void release(void) {
    cudaFree(NULL);
}

static void pin(void) {
    void *pinned = NULL;
    cudaHostAlloc(&pinned, 4, cudaHostAllocDefault);
    cudaFreeHost(pinned);
}

static void ask_for_memory(void) {
    size_t free_bytes, total;
    cudaMemGetInfo(&free_bytes, &total);
}

static void prepare_a_kernel(void) {
    cudaFuncSetAttribute(NULL, cudaFuncAttributeMaxDynamicSharedMemorySize, 4);
}

static void wait_for_an_event(void) {
    cudaEvent_t event;
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    cudaEventSynchronize(event);
    cudaEventDestroy(event);
}

DOUBLE_TEST(a_capture_forbids_what_waits_or_allocates) {
    static const struct {
        void (*does)(void);
        const char *says;
    } calls[] = {
        {allocate, "cudaMalloc while a program is captured"},
        {release, "cudaFree while a program is captured"},
        {pin, "cudaHostAlloc while a program is captured"},
        {ask_for_memory, "cudaMemGetInfo while a program is captured"},
        {prepare_a_kernel, "cudaFuncSetAttribute while a program is captured"},
        {wait_for_an_event, "cudaEventSynchronize while a program is captured"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        cudaStream_t stream;
        cudaGraph_t graph = NULL;
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        calls[i].does();
        cr_expect_str_empty(cuda_double.why, "%s", cuda_double.why);
        cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed);
        calls[i].does();
        cr_expect_str_eq(cuda_double.why, calls[i].says);
        cuda_double.why[0] = 0;
        cudaStreamEndCapture(stream, &graph);
        cudaGraphDestroy(graph);
        cudaStreamDestroy(stream);
    }
}

/* Whether what a library loads spoils it. */
static bool captures(enum cudaStreamCaptureMode mode) {
    cudaStream_t stream;
    cudaGraph_t graph = NULL;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaStreamBeginCapture(stream, mode);
    double_loads();
    const bool ok = cudaStreamEndCapture(stream, &graph) == cudaSuccess;
    if (ok) {
        cudaGraphDestroy(graph);
    }
    cudaStreamDestroy(stream);
    return ok;
}

DOUBLE_TEST(only_a_relaxed_capture_survives_a_load) {
    cr_expect_not(captures(cudaStreamCaptureModeGlobal));
    cr_expect_not(captures(cudaStreamCaptureModeThreadLocal));
    cr_expect(captures(cudaStreamCaptureModeRelaxed));
}

/* Two streams, an event to leave the first by and one to come back, and four numbers. */
typedef struct branching {
    cudaStream_t first, second;
    cudaEvent_t leaves, comes_back;
    char *one, *to, *on, *back;
} branching;

/* On the first stream `one` is copied to `to` before a branch leaves, or after it; on the branch it
 * is copied on to `on`, and at last, behind the branch, to `back`. */
static cudaError_t capture_branch(const branching *b, bool before, bool returns, cudaGraph_t *ret) {
    cudaStreamBeginCapture(b->first, cudaStreamCaptureModeRelaxed);
    if (before) {
        cudaMemcpyAsync(b->to, b->one, 4, cudaMemcpyDeviceToDevice, b->first);
    }
    cudaEventRecord(b->leaves, b->first);
    cudaStreamWaitEvent(b->second, b->leaves, 0);
    cudaMemcpyAsync(b->on, b->to, 4, cudaMemcpyDeviceToDevice, b->second);
    cudaEventRecord(b->comes_back, b->second);
    if (!before) {
        cudaMemcpyAsync(b->to, b->one, 4, cudaMemcpyDeviceToDevice, b->first);
    }
    if (returns) {
        cudaStreamWaitEvent(b->first, b->comes_back, 0);
    }
    cudaMemcpyAsync(b->back, b->on, 4, cudaMemcpyDeviceToDevice, b->first);
    return cudaStreamEndCapture(b->first, ret);
}

/* What a launch has in `back`, and what the capture's end says. */
static cudaError_t branch_off(bool before, bool returns, bool late, char *ret) {
    branching b;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t recording = NULL;
    void *memory = NULL;
    cudaStreamCreateWithFlags(&b.first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&b.second, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&b.leaves, cudaEventDisableTiming);
    cudaEventCreateWithFlags(&b.comes_back, cudaEventDisableTiming);
    cudaMalloc(&memory, 16);
    b.one = memset(memory, 0, 16);
    b.to = b.one + 4;
    b.on = b.one + 8;
    b.back = b.one + 12;
    *b.one = 1;
    cuda_double.others_late = late;
    const cudaError_t status = capture_branch(&b, before, returns, &graph);
    if (status == cudaSuccess) {
        cudaGraphInstantiate(&recording, graph, 0);
        cudaGraphDestroy(graph);
        cudaGraphLaunch(recording, b.first);
        cudaStreamSynchronize(b.first);
        cudaGraphExecDestroy(recording);
    }
    *ret = *b.back;
    cudaFree(memory);
    cudaEventDestroy(b.leaves);
    cudaEventDestroy(b.comes_back);
    cudaStreamDestroy(b.first);
    cudaStreamDestroy(b.second);
    return status;
}

DOUBLE_TEST(a_branch_that_needs_what_comes_beside_it_is_seen) {
    char got = 0;
    for (int late = 0; late < 2; late++) {
        cr_expect_eq(branch_off(true, true, late, &got), cudaSuccess);
        cr_expect_eq(got, 1);
        cr_expect_eq(branch_off(false, true, late, &got), cudaSuccess);
        cr_expect_eq(got, late, "the branch is done where it %s", late ? "returns" : "leaves");
    }
}

DOUBLE_TEST(a_branch_that_does_not_return_spoils_the_capture) {
    char got = 0;
    cr_expect_eq(branch_off(true, false, false, &got), cudaErrorStreamCaptureUnjoined);
}
