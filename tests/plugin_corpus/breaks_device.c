/* SPDX-License-Identifier: Apache-2.0
 * The device of `kindred plugin new`, with a kernel or a memory that breaks a rule. */
#include <kindred/device.h>

#undef KD_DEVICE
#define KD_DEVICE(...)
#include "../../share/templates/device/my_plugin.c"

#ifdef BREAKS_KERNEL
static void run_badly(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                      void *const *outputs, void *scratch) {
    run_relu(device, node, state, inputs, outputs, scratch);
    ((float *)outputs[0])[0] += 1;
}
#define RELU run_badly
#else
#define RELU run_relu
#endif

static bool allocate_badly(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    const bool ok = allocate(device, bytes, ret, err);
#ifdef BREAKS_ZEROS
    if (ok && bytes > 0) {
        memset(*ret, 1, 1);
    }
#endif
    return ok;
}

static const kd_kernel other_kernels[] = {
    {sizeof(kd_kernel), 0, "relu", prepare_same, RELU, NULL},
    {sizeof(kd_kernel), OVER(0) | OVER(1), "add", prepare_same, run_add, NULL},
    {sizeof(kd_kernel), 0, "matmul", prepare_matmul, run_matmul, NULL},
};

KD_ENTRY(KD_KIND_DEVICE, kd_device_plugin, .flags = KD_DEVICE_HOST_MEMORY, .open = open_device,
         .close = close_device, .describe = describe, .allocate = allocate_badly,
         .release = release, .upload = transfer, .download = transfer, .wait = wait_for_all,
         .alignment = ALIGNMENT, .n_kernels = sizeof other_kernels / sizeof other_kernels[0],
         .kernel_stride = sizeof other_kernels[0], .kernels = other_kernels)
