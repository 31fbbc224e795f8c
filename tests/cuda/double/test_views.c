/* SPDX-License-Identifier: Apache-2.0
 * Preparing views where CUDA refuses. */
#include "test_double.h"

#include <kindred/augment.h>

#include <cuda_runtime_api.h>

static const kd_spec inputs[] = {{KD_U8, 1, {64}}, {KD_I64, 2, {2, 4}}, {KD_I64, 1, {2}}};
static const kd_spec output = {KD_F32, 4, {2, 8, 8, 3}};
static const int64_t ops[] = {KD_AUGMENT_RESIZE, KD_AUGMENT_BLUR};
static const double arguments[2][KD_AUGMENT_ARGS] = {{1}, {0.5, 0, 0.1, 2}};
static bool prepare(kd_device *device, kd_error *err) {
    const kd_attr attrs[] = {KD_I("view", 0), KD_I("size", 8), KD_I("channels", 3),
                             KD_IS("ops", ops, 2), KD_FS("args", arguments[0], 16)};
    const kd_node node = {.size = sizeof node,
                          .n_inputs = 3,
                          .n_outputs = 1,
                          .n_attrs = 5,
                          .op = "augment",
                          .path = "views",
                          .inputs = inputs,
                          .outputs = &output,
                          .attrs = attrs};
    const kd_kernel *k = table->kernels;
    while (strcmp(k->op, "augment") != 0) {
        k++;
    }
    void *state = NULL;
    size_t scratch = 0;
    const bool ok = k->prepare(device, &node, &state, &scratch, err);
    if (ok) {
        k->release(device, state);
    }
    return ok;
}

/* CUDA keeps its last error: the next launch would be blamed for it. Of an upload that fails the
 * device's next wait tells. */
DOUBLE_TEST(views_that_cannot_be_prepared_leave_no_error) {
    static const char *const wanted[] = {"cudaDeviceGetAttribute", "cudaFuncSetAttribute"};
    kd_device *device = must_open();
    const int64_t before = cuda_double.calls, live = cuda_double.live;
    kd_error err = KD_ERROR_INIT;
    cr_assert(prepare(device, &err), "%s", err.message);
    const int64_t calls = cuda_double.calls - before;
    int heard = 0;
    for (int64_t n = 1; n <= calls; n++) {
        cuda_double.fail_at = cuda_double.calls + n;
        err = (kd_error)KD_ERROR_INIT;
        const bool ok = prepare(device, &err);
        for (int i = 0; i < 2; i++) {
            if (!ok && strcmp(cuda_double.failed_call, wanted[i]) == 0) {
                heard++;
                cr_expect(strstr(err.message, "shared memory"), "%s", err.message);
            }
        }
        const cudaError_t left = cudaGetLastError();
        cr_expect(ok || left == cudaSuccess, "%s", cuda_double.failed_call);
        cr_expect_eq(cuda_double.live, live, "%s", cuda_double.failed_call);
    }
    cr_expect_eq(heard, 2);
    table->close(device);
}
