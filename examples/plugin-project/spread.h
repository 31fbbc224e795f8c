/* SPDX-License-Identifier: Apache-2.0
 * The op `spread`: z [n, d] -> [], the log of the mean of exp(-t |z_i - z_j|^2) over all i != j;
 * and `spread_grad`: dy [], y [], z -> dy d y / d z. Attribute t. spread.c has them, and kernels
 * for the host's memory; spread.cu has kernels for CUDA. */
#ifndef SPREAD_H
#define SPREAD_H

#include <kindred/custom_ops.h>

#define SPREAD "alignment_uniformity::spread"
#define SPREAD_GRAD "alignment_uniformity::spread_grad"
/* "reference": a plain loop. "host": on all threads. "cuda": where the build has a CUDA compiler.
 */
#ifdef WITH_CUDA
#define SPREAD_DEVICES "reference host cuda"
#else
#define SPREAD_DEVICES "reference host"
#endif

#ifndef __cplusplus
extern const kd_op spread_ops[2];
extern const kd_op_kernel spread_kernels[4];
extern const kd_op_case spread_cases[3];
#endif

#endif
