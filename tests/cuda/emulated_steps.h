/* SPDX-License-Identifier: Apache-2.0
 * Own kernels of the cuda device that are no ops but steps of library calls: an extension that the
 * emulated device alone has, so that tests reach them. */
#ifndef TESTS_CUDA_EMULATED_STEPS_H
#define TESTS_CUDA_EMULATED_STEPS_H

#include <kindred/device.h>

#define EMULATED_STEPS "kindred.test.emulated_steps/1"
typedef struct emulated_steps {
    /* As widen.h and bias.h have them. */
    void (*widen)(kd_device *device, const void *from, void *to, int64_t count);
    void (*add_bias)(kd_device *device, void *y, const void *product, const void *bias,
                     const kd_spec *spec);
} emulated_steps;

#endif
