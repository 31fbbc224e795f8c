/* SPDX-License-Identifier: Apache-2.0
 * The cuda device over the double of NVIDIA's libraries: what it says when something is missing,
 * and that uploads are in order though nobody waits. */
#include "test_double.h"

#include <stdlib.h>

const kd_device_plugin *table;

static void open_table(void) {
    kd_error err = KD_ERROR_INIT;
    const kd_plugin *plugin = kindred_plugin_entry_v0(NULL, &err);
    cr_assert(plugin, "%s", err.message);
    table = plugin->table;
}

TestSuite(cuda_double, .init = open_table);

const config defaults = {.deterministic = true};

kd_device *must_open(void) {
    kd_device *device = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert(table->open(&defaults, NULL, &device, &err), "%s", err.message);
    return device;
}

const kd_kernel *kernel_of(const char *op) {
    for (uint32_t i = 0; i < table->n_kernels; i++) {
        const kd_kernel *k = (const kd_kernel *)(const void *)((const char *)table->kernels +
                                                               (size_t)i * table->kernel_stride);
        if (strcmp(k->op, op) == 0) {
            return k;
        }
    }
    cr_assert_fail("no kernel for %s", op);
    return NULL;
}

static void expect_refused(const config *c, int code, const char *message, const char *hint) {
    kd_device *device = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(table->open(c, NULL, &device, &err));
    cr_assert_null(device);
    cr_expect_eq(err.code, code, "%d", err.code);
    cr_expect_str_eq(err.message, message);
    cr_expect(strstr(err.hint, hint), "%s", err.hint);
    cr_expect_eq(cuda_double.live, 0);
}

DOUBLE_TEST(says_that_there_is_no_driver) {
    cuda_double.driver = 0;
    expect_refused(&defaults, KD_E_UNSUPPORTED, "no NVIDIA driver is installed",
                   "device: {plugin: cpu}");
}

DOUBLE_TEST(says_that_the_driver_is_too_old) {
    cuda_double.driver = 11080;
    char message[128];
    snprintf(message, sizeof message,
             "the NVIDIA driver is for CUDA 11.8, this build for CUDA %d.%d",
             DOUBLE_CUDA_VERSION / 1000, DOUBLE_CUDA_VERSION % 1000 / 10);
    expect_refused(&defaults, KD_E_DEVICE, message, "update the driver");
}

DOUBLE_TEST(says_that_there_is_no_gpu) {
    cuda_double.gpus = 0;
    expect_refused(&defaults, KD_E_UNSUPPORTED, "no NVIDIA GPU is found", "CUDA_VISIBLE_DEVICES");
}

DOUBLE_TEST(says_that_there_is_no_such_gpu) {
    cuda_double.gpus = 2;
    expect_refused(&(config){.index = 2}, KD_E_INVALID, "there is no GPU 2", "from 0 to 1");
}

DOUBLE_TEST(says_that_the_gpu_is_too_old) {
    cuda_double.capability = 7;
    expect_refused(&defaults, KD_E_DEVICE,
                   "double of a GPU is too old: it has compute capability 7.0, and 8.0 is needed",
                   "A100");
}

DOUBLE_TEST(says_what_to_look_at_when_a_call_fails) {
    cuda_double.fail_at = cuda_double.calls + 1;
    expect_refused(&defaults, KD_E_DEVICE,
                   "looking for GPUs: as the test wants (cudaErrorOfTheDouble)", "nvidia-smi");
}

DOUBLE_TEST(says_that_cudnn_is_missing) {
    cuda_double.missing = "libcudnn";
    expect_refused(&defaults, KD_E_DEVICE,
                   "cuDNN 9 does not load: libcudnn.so.9: cannot open shared object file",
                   "LD_LIBRARY_PATH");
}

DOUBLE_TEST(says_that_cublas_is_missing) {
    cuda_double.missing = "libcublasLt";
    kd_device *device = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(table->open(&defaults, NULL, &device, &err));
    cr_expect_eq(err.code, KD_E_DEVICE);
    cr_expect(strncmp(err.message, "cuBLAS ", 7) == 0, "%s", err.message);
}

DOUBLE_TEST(says_that_a_library_is_too_old) {
    cuda_double.missing = "cudnnBackendExecute";
    expect_refused(&defaults, KD_E_DEVICE, "libcudnn.so.9 has no cudnnBackendExecute", "newer");
}

DOUBLE_TEST(says_that_the_gpu_is_out_of_memory) {
    cuda_double.capacity = 3 << 20;
    kd_device *device = must_open();
    void *memory = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(table->allocate(device, 4 << 20, &memory, &err));
    cr_expect_eq(err.code, KD_E_MEMORY);
    cr_expect_str_eq(err.message, "the GPU has 3.0 of 3.0 MiB free, and 4.0 are wanted beside 0.2 "
                                  "for the code of kernels and the recorded program");
    cr_expect(strstr(err.hint, "nvidia-smi"));
    cr_assert(table->allocate(device, 2 << 20, &memory, &err), "%s", err.message);
    table->release(device, memory);
    table->close(device);
    cr_expect_eq(cuda_double.live, 0);
}

/* CUDA takes more in the first runs: what would leave too little for it is refused before. */
DOUBLE_TEST(keeps_some_memory_until_a_program_is_recorded) {
    cuda_double.capacity = 16 << 20;
    kd_device *device = must_open();
    void *most = NULL, *rest = NULL, *recording = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert(table->allocate(device, 14 << 20, &most, &err), "%s", err.message);
    cr_expect_not(table->allocate(device, (1 << 20) + 1, &rest, &err));
    cr_expect_eq(err.code, KD_E_MEMORY);
    cr_expect(strstr(err.message, "beside 1.0 for the code"), "%s", err.message);
    cr_assert(table->capture_begin(device, &err) && table->capture_end(device, &recording, &err));
    cr_expect(table->allocate(device, (1 << 20) + 1, &rest, &err), "%s", err.message);
    table->capture_release(device, recording);
    table->release(device, most);
    table->release(device, rest);
    table->close(device);
}

DOUBLE_TEST(describes_itself) {
    kd_device *device = must_open();
    cr_expect(strstr(table->describe(device), "double of a GPU, driver for CUDA "));
    cr_expect(strstr(table->describe(device), ", cuDNN 9."));
    table->close(device);
}

/* More than the pinned memory holds, in pieces of all sizes, from memory that is overwritten as
 * soon as upload returns, with the copies done as late as can be. */
DOUBLE_TEST(uploads_are_in_order_and_whole) {
    enum { BYTES = 20 << 20 };
    kd_error err = KD_ERROR_INIT;
    void *memory = NULL;
    cuda_double.late = true;
    kd_device *device = must_open();
    cr_assert(table->allocate(device, BYTES, &memory, &err));
    unsigned char *from = malloc(BYTES), *got = malloc(BYTES);
    uint32_t draw = 1;
    for (size_t at = 0; at < BYTES;) {
        draw = draw * 1664525u + 1013904223u;
        const size_t wanted = draw % 16 == 0 ? 9 << 20 : draw >> 18;
        const size_t piece = wanted < BYTES - at ? wanted : BYTES - at;
        for (size_t i = 0; i < piece; i++) {
            from[i] = (unsigned char)((at + i) * 2654435761u >> 13);
        }
        table->upload(device, (char *)memory + at, from, piece);
        memset(from, 0xee, piece);
        at += piece;
    }
    cr_expect_gt(cuda_double.late_count, 0, "it waits");
    table->download(device, got, memory, BYTES);
    cr_assert(table->wait(device, &err), "%s", err.message);
    for (size_t i = 0; i < BYTES; i++) {
        cr_assert_eq(got[i], (unsigned char)(i * 2654435761u >> 13), "byte %zu", i);
    }
    table->release(device, memory);
    table->close(device);
    free(from);
    free(got);
}

DOUBLE_TEST(waits_before_memory_goes) {
    kd_error err = KD_ERROR_INIT;
    void *memory = NULL;
    cuda_double.late = true;
    kd_device *device = must_open();
    cr_assert(table->allocate(device, 4, &memory, &err), "%s", err.message);
    table->upload(device, memory, "abc", 4);
    cr_expect_gt(cuda_double.late_count, 0);
    table->release(device, memory);
    cr_expect_eq(cuda_double.late_count, 0);
    table->close(device);
}

DOUBLE_TEST(memory_is_zero_at_first) {
    kd_error err = KD_ERROR_INIT;
    void *memory = NULL;
    unsigned char got[1000];
    kd_device *device = must_open();
    cr_assert(table->allocate(device, sizeof got, &memory, &err));
    table->download(device, got, memory, sizeof got);
    cr_assert(table->wait(device, &err));
    for (size_t i = 0; i < sizeof got; i++) {
        cr_assert_eq(got[i], 0);
    }
    table->release(device, memory);
    table->close(device);
}
