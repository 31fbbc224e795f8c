/* SPDX-License-Identifier: Apache-2.0
 * What the cuda device says of a run that fails: that memory ran out, what a library adds, and
 * whose fault it can be. */
#include "test_double.h"
#include "test_node.h"

#include <cuda_runtime_api.h>

/* A node that runs, and what is asked of its library up to the call that does the work. */
typedef struct example {
    const char *op;
    int calls;
    kd_spec specs[3];
} example;

static const example product = {
    "matmul", 1, {{KD_F32, 2, {3, 5}}, {KD_F32, 2, {5, 4}}, {KD_F32, 2, {3, 4}}}};
static const example convolution = {
    "conv2d", 6, {{KD_F32, 4, {2, 3, 3, 2}}, {KD_F32, 4, {4, 1, 1, 2}}, {KD_F32, 4, {2, 3, 3, 4}}}};
static const example sum = {"add", 0, {{KD_F32, 1, {8}}, {KD_F32, 1, {8}}, {KD_F32, 1, {8}}}};

/* Runs the example and has `before` happen just before; the wait's error is in err. */
static void fail(const example *of, void (*before)(const example *of), kd_error *err) {
    const kd_kernel *kernel = kernel_of(of->op);
    const kd_node node = node_of(of->op, "here", of->specs);
    kd_device *device = must_open();
    void *state = NULL, *memory = NULL;
    size_t scratch = 0;
    cr_assert(kernel->prepare(device, &node, &state, &scratch, err), "%s", err->message);
    cr_assert(table->allocate(device, 3 * 1024 + scratch, &memory, err), "%s", err->message);
    char *at = memory;
    before(of);
    kernel->run(device, &node, state, (void *[]){at, at + 1024}, (void *[]){at + 2048}, at + 3072);
    cr_expect_not(table->wait(device, err), "%s is silent", of->op);
    cuda_double.sticky = 0;
    cr_expect(table->wait(device, &(kd_error)KD_ERROR_INIT), "%s is told twice", of->op);
    table->release(device, memory);
    if (kernel->release) {
        kernel->release(device, state);
    }
    table->close(device);
    cr_expect_eq(cuda_double.live, 0);
}

static void run_out_of_memory(const example *of) {
    cuda_double.starved = true;
    cuda_double.fail_at = cuda_double.calls + of->calls;
}

DOUBLE_TEST(says_that_memory_ran_out_in_a_run) {
    static const struct {
        const example *of;
        const char *says;
    } cases[] = {
        {&product, "here: matmul: cuBLAS: the GPU is out of memory"},
        {&convolution, "here: conv2d: cuDNN: the GPU is out of memory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        fail(cases[i].of, run_out_of_memory, &err);
        cr_expect_eq(err.code, KD_E_MEMORY);
        cr_expect_str_eq(err.message, cases[i].says);
        cr_expect(strstr(err.hint, "nvidia-smi"), "%s", err.hint);
    }
}

DOUBLE_TEST(says_that_memory_ran_out_in_a_launch) {
    kd_error err = KD_ERROR_INIT;
    void *recording = NULL;
    kd_device *device = must_open();
    cr_assert(table->capture_begin(device, &err) && table->capture_end(device, &recording, &err));
    run_out_of_memory(&(example){.calls = 1});
    table->launch(device, recording);
    cr_expect_not(table->wait(device, &err));
    cr_expect_eq(err.code, KD_E_MEMORY);
    cr_expect_str_eq(err.message, "launching a program: the GPU is out of memory");
    cr_expect(strstr(err.hint, "nvidia-smi"), "%s", err.hint);
    table->capture_release(device, recording);
    table->close(device);
}

/* While a node is prepared, too. */
DOUBLE_TEST(says_that_memory_ran_out_in_a_choice) {
    const kd_node node = node_of("matmul", "here", product.specs);
    kd_error err = KD_ERROR_INIT;
    void *state = NULL;
    size_t scratch = 0;
    kd_device *device = must_open();
    cuda_double.starved = true;
    bool heard = false;
    for (int call = 1; call < 40 && !heard; call++) {
        cuda_double.fail_at = cuda_double.calls + call;
        if (kernel_of("matmul")->prepare(device, &node, &state, &scratch, &err)) {
            kernel_of("matmul")->release(device, state);
        }
        heard = err.code == KD_E_MEMORY;
    }
    cr_expect(heard);
    cr_expect_str_eq(err.message, "here: matmul: cuBLAS: the GPU is out of memory");
    table->close(device);
}

static void break_a_library(const example *of) {
    cuda_double.fail_at = cuda_double.calls + of->calls;
}

DOUBLE_TEST(says_what_cudnn_adds) {
    kd_error err = KD_ERROR_INIT;
    fail(&convolution, break_a_library, &err);
    cr_expect_eq(err.code, KD_E_DEVICE);
    cr_expect_str_eq(err.message,
                     "here: conv2d: cuDNN fails: as the test wants: cudnnBackendExecute");
}

static void have_failed_before(const example *of) {
    (void)of;
    cuda_double.sticky = cudaErrorIllegalAddress;
}

/* What kernels did before comes to light at some launch. */
DOUBLE_TEST(does_not_blame_a_launch_for_earlier_work) {
    kd_error err = KD_ERROR_INIT;
    fail(&sum, have_failed_before, &err);
    cr_expect_eq(err.code, KD_E_DEVICE);
    cr_expect(strncmp(err.message, "found at ", 9) == 0, "%s", err.message);
    cr_expect(strstr(err.hint, "compute-sanitizer"), "%s", err.hint);
}

static void refuse_the_launch(const example *of) {
    (void)of;
    double_error(cudaErrorInvalidConfiguration);
}

DOUBLE_TEST(blames_a_launch_that_is_refused) {
    kd_error err = KD_ERROR_INIT;
    fail(&sum, refuse_the_launch, &err);
    cr_expect_eq(err.code, KD_E_DEVICE);
    cr_expect(strncmp(err.message, "launching ", 10) == 0, "%s", err.message);
    cr_expect_not(strstr(err.hint, "compute-sanitizer"), "%s", err.hint);
}
