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
