/* SPDX-License-Identifier: Apache-2.0
 * Convolutions: forward, gradient by the input, gradient by the weight.
 *
 * Three ways, of which the shape decides (measured on Zen 5; the share of the peak in brackets):
 *  DIRECT   oneDNN's convolution, images as they lie (nhwc), the weight reordered into the blocks
 *           that it prefers: most 3x3 kernels (80 to 100 %). Plain weights would fall to its slow
 *           reference.
 *  PATCHES  a matrix product with patches of x: 1x1 kernels, whose patches are x itself; strides on
 *           small maps, where DIRECT reaches 45 %; and whatever oneDNN has only a reference for.
 *  FULL     maps smaller than the kernel, where DIRECT multiplies mostly zeros: the weight is
 *           spread out and all of x times all of y is one product (2x2 maps, 3x3 kernels: less than
 *           half the multiplications). */
#include "contract.h"
#include "kernels.h"
#include "patches.h"

#define FORWARD 0
#define INPUT_GRAD 1
#define WEIGHT_GRAD 2

#define DIRECT 0
#define PATCHES 1
#define FULL 2

/* Weights so large that a product is at peak, in elements of [o, c]. */
#define LARGE_WEIGHT (1 << 17)

static geometry geometry_of(const kd_node *node, const kd_spec *x, const kd_spec *w,
                            const kd_spec *y) {
    return (geometry){.n = x->dim[0],
                      .h = x->dim[1],
                      .w = x->dim[2],
                      .c = x->dim[3],
                      .o = w->dim[0],
                      .kh = w->dim[1],
                      .kw = w->dim[2],
                      .oh = y->dim[1],
                      .ow = y->dim[2],
                      .stride = kd_attr_int(node, "stride", 1),
                      .padding = kd_attr_int(node, "padding", 0),
                      .type = x->dtype};
}

/* Patches of x are x. */
static bool is_pointwise(const geometry *g) {
    return g->kh == 1 && g->kw == 1 && g->stride == 1 && g->padding == 0;
}

static int choose(const geometry *g, int direction) {
    const bool half = g->type == KD_BF16, large = g->o * g->c >= LARGE_WEIGHT;
    const int64_t map = g->oh * g->ow;
    if (g->n * g->c * g->o * map == 0) {
        return PATCHES;
    }
    if (g->h * g->w < g->kh * g->kw && g->h * g->w * map <= 2 * g->kh * g->kw) {
        return FULL;
    }
    if (is_pointwise(g)) {
        return direction == WEIGHT_GRAD && !large ? DIRECT : PATCHES;
    }
    if (g->kh == 1 && g->kw == 1) {
        return direction != INPUT_GRAD && large ? PATCHES : DIRECT;
    }
    if (g->stride > 1 && map <= 4) {
        return direction == INPUT_GRAD && half ? DIRECT : PATCHES;
    }
    return direction == WEIGHT_GRAD && map <= 16 && (half || g->stride > 1) ? PATCHES : DIRECT;
}

/* Layouts of a convolution: images as they lie, weights as oneDNN likes them best. */
typedef struct layouts {
    layout x, y, w, dw;
    dnnl_dims_t strides, padding;
} layouts;

static layouts layouts_of(const geometry *g) {
    const int64_t w_dims[] = {g->o, g->c, g->kh, g->kw};
    return (layouts){
        .x = layout_of(4, (int64_t[]){g->n, g->c, g->h, g->w}, g->type, dnnl_nhwc),
        .y = layout_of(4, (int64_t[]){g->n, g->o, g->oh, g->ow}, g->type, dnnl_nhwc),
        .w = layout_of(4, w_dims, g->type, dnnl_format_tag_any),
        .dw = layout_of(4, w_dims, KD_F32, dnnl_format_tag_any),
        .strides = {g->stride, g->stride},
        .padding = {g->padding, g->padding},
    };
}

/* The primitive of a direction. `forward` is a hint, of the others. NULL: there is none. */
static dnnl_primitive_desc_t describe_one(plan *p, const layouts *l, int direction,
                                          const_dnnl_primitive_desc_t forward) {
    const dnnl_alg_kind_t alg = dnnl_convolution_direct;
    dnnl_convolution_desc_t op;
    dnnl_status_t status;
    if (direction == FORWARD) {
        status =
            dnnl_convolution_forward_desc_init(&op, dnnl_forward_training, alg, &l->x, &l->w, NULL,
                                               &l->y, l->strides, l->padding, l->padding);
    } else if (direction == INPUT_GRAD) {
        status = dnnl_convolution_backward_data_desc_init(&op, alg, &l->x, &l->w, &l->y, l->strides,
                                                          l->padding, l->padding);
    } else {
        status = dnnl_convolution_backward_weights_desc_init(&op, alg, &l->x, &l->dw, NULL, &l->y,
                                                             l->strides, l->padding, l->padding);
    }
    dnnl_primitive_desc_t ret = NULL;
    return status == dnnl_success && plan_describe(p, &op, forward, &ret) == dnnl_success ? ret
                                                                                          : NULL;
}

/* NULL also when oneDNN has only its reference for it. */
static dnnl_primitive_desc_t describe(plan *p, const geometry *g, int direction) {
    const layouts l = layouts_of(g);
    dnnl_primitive_desc_t ret = describe_one(p, &l, FORWARD, NULL);
    if (ret && direction != FORWARD) {
        const dnnl_primitive_desc_t forward = ret;
        ret = describe_one(p, &l, direction, forward);
        dnnl_primitive_desc_destroy(forward);
    }
    if (ret && is_reference(ret)) {
        dnnl_primitive_desc_destroy(ret);
        ret = NULL;
    }
    return ret;
}

/* What each direction reads (weight gradient: x, dy) and writes. */
typedef struct arguments {
    int first, weight, last; /* of oneDNN's primitive: x, weight, y or their gradients */
    slot first_slot, last_slot;
} arguments;

static const arguments direct_arguments[] = {
    [FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, {AT_INPUT, 0}, {AT_OUTPUT, 0}},
    [INPUT_GRAD] =
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, {AT_OUTPUT, 0}, {AT_INPUT, 0}},
    [WEIGHT_GRAD] =
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, {AT_INPUT, 0}, {AT_INPUT, 1}},
};

/* Takes `desc` over. */
static bool build_direct(const kd_node *node, plan *p, const geometry *g, int direction,
                         dnnl_primitive_desc_t desc, kd_error *err) {
    const bool gradient = direction == WEIGHT_GRAD;
    const arguments *a = &direct_arguments[direction];
    const layouts l = layouts_of(g);
    const layout plain =
        layout_of(4, (int64_t[]){g->o, g->c, g->kh, g->kw}, gradient ? KD_F32 : g->type, dnnl_ohwi);
    const layout wanted = *dnnl_primitive_desc_query_md(
        desc, gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    slot weight = {0};
    if (gradient) {
        weight = plan_fit_out(p, &plain, OUTPUT(0), &wanted);
    } else if (!plan_fit_in(p, node, &plain, INPUT(1), &wanted, &weight, err)) {
        dnnl_primitive_desc_destroy(desc);
        return false;
    }
    const operand operands[] = {{a->first, &l.x, a->first_slot},
                                {a->weight, &wanted, weight},
                                {a->last, &l.y, a->last_slot}};
    return plan_add(p, node, desc, operands, 3, err) &&
           (!gradient || plan_settle(p, node, &wanted, weight, &plain, OUTPUT(0), err));
}

/* Where the patches of the x at `x` are found. */
static bool patches_of(plan *p, const geometry *g, slot x, slot *ret, kd_error *err) {
    if (is_pointwise(g)) {
        *ret = x;
        return true;
    }
    const int64_t count = g->n * g->oh * g->ow * g->kh * g->kw * g->c;
    *ret = plan_scratch(p, (size_t)count * kd_dtype_bytes(g->type));
    return plan_add_loop(p, gather_patches, g, sizeof *g, x, *ret, err);
}

static bool build_patches(const kd_node *node, plan *p, const geometry *g, int direction,
                          kd_error *err) {
    const int64_t rows = g->n * g->oh * g->ow, columns = g->kh * g->kw * g->c;
    const product forward = {0, rows, columns, g->o, false, true, g->type, g->type};
    const product weight_grad = {0, g->o, rows, columns, true, false, g->type, KD_F32};
    product input_grad = {0, rows, g->o, columns, false, false, g->type, KD_F32};
    slot patches;
    if (direction == FORWARD) {
        return patches_of(p, g, INPUT(0), &patches, err) &&
               plan_add_product(p, node, &forward, patches, INPUT(1), OUTPUT(0), err);
    }
    if (direction == WEIGHT_GRAD) {
        return patches_of(p, g, INPUT(0), &patches, err) &&
               plan_add_product(p, node, &weight_grad, INPUT(1), patches, OUTPUT(0), err);
    }
    if (is_pointwise(g)) {
        input_grad.y_type = g->type;
        return plan_add_product(p, node, &input_grad, INPUT(0), INPUT(1), OUTPUT(0), err);
    }
    patches = plan_scratch(p, (size_t)(rows * columns) * sizeof(float));
    return plan_add_product(p, node, &input_grad, INPUT(0), INPUT(1), patches, err) &&
           plan_add_loop(p, add_patches, g, sizeof *g, patches, OUTPUT(0), err);
}

static bool build_full(const kd_node *node, plan *p, const geometry *g, int direction,
                       kd_error *err) {
    const int64_t in = g->h * g->w * g->c, out = g->oh * g->ow * g->o;
    const product forward = {0, g->n, in, out, false, true, g->type, g->type};
    const product input_grad = {0, g->n, out, in, false, false, g->type, g->type};
    const product weight_grad = {0, out, g->n, in, true, false, g->type, KD_F32};
    const bool gradient = direction == WEIGHT_GRAD;
    const slot spread =
        plan_scratch(p, (size_t)(in * out) * kd_dtype_bytes(gradient ? KD_F32 : g->type));
    if (gradient) {
        return plan_add_product(p, node, &weight_grad, INPUT(1), INPUT(0), spread, err) &&
               plan_add_loop(p, fold_weight, g, sizeof *g, spread, OUTPUT(0), err);
    }
    return plan_add_loop(p, spread_weight, g, sizeof *g, INPUT(1), spread, err) &&
           plan_add_product(p, node, direction == FORWARD ? &forward : &input_grad, INPUT(0),
                            spread, OUTPUT(0), err);
}

static bool build(const kd_node *node, plan *p, const geometry *g, int direction, kd_error *err) {
    const int way = choose(g, direction);
    if (way == FULL) {
        return build_full(node, p, g, direction, err);
    }
    const dnnl_primitive_desc_t desc = way == DIRECT ? describe(p, g, direction) : NULL;
    return desc ? build_direct(node, p, g, direction, desc, err)
                : build_patches(node, p, g, direction, err);
}

static bool build_forward(kd_device *device, const kd_node *node, plan *p, kd_error *err) {
    const geometry g = geometry_of(node, &node->inputs[0], &node->inputs[1], &node->outputs[0]);
    return build(node, p, &g, FORWARD, err);
}

static bool build_input_grad(kd_device *device, const kd_node *node, plan *p, kd_error *err) {
    const geometry g = geometry_of(node, &node->outputs[0], &node->inputs[1], &node->inputs[0]);
    return build(node, p, &g, INPUT_GRAD, err);
}

static bool build_weight_grad(kd_device *device, const kd_node *node, plan *p, kd_error *err) {
    const geometry g = geometry_of(node, &node->inputs[0], &node->outputs[0], &node->inputs[1]);
    return build(node, p, &g, WEIGHT_GRAD, err);
}

/* Both operands and `y` are of one type. */
static bool accept(const kd_node *node, int32_t y, kd_error *err) {
    const int32_t type = node->inputs[0].dtype;
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    return (node->inputs[1].dtype == type && node->outputs[0].dtype == y) ||
           refuse(node, "types differ", err);
}

bool prepare_conv2d(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    return accept(node, node->inputs[0].dtype, err) &&
           plan_open(device, node, build_forward, ret_state, ret_scratch, err);
}

bool prepare_conv2d_input_grad(kd_device *device, const kd_node *node, void **ret_state,
                               size_t *ret_scratch, kd_error *err) {
    return accept(node, node->inputs[0].dtype, err) &&
           plan_open(device, node, build_input_grad, ret_state, ret_scratch, err);
}

bool prepare_conv2d_weight_grad(kd_device *device, const kd_node *node, void **ret_state,
                                size_t *ret_scratch, kd_error *err) {
    return accept(node, KD_F32, err) &&
           plan_open(device, node, build_weight_grad, ret_state, ret_scratch, err);
}
