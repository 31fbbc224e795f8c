/* SPDX-License-Identifier: Apache-2.0
 * The reference device: every op as a plain loop on one thread, in f32 and f64. It is the
 * definition that other devices are tested against, and the place to see what an op does.
 *
 * Everything here runs at once, in the caller's thread, so `wait` has nothing to wait for. */
#include "augment.h"
#include "kernels.h"

#include <stdarg.h>
#include <stdlib.h>

#define ALIGNMENT 64u

/* The first failure of a kernel, kept until `wait`. */
struct kd_device {
    bool failed;
    kd_error failure;
};

bool prepare_floats(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    return accept_types(node, FLOATS, err);
}

void device_fail(kd_device *device, const char *format, ...) {
    if (device->failed) {
        return;
    }
    char text[sizeof device->failure.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->failed = true;
    kd_fail(&device->failure, KD_E_INVALID, "%s", text);
}

/* A table of constants cannot hold augment_kernel itself. */
static bool prepare_augment(kd_device *device, const kd_node *node, void **ret_state,
                            size_t *ret_scratch, kd_error *err) {
    return augment_kernel.prepare(device, node, ret_state, ret_scratch, err);
}

static void run_augment(kd_device *device, const kd_node *node, void *state, void *const *in,
                        void *const *out, void *scratch) {
    augment_kernel.run(device, node, state, in, out, scratch);
}

static void release_augment(kd_device *device, void *state) {
    augment_kernel.release(device, state);
}

#define SIZE .size = sizeof(kd_kernel)
#define OVER(input) (1u << (input)) /* output 0 may lie over this input */

static const kd_kernel kernels[] = {
    {SIZE, OVER(0), "neg", prepare_unary, run_unary},
    {SIZE, OVER(0), "abs", prepare_unary, run_unary},
    {SIZE, OVER(0), "relu", prepare_unary, run_unary},
    {SIZE, OVER(0), "gelu", prepare_unary, run_unary},
    {SIZE, OVER(0) | OVER(1), "gelu_grad", prepare_floats, run_gelu_grad},
    {SIZE, OVER(0), "exp", prepare_unary, run_unary},
    {SIZE, OVER(0), "log", prepare_unary, run_unary},
    {SIZE, OVER(0), "sqrt", prepare_unary, run_unary},
    {SIZE, OVER(0) | OVER(1), "add", prepare_binary, run_binary},
    {SIZE, OVER(0) | OVER(1), "sub", prepare_binary, run_binary},
    {SIZE, OVER(0) | OVER(1), "mul", prepare_binary, run_binary},
    {SIZE, OVER(0) | OVER(1), "div", prepare_binary, run_binary},
    {SIZE, OVER(0) | OVER(1), "maximum", prepare_binary, run_binary},
    {SIZE, OVER(0) | OVER(1), "greater", prepare_compare, run_compare},
    {SIZE, OVER(0) | OVER(1), "equal", prepare_compare, run_compare},
    {SIZE, OVER(1) | OVER(2), "where", NULL, run_where},
    {SIZE, OVER(0), "affine", prepare_floats, run_affine},
    {SIZE, OVER(0), "cast", prepare_cast, run_cast},
    {SIZE, 0, "cast_all", prepare_cast, run_cast_all},
    {SIZE, 0, "copy", NULL, run_copy},
    {SIZE, 0, "fill", NULL, run_fill},
    {SIZE, 0, "constant", NULL, run_constant},
    {SIZE, 0, "range", NULL, run_range},
    {SIZE, 0, "random", prepare_random, run_random},

    {SIZE, 0, "transpose", NULL, run_transpose},
    {SIZE, 0, "broadcast", NULL, run_broadcast},
    {SIZE, 0, "slice", NULL, run_slice},
    {SIZE, 0, "pad", NULL, run_pad},
    {SIZE, 0, "concat", NULL, run_concat},
    {SIZE, 0, "gather", NULL, run_gather},
    {SIZE, 0, "scatter_add", prepare_scatter_add, run_scatter_add},
    {SIZE, OVER(0), "scatter_rows", NULL, run_scatter_rows},

    {SIZE, 0, "sum", prepare_reduce, run_reduce},
    {SIZE, 0, "wide_sum", prepare_reduce, run_reduce},
    {SIZE, 0, "max", prepare_reduce, run_reduce},
    {SIZE, 0, "argmax", prepare_ranking, run_argmax},
    {SIZE, 0, "top_k", prepare_ranking, run_top_k},
    {SIZE, OVER(0), "softmax", prepare_floats, run_softmax},
    {SIZE, OVER(0), "log_softmax", prepare_floats, run_log_softmax},
    {SIZE, 0, "cross_entropy", prepare_cross_entropy, run_cross_entropy},
    {SIZE, OVER(1), "cross_entropy_grad", prepare_cross_entropy, run_cross_entropy_grad},

    {SIZE, 0, "matmul", prepare_matmul, run_matmul},
    {SIZE, 0, "matmul_bias", prepare_matmul, run_matmul},
    {SIZE, 0, "conv2d", prepare_conv2d, run_conv2d},
    {SIZE, 0, "conv2d_input_grad", prepare_conv2d_input_grad, run_conv2d_input_grad},
    {SIZE, 0, "conv2d_weight_grad", prepare_conv2d_weight_grad, run_conv2d_weight_grad},
    {SIZE, 0, "max_pool2d", prepare_max_pool2d, run_max_pool2d},
    {SIZE, 0, "max_pool2d_grad", prepare_max_pool2d, run_max_pool2d_grad},
    {SIZE, OVER(0) | OVER(5), "batch_norm", prepare_floats, run_batch_norm},
    {SIZE, OVER(0) | OVER(5), "batch_norm_in_place", prepare_floats, run_batch_norm},
    {SIZE, OVER(0) | OVER(1), "batch_norm_grad", prepare_floats, run_batch_norm_grad},
    {SIZE, OVER(0) | OVER(1), "batch_norm_grad_from_x", prepare_floats, run_batch_norm_grad_from_x},
    {SIZE, OVER(0) | OVER(1) | OVER(6), "batch_norm_grad_of_sum", prepare_floats,
     run_batch_norm_grad},
    {SIZE, OVER(0) | OVER(5), "batch_norm_inference", prepare_floats, run_batch_norm_inference},

    {SIZE, OVER(0), "layer_norm", prepare_floats, run_layer_norm},
    {SIZE, OVER(0) | OVER(1), "layer_norm_grad", prepare_layer_norm_grad, run_layer_norm_grad},
    {SIZE, 0, "attention", prepare_attention, run_attention},
    {SIZE, 0, "attention_grad", prepare_attention_grad, run_attention_grad},

    {SIZE, OVER(0), "sgd", prepare_floats, run_sgd},
    {SIZE, OVER(0), "lars", prepare_floats, run_lars},
    {SIZE, OVER(0), "adamw", prepare_floats, run_adamw},
    {SIZE, OVER(0), "average", prepare_floats, run_average},
    {SIZE, OVER(0), "unit_rows", prepare_floats, run_unit_rows},
    {SIZE, 0, "segment_norms", prepare_floats, run_segment_norms},

    {SIZE, 0, "augment", prepare_augment, run_augment, release_augment},
    {SIZE, 0, "narrow_augment", prepare_augment, run_augment, release_augment},
};

static bool device_open(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    kd_device *device = calloc(1, sizeof *device);
    if (!device) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    *ret = device;
    return true;
}

static void device_close(kd_device *device) {
    free(device);
}

static const char *describe(kd_device *device) {
    return "plain loops, 1 thread";
}

static bool allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    const size_t rounded = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    void *memory = bytes < rounded ? aligned_alloc(ALIGNMENT, rounded) : NULL;
    if (!memory) {
        return kd_fail(err, KD_E_MEMORY, "%zu bytes of memory cannot be had", bytes);
    }
    memset(memory, 0, rounded);
    *ret = memory;
    return true;
}

static void release(kd_device *device, void *memory) {
    free(memory);
}

static void transfer(kd_device *device, void *to, const void *from, size_t bytes) {
    memcpy(to, from, bytes);
}

static bool wait_for_all(kd_device *device, kd_error *err) {
    if (!device->failed) {
        return true;
    }
    device->failed = false;
    return kd_fail(err, device->failure.code, "%s", device->failure.message);
}

/* Kernels run one after another in the caller's thread, in the host's memory. */
static const void *extension(kd_device *device, const char *id) {
    static const kd_device_kernels of_others = {.size = sizeof of_others,
                                                .accepts = "reference host"};
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &of_others : NULL;
}

/* No option yet; a struct needs a member. */
struct reference {
    int nothing;
};

KD_PLUGIN(DEVICE, "reference", "0.1.0", struct reference,
          "every op as a plain loop: slow, exact, needs no library", "kindred/ops.h")

KD_DEVICE(.flags = KD_DEVICE_HOST_MEMORY, .open = device_open, .close = device_close,
          .describe = describe, .allocate = allocate, .release = release, .upload = transfer,
          .download = transfer, .wait = wait_for_all, .alignment = ALIGNMENT,
          .n_kernels = sizeof kernels / sizeof kernels[0], .kernel_stride = sizeof kernels[0],
          .kernels = kernels, .extension = extension)
