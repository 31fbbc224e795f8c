/* SPDX-License-Identifier: Apache-2.0
 * The cpu device: oneDNN for convolutions and matrix products, own OpenMP loops for the rest, f32
 * and bf16. Kernels run at once, in the caller's thread and OpenMP's, so `wait` waits for nothing.
 */
#include "kernels.h"

#include "augment.h"

#include <omp.h>
#include <stdarg.h>
#include <stdlib.h>

#define ALIGNMENT 64u

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

const char *shape_text(const kd_spec *spec, char text[SHAPE_TEXT]) {
    int used = snprintf(text, SHAPE_TEXT, "[");
    for (int i = 0; i < spec->rank; i++) {
        used += snprintf(text + used, (size_t)(SHAPE_TEXT - used), "%s%lld", i ? ", " : "",
                         (long long)spec->dim[i]);
    }
    snprintf(text + used, (size_t)(SHAPE_TEXT - used), "]");
    return text;
}

void *state_create(size_t bytes, kd_error *err) {
    void *state = calloc(1, bytes);
    if (!state) {
        kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    return state;
}

void release_state(kd_device *device, void *state) {
    free(state);
}

void span_for(const kd_device *device, int64_t count, int64_t grain, span_body *body,
              const void *work) {
    const int64_t grains = (count + grain - 1) / grain;
    if (grains <= 1 || device->threads == 1) {
        if (count > 0) {
            body(work, 0, count);
        }
        return;
    }
#pragma omp parallel num_threads(device->threads)
    {
        const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const int64_t begin = grains * thread / threads * grain;
        const int64_t stop = grains * (thread + 1) / threads * grain;
        const int64_t end = stop < count ? stop : count;
        if (begin < end) {
            body(work, begin, end);
        }
    }
}

/* The augmentation asks OpenMP for its number of threads. */
static bool prepare_augment(kd_device *device, const kd_node *node, void **ret_state,
                            size_t *ret_scratch, kd_error *err) {
    omp_set_num_threads(device->threads);
    return augment_kernel.prepare(device, node, ret_state, ret_scratch, err);
}

static void run_augment(kd_device *device, const kd_node *node, void *state, void *const *in,
                        void *const *out, void *scratch) {
    omp_set_num_threads(device->threads);
    augment_kernel.run(device, node, state, in, out, scratch);
}

static void release_augment(kd_device *device, void *state) {
    augment_kernel.release(device, state);
}

#define SIZE .size = sizeof(kd_kernel)
#define OVER(input) (1u << (input)) /* output 0 may lie over this input */

static const kd_kernel kernels[] = {
    {SIZE, OVER(0), "neg", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "abs", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "relu", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "exp", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "log", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "sqrt", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "gelu", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "gelu_grad", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0), "affine", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "add", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "sub", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "mul", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "div", prepare_elementwise, run_elementwise},
    {SIZE, OVER(0) | OVER(1), "maximum", prepare_elementwise, run_elementwise},
    {SIZE, 0, "greater", prepare_elementwise, run_elementwise},
    {SIZE, 0, "equal", prepare_elementwise, run_elementwise},
    {SIZE, OVER(1) | OVER(2), "where", prepare_elementwise, run_elementwise},
    {SIZE, 0, "broadcast", prepare_elementwise, run_elementwise},
    {SIZE, 0, "cast", prepare_cast, run_cast},
    {SIZE, 0, "cast_all", prepare_cast, run_cast_all},
    {SIZE, 0, "fill", prepare_any, run_fill},
    {SIZE, 0, "constant", prepare_constant, run_constant},
    {SIZE, 0, "range", prepare_any, run_range},
    {SIZE, 0, "random", prepare_random, run_random},

    {SIZE, 0, "copy", prepare_any, run_copy},
    {SIZE, 0, "transpose", prepare_any, run_transpose},
    {SIZE, 0, "slice", prepare_any, run_slice},
    {SIZE, 0, "pad", prepare_any, run_pad},
    {SIZE, 0, "concat", prepare_any, run_concat},
    {SIZE, 0, "gather", prepare_any, run_gather},
    {SIZE, 0, "scatter_add", prepare_scatter_add, run_scatter_add},
    {SIZE, OVER(0), "scatter_rows", prepare_any, run_scatter_rows},

    {SIZE, 0, "sum", prepare_reduce, run_reduce, release_state},
    {SIZE, 0, "wide_sum", prepare_reduce, run_reduce, release_state},
    {SIZE, 0, "max", prepare_reduce, run_reduce, release_state},
    {SIZE, 0, "argmax", prepare_argmax, run_argmax},
    {SIZE, 0, "top_k", prepare_top_k, run_top_k},
    {SIZE, OVER(0), "softmax", prepare_softmax, run_softmax},
    {SIZE, OVER(0), "log_softmax", prepare_softmax, run_log_softmax},
    {SIZE, 0, "cross_entropy", prepare_cross_entropy, run_cross_entropy},
    {SIZE, OVER(1), "cross_entropy_grad", prepare_cross_entropy, run_cross_entropy_grad},

    {SIZE, 0, "matmul", prepare_matmul, plan_run, plan_release},
    {SIZE, 0, "matmul_bias", prepare_matmul, plan_run, plan_release},
    {SIZE, 0, "conv2d", prepare_conv2d, plan_run, plan_release},
    {SIZE, 0, "conv2d_input_grad", prepare_conv2d_input_grad, plan_run, plan_release},
    {SIZE, 0, "conv2d_weight_grad", prepare_conv2d_weight_grad, plan_run, plan_release},

    {SIZE, 0, "max_pool2d", prepare_max_pool2d, run_max_pool2d},
    {SIZE, 0, "max_pool2d_grad", prepare_max_pool2d, run_max_pool2d_grad},
    {SIZE, OVER(0) | OVER(5), "batch_norm", prepare_batch_norm, run_batch_norm},
    {SIZE, OVER(0) | OVER(5), "batch_norm_in_place", prepare_batch_norm, run_batch_norm},
    {SIZE, OVER(0) | OVER(1), "batch_norm_grad", prepare_batch_norm_grad, run_batch_norm_grad},
    {SIZE, OVER(0) | OVER(1), "batch_norm_grad_from_x", prepare_batch_norm_grad_from_x,
     run_batch_norm_grad_from_x},
    {SIZE, OVER(0) | OVER(1) | OVER(6), "batch_norm_grad_of_sum", prepare_batch_norm_grad,
     run_batch_norm_grad},
    {SIZE, OVER(0) | OVER(5), "batch_norm_inference", prepare_batch_norm_inference,
     run_batch_norm_inference},

    {SIZE, OVER(0), "layer_norm", prepare_layer_norm, run_layer_norm},
    {SIZE, OVER(0) | OVER(1), "layer_norm_grad", prepare_layer_norm_grad, run_layer_norm_grad},
    {SIZE, 0, "attention", prepare_attention, run_attention},
    {SIZE, 0, "attention_grad", prepare_attention_grad, run_attention_grad},

    {SIZE, OVER(0), "sgd", prepare_update, run_sgd, release_state},
    {SIZE, OVER(0), "lars", prepare_update, run_lars, release_state},
    {SIZE, OVER(0), "adamw", prepare_update, run_adamw, release_state},
    {SIZE, OVER(0), "average", prepare_segments, run_average},
    {SIZE, OVER(0), "unit_rows", prepare_segments, run_unit_rows},
    {SIZE, 0, "segment_norms", prepare_segments, run_segment_norms},

    {SIZE, 0, "augment", prepare_augment, run_augment, release_augment},
    {SIZE, 0, "narrow_augment", prepare_augment, run_augment, release_augment},
};

/* The instruction sets that oneDNN generates code for, as it names them. */
typedef struct isa {
    dnnl_cpu_isa_t value;
    const char *name;
    bool bf16; /* multiplies bf16 in hardware */
} isa;

static const isa isas[] = {
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx", true},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16", true},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni", false},
    {dnnl_cpu_isa_avx512_core, "avx512_core", false},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni", false},
    {dnnl_cpu_isa_avx2, "avx2", false},
    {dnnl_cpu_isa_avx, "avx", false},
    {dnnl_cpu_isa_sse41, "sse41", false},
};

static const isa *effective_isa(void) {
    static const isa none = {dnnl_cpu_isa_all, "no vector code", false};
    const dnnl_cpu_isa_t value = dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < sizeof isas / sizeof isas[0]; i++) {
        if (isas[i].value == value) {
            return &isas[i];
        }
    }
    return &none;
}

struct cpu {
    int threads;
};

static bool device_open(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    const struct cpu *options = config;
    kd_device *device = state_create(sizeof *device, err);
    if (!device) {
        return false;
    }
    device->threads = options->threads ? options->threads : omp_get_num_procs();
    omp_set_num_threads(device->threads);
    if (dnnl_engine_create(&device->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&device->stream, device->engine, dnnl_stream_default_flags) !=
            dnnl_success) {
        dnnl_engine_destroy(device->engine);
        free(device);
        return kd_fail(err, KD_E_DEVICE, "oneDNN does not start on this processor");
    }
    const dnnl_version_t *version = dnnl_version();
    snprintf(device->description, sizeof device->description,
             "%d thread%s, %s, oneDNN %d.%d.%d%s%s", device->threads,
             device->threads > 1 ? "s" : "", effective_isa()->name, version->major, version->minor,
             version->patch, KD_ISA[0] ? ", built for " : "", KD_ISA);
    *ret = device;
    return true;
}

static void device_close(kd_device *device) {
    dnnl_stream_destroy(device->stream);
    dnnl_engine_destroy(device->engine);
    while (device->regions) {
        memory_release(device, device->regions->start);
    }
    free(device);
}

static const char *describe(kd_device *device) {
    return device->description;
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
    static const kd_device_kernels of_others = {.size = sizeof of_others, .accepts = "cpu host"};
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &of_others : NULL;
}

KD_PLUGIN(DEVICE, "cpu", "0.1.0", struct cpu, "oneDNN and OpenMP, in f32 and bf16",
          "https://github.com/oneapi-src/oneDNN")
KD_INT(struct cpu, threads, 0, 0, 4096, "threads to compute with; 0: as many as there are cores")

static const kd_device_plugin table = {
    .size = sizeof(kd_device_plugin),
    .flags = KD_DEVICE_HOST_MEMORY,
    .open = device_open,
    .close = device_close,
    .describe = describe,
    .allocate = memory_allocate,
    .release = memory_release,
    .upload = transfer,
    .download = transfer,
    .wait = wait_for_all,
    .alignment = ALIGNMENT,
    .n_kernels = sizeof kernels / sizeof kernels[0],
    .kernel_stride = sizeof kernels[0],
    .kernels = kernels,
    .extension = extension,
};

/* By hand, not through KD_DEVICE: which types are fast is known only on the machine. */
const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static kd_device_plugin this_machine;
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = kd_this_kind,
                                     .table = &this_machine};
    this_machine = table;
    this_machine.fast_types = effective_isa()->bf16 ? 1u << KD_BF16 : 0;
    return &plugin;
}
