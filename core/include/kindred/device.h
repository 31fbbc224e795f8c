/* SPDX-License-Identifier: Apache-2.0
 * A compute device: where ops run.
 *
 * A device keeps one in-order stream: calls take effect in the order they are made. `prepare` runs
 * once a node, before the first step; `run` every step, and can neither fail, wait nor allocate.
 * Failures of enqueued work surface in `wait`. */
#ifndef KINDRED_DEVICE_H
#define KINDRED_DEVICE_H

#include <kindred/op.h>
#include <kindred/plugin.h>

typedef struct kd_device kd_device; /* the plugin's own; opaque to the host */

/* How a device computes one op. */
typedef struct kd_kernel {
    uint32_t size;
    /* Bit i: output 0 may be written over input i when both have as many elements of one size. */
    uint32_t in_place;
    const char *op;

    /* Chooses an implementation, builds what the vendor library wants into *ret_state, says how
     * many bytes of scratch a run needs. May leave both as they are (NULL and 0). NULL: nothing to
     * prepare. `node` and what it points to outlive the state. Two nodes of equal shapes should
     * share what they build. fails with KD_E_UNSUPPORTED for a type or shape it cannot do. */
    bool (*prepare)(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err);

    /* Enqueues the work. Pointers are aligned to the device's alignment; scratch has the size asked
     * for and is shared by all nodes; every output is fully written (an op's definition names the
     * exceptions). An omitted trailing input is absent from node->n_inputs. */
    void (*run)(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch);

    /* Frees what prepare made. NULL: nothing to free. */
    void (*release)(kd_device *device, void *state);
} kd_kernel;

/* Memory of the device is plain host memory: the host reads and writes it directly between runs
 * and lets the device adopt memory of the host's (a mapped store). */
#define KD_DEVICE_HOST_MEMORY 1u

typedef struct kd_device_plugin {
    uint32_t size, flags;
    bool (*open)(const void *config, const kd_host *host, kd_device **ret, kd_error *err);
    void (*close)(kd_device *device);
    /* A short text for people and for the run's record: "2 threads, avx512_core_bf16,
     * oneDNN 2.6.3". Runs that differ in it need not give the same bits. Lives as long as the
     * device. */
    const char *(*describe)(kd_device *device);
    /* Zeroed memory, touched, aligned to `alignment`. fails with KD_E_MEMORY. */
    bool (*allocate)(kd_device *device, size_t bytes, void **ret, kd_error *err);
    void (*release)(kd_device *device, void *memory);
    void (*upload)(kd_device *device, void *to, const void *from, size_t bytes);
    void (*download)(kd_device *device, void *to, const void *from, size_t bytes);
    bool (*wait)(kd_device *device, kd_error *err);
    uint32_t alignment; /* of every tensor, in bytes: a power of two */
    /* Types that this machine computes fast, besides f32: bit 1u << KD_BF16. For precision: auto.
     */
    uint32_t fast_types;
    uint32_t n_kernels, kernel_stride; /* elements may grow, so step by the stride */
    const kd_kernel *kernels;
    /* Bytes of its memory that the device holds beside what `allocate` gave, for the plan, which
     * asks when kernels are prepared and nothing is allocated; 0 when unknown. NULL: unknown. */
    size_t (*overhead)(kd_device *device);

    /* Work as one recording, all four or none. NULL: this device runs node by node. What kernels
     * enqueue between begin and end is recorded, with the pointers they were given, and not run;
     * `launch` enqueues all of it, again and again, and fails as `run` does. Every kernel has run
     * once before. */
    bool (*capture_begin)(kd_device *device, kd_error *err);
    bool (*capture_end)(kd_device *device, void **ret_recording, kd_error *err);
    void (*launch)(kd_device *device, void *recording);
    void (*capture_release)(kd_device *device, void *recording);

    /* A named optional ability, "kindred.name/REV", of kindred/device_extensions.h, or NULL. */
    const void *(*extension)(kd_device *device, const char *id);
} kd_device_plugin;

/* For `prepare`: fails with KD_E_UNSUPPORTED unless every input and output is of one of `types`,
 * bits 1u << KD_F32 and so on. `device` is the plugin's id, for the message. */
static inline bool kd_accept_types(const char *device, const kd_node *node, uint32_t types,
                                   kd_error *err) {
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const bool input = i < node->n_inputs;
        const int32_t dtype =
            (input ? &node->inputs[i] : &node->outputs[i - node->n_inputs])->dtype;
        if (dtype >= 0 && dtype <= KD_U8 && (types >> dtype & 1u)) {
            continue;
        }
        kd_fail(err, KD_E_UNSUPPORTED, "%s: the %s device has no %s of %s", node->path, device,
                node->op, kd_dtype_name(dtype));
        return dtype == KD_F64 ? kd_hint(err, "f64 is for checks: use device: {plugin: reference}")
               : dtype == KD_BF16 ? kd_hint(err, "set precision: f32, or choose another device")
                                  : false;
    }
    return true;
}

#define KD_DEVICE(...) KD_ENTRY(KD_KIND_DEVICE, kd_device_plugin, __VA_ARGS__)

#endif
