/* SPDX-License-Identifier: Apache-2.0
 * The graphs of convolutions, apart from the device that runs them: tests build them for devices
 * that are only described. */
#ifndef CUDA_CONVOLUTION_H
#define CUDA_CONVOLUTION_H

#include "plan.h"

plan_builder build_conv2d, build_conv2d_input_grad, build_conv2d_weight_grad;

#endif
