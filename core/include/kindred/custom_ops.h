/* SPDX-License-Identifier: Apache-2.0
 * Ops that a plugin brings along: a definition (kindred/op.h), kernels for the devices it knows,
 * and cases by which `kindred plugin check` holds both to account. A plugin of any kind may have
 * them; every plugin of a run may emit the ops of all of them.
 *
 *     KD_PLUGIN(METHOD, "org.lab.tico", ...)
 *     KD_CUSTOM_OP("tico::spread", "host cuda", "log of the mean potential of all pairs of rows")
 *     ...
 *     KD_CUSTOM_OPS(ops, kernels, cases)
 *     KD_METHOD(...)
 *
 * An op's name is the last label of the plugin's id, "::", and a word. The note lists it, so that a
 * host can say who has an op without running any code. */
#ifndef KINDRED_CUSTOM_OPS_H
#define KINDRED_CUSTOM_OPS_H

#include <kindred/op.h>
#include <kindred/plugin.h>

/* What a kernel of a plugin's own op is called with. */
typedef struct kd_kernel_host {
    uint32_t size, reserved;
    const kd_host *host; /* log, and parallel_for for kernels that run in the caller's thread */
    void *stream; /* where to enqueue: of a cuda device its cudaStream_t; NULL: run here and now */
    /* For `run`, in its thread: what it enqueued was refused (a launch that CUDA says no to). The
     * text is copied and becomes the error of the program's run; the first one counts. Ask by
     * KD_HAS: the first hosts did not have it. */
    void (*fail)(const struct kd_kernel_host *host, const kd_node *node, const char *text);
} kd_kernel_host;

/* How one op is computed on one sort of device. The functions are those of kd_kernel
 * (kindred/device.h), with what the host gives in the place of the device, which is not theirs. */
typedef struct kd_op_kernel {
    uint32_t size;
    uint32_t in_place; /* bit i: output 0 may be written over input i */
    const char *op;
    /* A word that a device accepts (kd_device_kernels): "host" runs at once on any device whose
     * memory is the host's; "reference", "cpu" on that one alone, and goes before "host"; "cuda"
     * enqueues on the stream, and stands in a companion file (KD_COMPANION). */
    const char *device;
    bool (*prepare)(const kd_kernel_host *host, const kd_node *node, void **ret_state,
                    size_t *ret_scratch, kd_error *err);
    void (*run)(const kd_kernel_host *host, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch);
    void (*release)(const kd_kernel_host *host, void *state);
} kd_op_kernel;

/* An input of a case: real values drawn evenly from [low, high), by default [-1, 1); integers among
 * low, ... high - 1. dtype 0 is KD_REAL. */
typedef struct kd_op_input {
    int32_t dtype, rank;
    int64_t dim[KD_MAX_RANK];
    double low, high;
} kd_op_input;

/* An op at work, small: the check takes all derivatives of output 0 by differences in f64, element
 * by element, and compares the kernels of all devices with each other. */
typedef struct kd_op_case {
    uint32_t size, n_inputs;
    const char *op;
    const char *note; /* what is special about it, or NULL */
    const kd_op_input *inputs;
    const kd_attr *attrs;
    uint32_t n_attrs, n_outputs; /* n_outputs 0: 1 */
    double tolerance;            /* normalised mean square error of f32; 0: 1e-10 */
} kd_op_case;

#define KD_CASE_INPUTS(...)                                                                        \
    .inputs = (const kd_op_input[]){__VA_ARGS__},                                                  \
    .n_inputs = sizeof((const kd_op_input[]){__VA_ARGS__}) / sizeof(kd_op_input)
#define KD_CASE_ATTRS(...)                                                                         \
    .attrs = (const kd_attr[]){__VA_ARGS__},                                                       \
    .n_attrs = sizeof((const kd_attr[]){__VA_ARGS__}) / sizeof(kd_attr)

/* Attributes of a case: KD_I and KD_F are no constants to every compiler. */
#define KD_CASE_I(name_, value_)                                                                   \
    { .name = (name_), .type = KD_ATTR_INT, .i = (value_) }
#define KD_CASE_F(name_, value_)                                                                   \
    { .name = (name_), .type = KD_ATTR_FLOAT, .f = (value_) }

/* What a plugin's `extension` gives under this name. */
#define KD_CUSTOM_OPS_EXTENSION "kindred.custom_ops/1"
typedef struct kd_custom_ops {
    uint32_t size;
    uint32_t n_ops, op_stride;
    uint32_t n_kernels, kernel_stride;
    uint32_t n_cases, case_stride;
    uint32_t reserved;
    const kd_op *ops;
    const kd_op_kernel *kernels;
    const kd_op_case *cases;
} kd_custom_ops;

/* Hands the host three arrays; above KD_METHOD(...) or its like. */
#define KD_CUSTOM_OPS(ops_, kernels_, cases_)                                                      \
    static const void *kd_this_extension(const char *id) {                                         \
        static const kd_custom_ops all = {.size = sizeof all,                                      \
                                          .n_ops = sizeof(ops_) / sizeof *(ops_),                  \
                                          .op_stride = sizeof *(ops_),                             \
                                          .n_kernels = sizeof(kernels_) / sizeof *(kernels_),      \
                                          .kernel_stride = sizeof *(kernels_),                     \
                                          .n_cases = sizeof(cases_) / sizeof *(cases_),            \
                                          .case_stride = sizeof *(cases_),                         \
                                          .ops = (ops_),                                           \
                                          .kernels = (kernels_),                                   \
                                          .cases = (cases_)};                                      \
        return strcmp(id, KD_CUSTOM_OPS_EXTENSION) == 0 ? &all : NULL;                             \
    }

#undef KD_EXTENSION
#define KD_EXTENSION kd_this_extension

/* A companion: a shared object beside the plugin, named as the plugin's file with the device's word
 * before the ".so" (tico.so, tico.cuda.so), without a note. It is loaded only when an op is
 * compiled for that device. It exports this one function, and links to what its kernels need. */
KD_EXPORT const kd_op_kernel *kindred_kernels_v0(uint32_t *ret_count, uint32_t *ret_stride);
#define KD_COMPANION(kernels_)                                                                     \
    const kd_op_kernel *kindred_kernels_v0(uint32_t *ret_count, uint32_t *ret_stride) {            \
        *ret_count = sizeof(kernels_) / sizeof *(kernels_);                                        \
        *ret_stride = sizeof *(kernels_);                                                          \
        return (kernels_);                                                                         \
    }

/* For kernels as plain as the reference device's: element i of a tensor of f32 or f64. */
static inline double kd_get(const void *data, int32_t dtype, int64_t i) {
    return dtype == KD_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static inline void kd_put(void *data, int32_t dtype, int64_t i, double value) {
    if (dtype == KD_F64) {
        ((double *)data)[i] = value;
    } else {
        ((float *)data)[i] = (float)value;
    }
}

#endif
