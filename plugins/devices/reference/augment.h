/* SPDX-License-Identifier: Apache-2.0
 * The kernel that makes views; kindred/augment.h defines it. */
#ifndef REFERENCE_AUGMENT_H
#define REFERENCE_AUGMENT_H

#include <kindred/device.h>

/* Computes in f32, with sums in double, and writes f32, f64 or bf16. Of narrow_augment too. */
extern const kd_kernel augment_kernel;

#endif
