/* SPDX-License-Identifier: Apache-2.0
 * The kernels of the reference device, by the file that holds them; device.c lists them by op. */
#ifndef REFERENCE_KERNELS_H
#define REFERENCE_KERNELS_H

#include <kindred/device_extensions.h>

/* What a set of types is made of: bit 1u << dtype. */
#define FLOATS (1u << KD_F32 | 1u << KD_F64)
#define INTEGERS (1u << KD_I32 | 1u << KD_I64 | 1u << KD_U8)

/* [prepare] fails when an input or an output has another type. */
static inline bool accept_types(const kd_node *node, uint32_t types, kd_error *err) {
    return kd_accept_types("reference", node, types, err);
}

/* [run] Records a failure, which surfaces in wait; the first one counts. */
__attribute__((format(printf, 2, 3))) void device_fail(kd_device *device, const char *format, ...);

typedef bool prepare_function(kd_device *device, const kd_node *node, void **ret_state,
                              size_t *ret_scratch, kd_error *err);
typedef void run_function(kd_device *device, const kd_node *node, void *state, void *const *in,
                          void *const *out, void *scratch);

/* Accepts f32 and f64. */
prepare_function prepare_floats;

/* elementwise.c */
prepare_function prepare_unary, prepare_binary, prepare_compare, prepare_cast;
run_function run_unary, run_binary, run_compare, run_affine, run_where, run_cast, run_cast_all,
    run_copy, run_gelu_grad;

/* source.c */
prepare_function prepare_random;
run_function run_fill, run_constant, run_range, run_random;

/* attention.c */
prepare_function prepare_layer_norm_grad, prepare_attention, prepare_attention_grad;
run_function run_layer_norm, run_layer_norm_grad, run_attention, run_attention_grad;

/* shape.c */
prepare_function prepare_scatter_add;
run_function run_transpose, run_broadcast, run_slice, run_pad, run_concat, run_gather,
    run_scatter_add, run_scatter_rows;

/* reduce.c */
prepare_function prepare_reduce, prepare_ranking;
run_function run_reduce, run_argmax, run_top_k, run_softmax, run_log_softmax;

/* cross_entropy.c */
prepare_function prepare_cross_entropy;
run_function run_cross_entropy, run_cross_entropy_grad;

/* contract.c */
prepare_function prepare_matmul;
run_function run_matmul;

/* convolve.c */
prepare_function prepare_conv2d, prepare_conv2d_input_grad, prepare_conv2d_weight_grad;
run_function run_conv2d, run_conv2d_input_grad, run_conv2d_weight_grad;

/* pool.c */
prepare_function prepare_max_pool2d;
run_function run_max_pool2d, run_max_pool2d_grad;

/* norm.c */
run_function run_batch_norm, run_batch_norm_inference;
run_function run_batch_norm_grad, run_batch_norm_grad_from_x;

/* update.c */
run_function run_sgd, run_lars, run_adamw;

/* average.c */
run_function run_average, run_unit_rows, run_segment_norms;

#endif
