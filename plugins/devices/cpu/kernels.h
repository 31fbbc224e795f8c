/* SPDX-License-Identifier: Apache-2.0
 * The kernels of the cpu device, by the file that holds them; device.c lists them by op. */
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

#include "device.h"

typedef bool prepare_function(kd_device *device, const kd_node *node, void **ret_state,
                              size_t *ret_scratch, kd_error *err);
typedef void run_function(kd_device *device, const kd_node *node, void *state, void *const *in,
                          void *const *out, void *scratch);
typedef void release_function(kd_device *device, void *state);

/* Frees what state_create made. */
release_function release_state;

/* elementwise.c */
prepare_function prepare_elementwise, prepare_cast;
run_function run_elementwise, run_cast, run_cast_all;

/* source.c */
prepare_function prepare_constant, prepare_random;
run_function run_fill, run_constant, run_range, run_random;

/* layer_norm.c */
prepare_function prepare_layer_norm, prepare_layer_norm_grad;
run_function run_layer_norm, run_layer_norm_grad;

/* attention.c */
prepare_function prepare_attention, prepare_attention_grad;
run_function run_attention, run_attention_grad;

/* shape.c */
prepare_function prepare_any;
run_function run_copy, run_transpose, run_slice, run_pad, run_concat;

/* gather.c */
prepare_function prepare_scatter_add;
run_function run_gather, run_scatter_add, run_scatter_rows;

/* reduce.c */
prepare_function prepare_reduce;
run_function run_reduce;

/* rows.c */
prepare_function prepare_argmax, prepare_top_k, prepare_softmax;
run_function run_argmax, run_top_k, run_softmax, run_log_softmax;

/* cross_entropy.c */
prepare_function prepare_cross_entropy;
run_function run_cross_entropy, run_cross_entropy_grad;

/* contract.c */
prepare_function prepare_matmul;

/* convolution.c */
prepare_function prepare_conv2d, prepare_conv2d_input_grad, prepare_conv2d_weight_grad;

/* onednn.c: of all kernels whose state is a plan */
run_function plan_run;
release_function plan_release;

/* pool.c */
prepare_function prepare_max_pool2d;
run_function run_max_pool2d, run_max_pool2d_grad;

/* norm.c, norm_grad.c */
prepare_function prepare_batch_norm, prepare_batch_norm_inference;
prepare_function prepare_batch_norm_grad, prepare_batch_norm_grad_from_x;
run_function run_batch_norm, run_batch_norm_inference;
run_function run_batch_norm_grad, run_batch_norm_grad_from_x;

/* update.c */
prepare_function prepare_update;
run_function run_sgd, run_lars, run_adamw;

/* average.c */
prepare_function prepare_segments;
run_function run_average, run_unit_rows, run_segment_norms;

#endif
