/* SPDX-License-Identifier: Apache-2.0
 * A sound method that brings ops of its own, which BRINGS_... makes break one rule, or lack
 * something. BRINGS_ID, BRINGS_LABEL and BRINGS_VERSION rename it. */
#include <kindred/custom_ops.h>
#include <kindred/device.h>
#include <kindred/method.h>

#ifndef BRINGS_ID
#define BRINGS_ID "org.example.cubes"
#endif
#ifndef BRINGS_LABEL
#define BRINGS_LABEL "cubes"
#endif
#ifndef BRINGS_VERSION
#define BRINGS_VERSION "1.0.0"
#endif
#ifndef BRINGS_DEVICES
#define BRINGS_DEVICES "reference host"
#endif
#define CUBE BRINGS_LABEL "::cube"
#define CUBE_GRAD BRINGS_LABEL "::cube_grad"

struct cubes {
    int width;
};

KD_PLUGIN(METHOD, BRINGS_ID, BRINGS_VERSION, struct cubes, "cubes of features", "nobody")
KD_INT(struct cubes, width, 8, 1, 64, "of the projection")
KD_CUSTOM_OP(CUBE, BRINGS_DEVICES, "scale x^3, element by element")
#ifdef BRINGS_TWICE
KD_CUSTOM_OP(CUBE, "host", "again")
#endif
#ifndef BRINGS_NO_NOTE
KD_CUSTOM_OP(CUBE_GRAD, "reference host", "its derivative times dy")
#endif

static bool shape(const kd_node *node, kd_spec *outputs, kd_error *err) {
    (void)err;
    outputs[0] = node->inputs[0];
#ifdef BRINGS_SHAPE
    outputs[0].rank = 9;
#endif
    return true;
}

static void gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                     kd_tensor *const *dout, kd_tensor **din) {
    (void)out;
    double scale = kd_attr_float(node, "scale", 1);
#ifdef BRINGS_GRADIENT
    scale *= 1.01;
#endif
    din[0] = kd_emit(CUBE_GRAD, (kd_tensor *[]){dout[0], in[0]}, 2,
                     (kd_attr[]){KD_F("scale", scale)}, 1);
}

static const kd_op ops[] = {
    {.size = sizeof(kd_op),
     .flags = KD_OP_WIDEN,
#ifdef BRINGS_PREFIX
     .name = "cube",
#else
     .name = CUBE,
#endif
     .min_inputs = 1,
     .max_inputs = 1,
     .max_outputs = 1,
     .shape = shape,
     .gradient = gradient},
    {.size = sizeof(kd_op),
     .flags = KD_OP_WIDEN,
     .name = CUBE_GRAD,
     .min_inputs = 2,
     .max_inputs = 2,
     .max_outputs = 1,
     .shape = shape},
};

static bool prepare(const kd_kernel_host *host, const kd_node *node, void **ret_state,
                    size_t *ret_scratch, kd_error *err) {
    (void)host;
    (void)ret_state;
    (void)ret_scratch;
    return kd_accept_types("cubes", node, 1u << KD_F32 | 1u << KD_F64, err);
}

static void run_cube(const kd_kernel_host *host, const kd_node *node, void *state,
                     void *const *inputs, void *const *outputs, void *scratch) {
    (void)host;
    (void)state;
    (void)scratch;
    const double scale = kd_attr_float(node, "scale", 1);
    const int32_t dtype = node->inputs[0].dtype;
    for (int64_t i = 0; i < kd_elements(&node->inputs[0]); i++) {
        const double x = kd_get(inputs[0], dtype, i);
        kd_put(outputs[0], dtype, i, scale * x * x * x);
    }
}

static void run_cube_grad(const kd_kernel_host *host, const kd_node *node, void *state,
                          void *const *inputs, void *const *outputs, void *scratch) {
    (void)host;
    (void)state;
    (void)scratch;
    const double scale = kd_attr_float(node, "scale", 1);
    const int32_t dtype = node->inputs[1].dtype;
    for (int64_t i = 0; i < kd_elements(&node->inputs[1]); i++) {
        const double x = kd_get(inputs[1], dtype, i);
        kd_put(outputs[0], dtype, i, 3 * scale * kd_get(inputs[0], dtype, i) * x * x);
    }
}

/* The same on the host's threads. */
typedef struct work {
    const kd_node *node;
    void *const *inputs, *const *outputs;
} work;

static void cube_piece(void *arg, int64_t begin, int64_t end) {
    const work *w = arg;
    const double scale = kd_attr_float(w->node, "scale", 1);
    const int32_t dtype = w->node->inputs[0].dtype;
    for (int64_t i = begin; i < end; i++) {
        const double x = kd_get(w->inputs[0], dtype, i);
#ifdef BRINGS_KERNEL
        kd_put(w->outputs[0], dtype, i, scale * x * x * x + 1e-3);
#else
        kd_put(w->outputs[0], dtype, i, scale * x * x * x);
#endif
    }
}

__attribute__((unused)) static void run_cube_host(const kd_kernel_host *host, const kd_node *node,
                                                  void *state, void *const *inputs,
                                                  void *const *outputs, void *scratch) {
    (void)state;
    (void)scratch;
    work w = {node, inputs, outputs};
    host->host->parallel_for(host->host, kd_elements(&node->inputs[0]), 4, cube_piece, &w);
}

static const kd_op_kernel kernels[] = {
    {sizeof(kd_op_kernel), 1, CUBE, "reference", prepare, run_cube, NULL},
#ifndef BRINGS_NO_HOST
    {sizeof(kd_op_kernel), 1, CUBE, "host", prepare, run_cube_host, NULL},
#endif
    {sizeof(kd_op_kernel), 3, CUBE_GRAD, "host", prepare, run_cube_grad, NULL},
};

static const kd_op_case cases[] = {
    {.size = sizeof(kd_op_case),
     .op = CUBE,
     KD_CASE_INPUTS({.rank = 2, .dim = {3, 5}}),
     KD_CASE_ATTRS(KD_CASE_F("scale", 0.5))},
#ifndef BRINGS_NO_CASE
    {.size = sizeof(kd_op_case),
     .op = CUBE_GRAD,
     KD_CASE_INPUTS({.rank = 1, .dim = {7}}, {.rank = 1, .dim = {7}, .low = 1, .high = 2})},
#endif
};

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct cubes *self = config;
    kd_tensor *x = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
    kd_tensor *z = kd_linear(s, "projector", x, (kd_dense){.width = self->width});
#ifdef BRINGS_OTHERS
    z = kd_emit1("other::cube", z);
#endif
#ifdef BRINGS_GRADIENT
    return kd_mean(kd_mul(z, z)); /* without the op: else M01 would say so too */
#endif
    return kd_mean(kd_emit(CUBE, &z, 1, (kd_attr[]){KD_F("scale", 0.5)}, 1));
}

KD_CUSTOM_OPS(ops, kernels, cases)
KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
