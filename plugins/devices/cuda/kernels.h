/* SPDX-License-Identifier: Apache-2.0
 * The kernels of the cuda device, by family. Each list ends with an entry without an op.
 *
 * A file of kernels defines its family at its end:
 *     extern "C" const kd_kernel cuda_shape[] = {
 *         {sizeof(kd_kernel), 0, "copy", NULL, run_copy, NULL},
 *         {0},
 *     }; */
#ifndef CUDA_KERNELS_H
#define CUDA_KERNELS_H

#include "device.h"

/* Own kernels: .cu files, which tests build for the CPU too. A new family is named here, and its
 * file in meson.build. */
/* clang-format off */
#define OWN_FAMILIES(X)                                                                            \
    X(cuda_attention) X(cuda_attention_grad) X(cuda_augment) X(cuda_average) X(cuda_casts)         \
    X(cuda_cross_entropy) X(cuda_elementwise) X(cuda_gather) X(cuda_layer_norm)                    \
    X(cuda_norm) X(cuda_norm_grad) X(cuda_pad) X(cuda_pool) X(cuda_ranking) X(cuda_reduce)         \
    X(cuda_scatter) X(cuda_shape) X(cuda_softmax) X(cuda_source) X(cuda_update) X(cuda_where)
/* clang-format on */

/* Kernels of vendors' libraries. */
#define LIBRARY_FAMILIES(X) X(cuda_convolution) X(cuda_matmul)

#ifdef __cplusplus
extern "C" {
#endif

#define KERNEL_FAMILY(name) extern const kd_kernel name[];
OWN_FAMILIES(KERNEL_FAMILY)
LIBRARY_FAMILIES(KERNEL_FAMILY)
#undef KERNEL_FAMILY

#ifdef __cplusplus
}
#endif

#endif
