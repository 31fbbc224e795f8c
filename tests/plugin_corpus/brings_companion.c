/* SPDX-License-Identifier: Apache-2.0
 * The companion of brings_op_companion for the device "fake", whose kernel is for another one; with
 * BRINGS_CRASH one that crashes before anything of it is asked for. */
#include <kindred/custom_ops.h>

#ifdef BRINGS_CRASH
#include <stdlib.h>

__attribute__((constructor)) static void crash(void) {
    abort();
}
#endif

static void run(const kd_kernel_host *host, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch) {
    (void)host, (void)node, (void)state, (void)inputs, (void)outputs, (void)scratch;
}

static const kd_op_kernel kernels[] = {
    {sizeof(kd_op_kernel), 0, "cubes::cube", "host", NULL, run, NULL}};

KD_COMPANION(kernels)
