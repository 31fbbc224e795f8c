/* SPDX-License-Identifier: Apache-2.0
 * A companion of brings_ops.c whose kernel is for COMPANION_DEVICE, which need not be the device
 * that its file is named for; with BRINGS_CRASH one that crashes before anything of it is asked
 * for.
 */
#include <kindred/custom_ops.h>

#ifdef BRINGS_CRASH
#include <stdlib.h>

__attribute__((constructor)) static void crash(void) {
    abort();
}
#endif

/* What a version script should hide. */
KD_EXPORT const char *helps_kernels(void);
const char *helps_kernels(void) {
    return COMPANION_DEVICE;
}

static void run(const kd_kernel_host *host, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch) {
    (void)host, (void)node, (void)state, (void)inputs, (void)outputs, (void)scratch;
}

static const kd_op_kernel kernels[] = {
    {sizeof(kd_op_kernel), 0, "cubes::cube", COMPANION_DEVICE, NULL, run, NULL}};

KD_COMPANION(kernels)
