/* SPDX-License-Identifier: Apache-2.0
 * Convolutions: forward, gradient by the input, gradient by the weight, through cuDNN. Products are
 * summed in f32; images and weights lie as they are, channels last, in no other layout. The
 * gradient by a bf16 weight is rounded to bf16 once, after its sum, and widened: no engine does
 * without. */
#include "convolution.h"

#include "kernels.h"

/* The tensors of each of the three, by number: x, w and y are also their gradients. */
#define X 1
#define W 2
#define Y 3

/* cuDNN's order is n, c, h, w whatever the layout; a weight's is o, c, kh, kw. */
static descriptor tensor(dnn_build *b, int64_t number, const kd_spec *s, int32_t dtype) {
    const int64_t n = s->dim[0], h = s->dim[1], w = s->dim[2], c = s->dim[3];
    const int64_t dim[] = {n, c, h, w}, stride[] = {h * w * c, 1, w * c, c};
    return dnn_tensor(b, number, dnn_type(dtype), 4, dim, stride);
}

static descriptor geometry(dnn_build *b) {
    const int64_t stride = kd_attr_int(b->node, "stride", 1);
    const int64_t padding = kd_attr_int(b->node, "padding", 0);
    const int64_t strides[] = {stride, stride}, paddings[] = {padding, padding}, ones[] = {1, 1};
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    descriptor d = dnn_make(b, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    dnn_set_type(b, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    dnn_set(b, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    dnn_set_int(b, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
    dnn_set(b, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides);
    dnn_set(b, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, paddings);
    dnn_set(b, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, paddings);
    dnn_set(b, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
    dnn_finalize(b, d);
    return d;
}

/* What cuDNN calls the parts of one of the three operations. */
typedef struct names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t geometry, x, w, y, alpha, beta;
} names;

static const names forward = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
};

static const names input_grad = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
};

static const names weight_grad = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
};

static bool build(dnn_build *b, plan *p, const names *n, const kd_spec *x, const kd_spec *w,
                  const kd_spec *y) {
    const float one = 1, zero = 0;
    const int32_t dtype = b->node->inputs[0].dtype;
    descriptor operation = dnn_make(b, n->type);
    dnn_set_descriptor(b, operation, n->geometry, geometry(b));
    dnn_set_descriptor(b, operation, n->x, tensor(b, X, x, dtype));
    dnn_set_descriptor(b, operation, n->w, tensor(b, W, w, dtype));
    dnn_set_descriptor(b, operation, n->y, tensor(b, Y, y, dtype));
    dnn_set(b, operation, n->alpha, CUDNN_TYPE_FLOAT, 1, &one);
    dnn_set(b, operation, n->beta, CUDNN_TYPE_FLOAT, 1, &zero);
    dnn_finalize(b, operation);
    return dnn_choose(b, &operation, 1, &p->dnn);
}

bool build_conv2d(dnn_build *b, plan *p) {
    const kd_node *node = b->node;
    plan_add_operand(p, X, AT_INPUT, 0, 0);
    plan_add_operand(p, W, AT_INPUT, 1, 0);
    plan_add_operand(p, Y, AT_OUTPUT, 0, 0);
    return build(b, p, &forward, &node->inputs[0], &node->inputs[1], &node->outputs[0]);
}

bool build_conv2d_input_grad(dnn_build *b, plan *p) {
    const kd_node *node = b->node;
    plan_add_operand(p, Y, AT_INPUT, 0, 0);
    plan_add_operand(p, W, AT_INPUT, 1, 0);
    plan_add_operand(p, X, AT_OUTPUT, 0, 0);
    return build(b, p, &input_grad, &node->outputs[0], &node->inputs[1], &node->inputs[0]);
}

bool build_conv2d_weight_grad(dnn_build *b, plan *p) {
    const kd_node *node = b->node;
    plan_add_operand(p, X, AT_INPUT, 0, 0);
    plan_add_operand(p, Y, AT_INPUT, 1, 0);
    if (node->inputs[0].dtype == KD_BF16) {
        plan_widen_output(p, W, &node->outputs[0]);
    } else {
        plan_add_operand(p, W, AT_OUTPUT, 0, 0);
    }
    return build(b, p, &weight_grad, &node->inputs[0], &node->outputs[0], &node->inputs[1]);
}

/* Both operands of one type, the output of `y`. */
static bool accept(const kd_node *node, int32_t y, kd_error *err) {
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    return (node->inputs[1].dtype == node->inputs[0].dtype && node->outputs[0].dtype == y) ||
           refuse(node, "types differ", err);
}

static bool prepare_conv2d(kd_device *device, const kd_node *node, void **ret_state,
                           size_t *ret_scratch, kd_error *err) {
    return accept(node, node->inputs[0].dtype, err) &&
           plan_open(device, node, build_conv2d, ret_state, ret_scratch, err);
}

static bool prepare_conv2d_input_grad(kd_device *device, const kd_node *node, void **ret_state,
                                      size_t *ret_scratch, kd_error *err) {
    return accept(node, node->inputs[0].dtype, err) &&
           plan_open(device, node, build_conv2d_input_grad, ret_state, ret_scratch, err);
}

static bool prepare_conv2d_weight_grad(kd_device *device, const kd_node *node, void **ret_state,
                                       size_t *ret_scratch, kd_error *err) {
    return accept(node, KD_F32, err) &&
           plan_open(device, node, build_conv2d_weight_grad, ret_state, ret_scratch, err);
}

#define SIZE .size = sizeof(kd_kernel)

const kd_kernel cuda_convolution[] = {
    {SIZE, 0, "conv2d", prepare_conv2d, plan_run, plan_release},
    {SIZE, 0, "conv2d_input_grad", prepare_conv2d_input_grad, plan_run, plan_release},
    {SIZE, 0, "conv2d_weight_grad", prepare_conv2d_weight_grad, plan_run, plan_release},
    {0},
};
