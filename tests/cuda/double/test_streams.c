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
