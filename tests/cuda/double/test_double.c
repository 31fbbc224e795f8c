/* SPDX-License-Identifier: Apache-2.0
 * The cuda device over the double of NVIDIA's libraries: what it says when something is missing,
 * that every call may fail and nothing leaks, and that uploads are in order though nobody waits. */
#include "double.h"

#include "../../leaks.h"

#include <criterion/criterion.h>
#include <kindred/device.h>
#include <stdlib.h>

static const kd_device_plugin *table;

static void open_table(void) {
    kd_error err = KD_ERROR_INIT;
    const kd_plugin *plugin = kindred_plugin_entry_v0(NULL, &err);
    cr_assert(plugin, "%s", err.message);
    table = plugin->table;
}

static void expect_no_misuse(void) {
    cr_assert_str_empty(cuda_double.why, "%s", cuda_double.why);
}

TestSuite(cuda_double, .init = open_table, .fini = expect_no_misuse);

/* As the plugin's note lays it out. */
typedef struct config {
    int index;
    bool deterministic, tf32;
} config;

static const config defaults = {.deterministic = true};

static kd_device *must_open(void) {
    kd_device *device = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert(table->open(&defaults, NULL, &device, &err), "%s", err.message);
    return device;
}

/* ---- What open says. ---- */

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

TEST(cuda_double, says_that_there_is_no_driver) {
    cuda_double.driver = 0;
    expect_refused(&defaults, KD_E_UNSUPPORTED, "no NVIDIA driver is installed", "device: cpu");
}

TEST(cuda_double, says_that_the_driver_is_too_old) {
    cuda_double.driver = 11080;
    char message[128];
    snprintf(message, sizeof message,
             "the NVIDIA driver is for CUDA 11.8, this build for CUDA %d.%d",
             DOUBLE_CUDA_VERSION / 1000, DOUBLE_CUDA_VERSION % 1000 / 10);
    expect_refused(&defaults, KD_E_DEVICE, message, "update the driver");
}

TEST(cuda_double, says_that_there_is_no_gpu) {
    cuda_double.gpus = 0;
    expect_refused(&defaults, KD_E_UNSUPPORTED, "no NVIDIA GPU is found", "CUDA_VISIBLE_DEVICES");
}

TEST(cuda_double, says_that_there_is_no_such_gpu) {
    cuda_double.gpus = 2;
    expect_refused(&(config){.index = 2}, KD_E_INVALID, "there is no GPU 2", "from 0 to 1");
}

TEST(cuda_double, says_that_the_gpu_is_too_old) {
    cuda_double.capability = 7;
    expect_refused(&defaults, KD_E_DEVICE,
                   "double of a GPU is too old: it has compute capability 7.0, and 8.0 is needed",
                   "A100");
}

TEST(cuda_double, says_that_cudnn_is_missing) {
    cuda_double.missing = "libcudnn";
    expect_refused(&defaults, KD_E_DEVICE,
                   "cuDNN 9 does not load: libcudnn.so.9: cannot open shared object file",
                   "LD_LIBRARY_PATH");
}

TEST(cuda_double, says_that_cublas_is_missing) {
    cuda_double.missing = "libcublasLt";
    kd_device *device = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(table->open(&defaults, NULL, &device, &err));
    cr_expect_eq(err.code, KD_E_DEVICE);
    cr_expect(strncmp(err.message, "cuBLAS ", 7) == 0, "%s", err.message);
}

TEST(cuda_double, says_that_a_library_is_too_old) {
    cuda_double.missing = "cudnnBackendExecute";
    expect_refused(&defaults, KD_E_DEVICE, "libcudnn.so.9 has no cudnnBackendExecute", "newer");
}

TEST(cuda_double, says_that_the_gpu_is_out_of_memory) {
    cuda_double.capacity = 3 << 20;
    kd_device *device = must_open();
    void *memory = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(table->allocate(device, 4 << 20, &memory, &err));
    cr_expect_eq(err.code, KD_E_MEMORY);
    cr_expect_str_eq(err.message, "the GPU has 3.0 of 3.0 MiB free, and 4.0 are wanted");
    cr_assert(table->allocate(device, 2 << 20, &memory, &err), "%s", err.message);
    table->release(device, memory);
    table->close(device);
    cr_expect_eq(cuda_double.live, 0);
}

TEST(cuda_double, describes_itself) {
    kd_device *device = must_open();
    cr_expect(strstr(table->describe(device), "double of a GPU, driver for CUDA "));
    cr_expect(strstr(table->describe(device), ", cuDNN 9."));
    table->close(device);
}

/* ---- Every call may fail. ---- */

static const kd_kernel *kernel_of(const char *op) {
    for (uint32_t i = 0; i < table->n_kernels; i++) {
        const kd_kernel *k = (const kd_kernel *)(const void *)((const char *)table->kernels +
                                                               (size_t)i * table->kernel_stride);
        if (strcmp(k->op, op) == 0) {
            return k;
        }
    }
    cr_fatal("no kernel for %s", op);
}

/* A node of each library, in both types. */
static const int32_t types[] = {KD_F32, KD_BF16};

static kd_node product_of(kd_spec specs[3], int32_t type) {
    specs[0] = (kd_spec){type, 2, {3, 5}};
    specs[1] = (kd_spec){type, 2, {5, 4}};
    specs[2] = (kd_spec){type, 2, {3, 4}};
    return (kd_node){.size = sizeof(kd_node),
                     .n_inputs = 2,
                     .n_outputs = 1,
                     .op = "matmul",
                     .path = "here",
                     .inputs = specs,
                     .outputs = specs + 2};
}

static kd_node weight_grad_of(kd_spec specs[3], int32_t type) {
    specs[0] = (kd_spec){type, 4, {2, 3, 3, 2}};
    specs[1] = (kd_spec){type, 4, {2, 3, 3, 4}};
    specs[2] = (kd_spec){KD_F32, 4, {4, 1, 1, 2}};
    return (kd_node){.size = sizeof(kd_node),
                     .n_inputs = 2,
                     .n_outputs = 1,
                     .op = "conv2d_weight_grad",
                     .path = "here",
                     .inputs = specs,
                     .outputs = specs + 2};
}

/* Prepares and runs a node with fresh memory, plain and captured. Gives everything back. */
static bool run_node(kd_device *device, const kd_node *node, kd_error *err) {
    const kd_kernel *kernel = kernel_of(node->op);
    void *state = NULL, *memory = NULL, *recording = NULL;
    size_t scratch = 0;
    if (!kernel->prepare(device, node, &state, &scratch, err)) {
        return false;
    }
    bool ok = table->allocate(device, 4 * 1024 + scratch, &memory, err);
    if (ok) {
        char *at = memory;
        void *in[] = {at, at + 1024}, *out[] = {at + 2048};
        char bytes[1024] = {0};
        table->upload(device, at, bytes, sizeof bytes);
        kernel->run(device, node, state, in, out, at + 4096);
        ok = table->wait(device, err) && table->capture_begin(device, err);
        if (ok) {
            kernel->run(device, node, state, in, out, at + 4096);
            ok = table->capture_end(device, &recording, err);
        }
        if (ok) {
            table->launch(device, recording);
            ok = table->wait(device, err);
            table->capture_release(device, recording);
        }
        table->download(device, bytes, at + 2048, sizeof bytes);
        ok = table->wait(device, ok ? err : &(kd_error)KD_ERROR_INIT) && ok;
        table->release(device, memory);
    }
    kernel->release(device, state);
    return ok;
}

static bool session(kd_error *err) {
    kd_device *device = NULL;
    if (!table->open(&defaults, NULL, &device, err)) {
        return false;
    }
    bool ok = true;
    for (int i = 0; i < 4 && ok; i++) {
        kd_spec specs[3];
        const kd_node node =
            i < 2 ? product_of(specs, types[i % 2]) : weight_grad_of(specs, types[i % 2]);
        ok = run_node(device, &node, err);
    }
    table->close(device);
    return ok;
}

/* An engine that fails may have another in its place, and closing cannot fail: of those two, and of
 * those alone, nobody hears. */
TEST(cuda_double, survives_the_failure_of_any_call) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(session(&err), "%s", err.message);
    cr_expect_eq(cuda_double.live, 0);
    const int64_t calls = cuda_double.calls;
    int heard = 0;
    cr_assert_gt(calls, 300);
    for (int64_t n = 1; n <= calls; n++) {
        cuda_double.calls = cuda_double.failed = 0;
        cuda_double.fail_at = n;
        err = (kd_error)KD_ERROR_INIT;
        const bool ok = session(&err);
        heard += !ok;
        cr_expect(ok || err.message[0], "call %lld fails without a word", (long long)n);
        cr_expect_eq(cuda_double.live, 0, "call %lld fails and leaks", (long long)n);
    }
    cr_expect_gt(heard, (int)(calls / 3), "%d of %lld", heard, (long long)calls);
}

/* ---- Uploads. ---- */

/* More than the pinned memory holds, in pieces of all sizes, from memory that is overwritten as
 * soon as upload returns, with the copies done as late as can be. */
TEST(cuda_double, uploads_are_in_order_and_whole) {
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

TEST(cuda_double, memory_is_zero_at_first) {
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

TEST(cuda_double, takes_deterministic_engines_only_unless_told) {
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    const kd_node node = weight_grad_of(specs, KD_F32);
    kd_device *device = must_open();
    cr_expect(run_node(device, &node, &err), "%s", err.message);
    table->close(device);
    cr_assert(table->open(&(config){.deterministic = false}, NULL, &device, &err));
    /* The double complains when the other one is executed. */
    cr_expect_not(run_node(device, &node, &err));
    table->close(device);
    cr_expect(strstr(cuda_double.why, "engine 0"), "%s", cuda_double.why);
    cuda_double.why[0] = 0;
}
