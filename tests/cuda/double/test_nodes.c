/* SPDX-License-Identifier: Apache-2.0
 * Nodes of both libraries over their double: every call may fail, nothing leaks, and no sum is
 * wrong. */
#include "backend.h"
#include "test_double.h"
#include "test_node.h"

/* A node of each library, in both types. */
static const int32_t types[] = {KD_F32, KD_BF16};

static kd_node product_of(kd_spec specs[3], int32_t type) {
    specs[0] = (kd_spec){type, 2, {3, 5}};
    specs[1] = (kd_spec){type, 2, {5, 4}};
    specs[2] = (kd_spec){type, 2, {3, 4}};
    return node_of("matmul", "here", specs);
}

static kd_node weight_grad_of(kd_spec specs[3], int32_t type) {
    specs[0] = (kd_spec){type, 4, {2, 3, 3, 2}};
    specs[1] = (kd_spec){type, 4, {2, 3, 3, 4}};
    specs[2] = (kd_spec){KD_F32, 4, {4, 1, 1, 2}};
    return node_of("conv2d_weight_grad", "here", specs);
}

#define SLOT 1024 /* bytes of each operand */

/* Operands of ones, and an output of nothing that is a number. */
static void fill(kd_device *device, const kd_node *node, char *at) {
    char bytes[3 * SLOT];
    const bool half = node->inputs[0].dtype == KD_BF16;
    for (int64_t i = 0; i < 2 * SLOT / (half ? 2 : 4); i++) {
        double_put(bytes, half, i, 1);
    }
    memset(bytes + 2 * SLOT, 0xff, SLOT);
    table->upload(device, at, bytes, sizeof bytes);
}

/* Every number of the output is a sum of ones: so many. */
static bool has_sums(kd_device *device, const kd_node *node, const char *output, kd_error *err) {
    const kd_spec *a = &node->inputs[0], *y = &node->outputs[0];
    const int64_t wanted = a->rank == 2 ? a->dim[1] : a->dim[0] * a->dim[1] * a->dim[2];
    char bytes[SLOT];
    table->download(device, bytes, output, sizeof bytes);
    if (!table->wait(device, err)) {
        return false;
    }
    for (int64_t i = 0; i < kd_elements(y); i++) {
        const double got = double_get(bytes, y->dtype == KD_BF16, i);
        cr_assert_float_eq(got, (double)wanted, 0, "%s of type %d: %g, call %lld fails", node->op,
                           a->dtype, got, (long long)cuda_double.fail_at);
    }
    return true;
}

static bool run_captured(kd_device *device, const kd_node *node, const kd_kernel *kernel,
                         void *state, char *at, kd_error *err) {
    void *in[] = {at, at + SLOT}, *out[] = {at + 2 * SLOT}, *recording = NULL;
    if (!table->capture_begin(device, err)) {
        return false;
    }
    kernel->run(device, node, state, in, out, at + 3 * SLOT);
    if (!table->capture_end(device, &recording, err)) {
        return false;
    }
    table->launch(device, recording);
    const bool ok = table->wait(device, err);
    table->capture_release(device, recording);
    return ok;
}

static bool run_plain_and_captured(kd_device *device, const kd_node *node, const kd_kernel *kernel,
                                   void *state, char *at, kd_error *err) {
    void *in[] = {at, at + SLOT}, *out[] = {at + 2 * SLOT};
    fill(device, node, at);
    kernel->run(device, node, state, in, out, at + 3 * SLOT);
    if (!table->wait(device, err) || !has_sums(device, node, out[0], err)) {
        return false;
    }
    fill(device, node, at);
    return run_captured(device, node, kernel, state, at, err) &&
           has_sums(device, node, out[0], err);
}

/* Prepares and runs a node with fresh memory, plain and captured, its operands so many bytes behind
 * where memory begins. Gives everything back. */
static bool run_node_at(kd_device *device, const kd_node *node, size_t offset, kd_error *err) {
    const kd_kernel *kernel = kernel_of(node->op);
    void *state = NULL, *memory = NULL;
    size_t scratch = 0;
    if (!kernel->prepare(device, node, &state, &scratch, err)) {
        return false;
    }
    bool ok = table->allocate(device, offset + 3 * SLOT + scratch, &memory, err);
    if (ok) {
        ok = run_plain_and_captured(device, node, kernel, state, (char *)memory + offset, err);
        table->release(device, memory);
    }
    kernel->release(device, state);
    return ok;
}

static bool run_node(kd_device *device, const kd_node *node, kd_error *err) {
    return run_node_at(device, node, 0, err);
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

/* Of these alone nobody need hear: an engine that cannot be asked or built has another in its
 * place, and what gives things back cannot fail. The sums are checked all the same. */
static bool may_be_quiet(const char *call) {
    static const char *const calls[] = {
        "cudnnBackendCreateDescriptor", "cudnnBackendSetAttribute", "cudnnBackendGetAttribute",
        "cudnnBackendFinalize",         "cudaStreamSynchronize",    "cudaMemGetInfo",
    };
    bool ret = false;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ret = ret || strcmp(calls[i], call) == 0;
    }
    return ret;
}

DOUBLE_TEST(survives_the_failure_of_any_call) {
    kd_error err = KD_ERROR_INIT;
    cuda_double.capacity = 64 << 20; /* the greedy engine may be the one that is left */
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
        cr_expect_eq(cuda_double.failed, 1, "call %lld of %lld", (long long)n, (long long)calls);
        cr_expect(ok ? may_be_quiet(cuda_double.failed_call) : err.message[0],
                  "%s, call %lld, fails without a word", cuda_double.failed_call, (long long)n);
        cr_expect_eq(cuda_double.live, 0, "%s, call %lld, fails and leaks", cuda_double.failed_call,
                     (long long)n);
    }
    cr_expect_gt(heard, (int)(calls / 3), "%d of %lld", heard, (long long)calls);
}

/* Variables lie in regions, at multiples of 64 bytes; cuBLASLt expects 256 unless told. */
DOUBLE_TEST(operands_may_be_variables) {
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    for (int i = 0; i < 4; i++) {
        kd_spec specs[3];
        const kd_node node =
            i < 2 ? product_of(specs, types[i % 2]) : weight_grad_of(specs, types[i % 2]);
        cr_expect(run_node_at(device, &node, 64, &err), "%s: %s", node.op, err.message);
    }
    table->close(device);
}

/* cuBLAS may lose what a split leaves of a depth that blocks do not divide; the double does. */
DOUBLE_TEST(sums_of_any_depth_are_whole) {
    static const int64_t depths[] = {1, 127, 128, 129, 130, 250};
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        const kd_spec specs[] = {
            {KD_F32, 2, {1, depths[i]}}, {KD_F32, 2, {depths[i], 1}}, {KD_F32, 2, {1, 1}}};
        const kd_node node = node_of("matmul", "here", specs);
        cr_expect(run_node(device, &node, &err), "%s", err.message);
    }
    table->close(device);
}

/* Each device has a stream, where own kernels go too: bf16's gradient is widened by one. */
DOUBLE_TEST(two_devices_work_apart) {
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    const kd_node node = weight_grad_of(specs, KD_BF16);
    kd_device *first = must_open(), *second = must_open();
    cr_expect(run_node(second, &node, &err), "%s", err.message);
    cr_expect(run_node(first, &node, &err), "%s", err.message);
    table->close(first);
    cr_expect(run_node(second, &node, &err), "%s", err.message);
    table->close(second);
}

/* CUDA keeps its last error: the next launch would be blamed for it. */
DOUBLE_TEST(hears_of_a_failure_once) {
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    void *memory = NULL;
    const kd_node node = weight_grad_of(specs, KD_BF16);
    kd_device *device = must_open();
    cr_assert(table->allocate(device, 4, &memory, &err), "%s", err.message);
    cuda_double.fail_at = cuda_double.calls + 1;
    table->upload(device, memory, "abc", 4);
    cr_expect_not(table->wait(device, &err));
    cr_expect_str_eq(err.message, "upload: as the test wants (cudaErrorOfTheDouble)");
    cr_expect(run_node(device, &node, &err), "%s", err.message);
    table->release(device, memory);
    table->close(device);
}

DOUBLE_TEST(takes_deterministic_engines_only_unless_told) {
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

/* Bytes of workspace that the engine wants which is chosen for a gradient by a weight. */
static size_t workspace_of(kd_device *device, int32_t type) {
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    const kd_node node = weight_grad_of(specs, type);
    void *state = NULL;
    size_t scratch = 0;
    cr_assert(kernel_of(node.op)->prepare(device, &node, &state, &scratch, &err), "%s",
              err.message);
    kernel_of(node.op)->release(device, state);
    return type == KD_F32 ? scratch : scratch - 256; /* bf16 is widened behind it */
}

#define WORKSPACE_OF(engine) ((size_t)((engine) + 1) * BACKEND_WORKSPACE)

/* A number that TF32 rounds to 1, summed so often as the product is deep. */
static double sum_of(kd_device *device, float number) {
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    const kd_node node = product_of(specs, KD_F32);
    const kd_kernel *kernel = kernel_of(node.op);
    void *state = NULL, *memory = NULL;
    size_t scratch = 0;
    cr_assert(kernel->prepare(device, &node, &state, &scratch, &err), "%s", err.message);
    cr_assert(table->allocate(device, 3 * SLOT + scratch, &memory, &err), "%s", err.message);
    char *at = memory;
    fill(device, &node, at);
    float all[SLOT / 4];
    for (int i = 0; i < SLOT / 4; i++) {
        all[i] = number;
    }
    table->upload(device, at, all, SLOT);
    void *in[] = {at, at + SLOT}, *out[] = {at + 2 * SLOT};
    kernel->run(device, &node, state, in, out, at + 3 * SLOT);
    table->download(device, all, out[0], SLOT);
    cr_assert(table->wait(device, &err), "%s", err.message);
    table->release(device, memory);
    kernel->release(device, state);
    return (double)all[0];
}

DOUBLE_TEST(factors_are_rounded_to_tf32_if_told) {
    const config fast = {.deterministic = true, .tf32 = true};
    const float number = 1 + 0x1p-12f;
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    cr_expect_float_eq(sum_of(device, number), 5 * (1 + 0x1p-12), 0);
    table->close(device);
    cr_assert(table->open(&fast, NULL, &device, &err), "%s", err.message);
    cr_expect_float_eq(sum_of(device, number), 5, 0);
    table->close(device);
}

/* Of those that are offered first some round, sum narrowly or transform; f32 is not multiplied on
 * tensor cores either, which round it. */
DOUBLE_TEST(f32_is_not_convolved_by_winograd_unless_told) {
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    cr_expect_eq(workspace_of(device, KD_F32), WORKSPACE_OF(ENGINE_PLAIN));
    cr_expect_eq(workspace_of(device, KD_BF16), WORKSPACE_OF(ENGINE_WINOGRAD));
    table->close(device);
    const config fast = {.deterministic = true, .tf32 = true};
    cr_assert(table->open(&fast, NULL, &device, &err), "%s", err.message);
    cr_expect_eq(workspace_of(device, KD_F32), WORKSPACE_OF(ENGINE_WINOGRAD));
    table->close(device);
}

DOUBLE_TEST(large_workspaces_are_for_want_of_others) {
    cuda_double.capacity = 64 << 20;
    kd_device *device = must_open();
    cr_expect_leq(workspace_of(device, KD_F32), cuda_double.capacity / 16);
    cuda_double.greedy = true;
    cr_expect_eq(workspace_of(device, KD_F32), cuda_double.capacity / 8);
    table->close(device);
}

static char logged[512];

static void log_here(const kd_host *host, int32_t level, const char *text, size_t length) {
    (void)host;
    cr_expect_eq(level, KD_LOG_WARN);
    snprintf(logged, sizeof logged, "%.*s", (int)length, text);
}

DOUBLE_TEST(warns_of_an_engine_of_last_resort) {
    static const kd_host host = {.size = sizeof host, .log = log_here};
    const config any = {.deterministic = false};
    kd_error err = KD_ERROR_INIT;
    kd_device *device = NULL;
    cr_assert(table->open(&any, &host, &device, &err), "%s", err.message);
    workspace_of(device, KD_F32);
    cr_expect_str_empty(logged);
    cuda_double.speechless = true;
    workspace_of(device, KD_F32);
    cr_expect_str_eq(logged, "here: conv2d_weight_grad: cuDNN has nothing but engine 0 for it, its "
                             "last resort, which may be slow");
    table->close(device);
}
