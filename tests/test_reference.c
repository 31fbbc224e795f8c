/* SPDX-License-Identifier: Apache-2.0
 * What the reference device does beside computing: refusals, failures, memory. */
#include "harness.h"
#include "leaks.h"

#include <kindred/ops.h>

static int opened; /* of the running test: each has a process of its own */
static check_device devices[TEST_MAX_DEVICES];

static const check_device *open_reference(void) {
    opened = test_devices_open(devices);
    const check_device *d = test_device_find(devices, opened, "reference");
    cr_assert(d);
    return d;
}

TEST(reference, refuses_bf16_by_name) {
    const check_device *d = open_reference();
    eager *e = eager_create(d, KD_F32, KD_BF16);
    kd_tensor *x = eager_tensor(e, (kd_spec){.dtype = KD_COMPUTE, .rank = 1, .dim = {3}}, NULL);
    const char *why;
    kd_relu(x);
    cr_expect_eq(eager_status(e, &why), EAGER_UNSUPPORTED);
    cr_expect_str_eq(why, "relu: test: the reference device has no relu of bf16");
    eager_destroy(e);
    test_devices_close(devices, opened);
}

TEST(reference, reports_an_index_outside_at_wait) {
    const check_device *d = open_reference();
    eager *e = eager_create(d, KD_F32, KD_F32);
    const double bad[] = {0, 4};
    kd_tensor *x = eager_tensor(e, (kd_spec){.rank = 2, .dim = {4, 2}}, NULL);
    kd_tensor *i = eager_tensor(e, (kd_spec){.dtype = KD_I32, .rank = 1, .dim = {2}}, bad);
    const char *why;
    kd_gather(x, i);
    cr_expect_eq(eager_status(e, &why), EAGER_WRONG);
    cr_expect_str_eq(why, "gather: test: gather: index 4 (at 1) is outside of 4 rows");
    eager_destroy(e);

    kd_error err = KD_ERROR_INIT;
    cr_expect(d->table->wait(d->handle, &err), "a failure is reported once");
    test_devices_close(devices, opened);
}

TEST(reference, compares_whole_numbers_exactly) {
    const check_device *d = open_reference();
    const int64_t a = (1ll << 53) + 1, b = 1ll << 53;
    const kd_spec in[] = {{.dtype = KD_I64, .rank = 0}, {.dtype = KD_I64, .rank = 0}};
    const kd_spec out = {.dtype = KD_U8, .rank = 0};
    static const char *const ops[] = {"equal", "greater"};
    for (int i = 0; i < 2; i++) {
        const kd_node node = {.size = sizeof node,
                              .n_inputs = 2,
                              .n_outputs = 1,
                              .op = ops[i],
                              .path = "test",
                              .inputs = in,
                              .outputs = &out};
        uint8_t holds = 9;
        const void *const from[] = {&a, &b};
        check_kernel(d, ops[i])->run(d->handle, &node, NULL, (void *const *)from,
                                     (void *[]){&holds}, NULL);
        cr_expect_eq(holds, i, "%s", ops[i]);
    }
    test_devices_close(devices, opened);
}

TEST(reference, gives_zeroed_aligned_memory) {
    const check_device *d = open_reference();
    static const size_t sizes[] = {0, 1, 63, 64, 65, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        kd_error err = KD_ERROR_INIT;
        void *memory = NULL;
        cr_assert(d->table->allocate(d->handle, sizes[i], &memory, &err), "%s", err.message);
        cr_expect_eq((uintptr_t)memory % d->table->alignment, 0u);
        const unsigned char *bytes = memory;
        for (size_t k = 0; k < sizes[i]; k++) {
            cr_assert_eq(bytes[k], 0);
        }
        d->table->release(d->handle, memory);
    }
    test_devices_close(devices, opened);
}

TEST(reference, says_when_memory_is_out) {
    const check_device *d = open_reference();
    kd_error err = KD_ERROR_INIT;
    void *memory = &err;
    cr_expect_not(d->table->allocate(d->handle, SIZE_MAX - 5, &memory, &err));
    cr_expect_eq(err.code, KD_E_MEMORY);
    cr_expect_eq(memory, &err, "left alone");
    test_devices_close(devices, opened);
}
