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
    /* Bit i: output 0 may be written over input i when both have one size in bytes. */
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
    /* A short text for people and for the run's record: "2 threads, avx512_core_bf16, oneDNN 2.6.3".
     * Runs that differ in it need not give the same bits. Lives as long as the device. */
    const char *(*describe)(kd_device *device);
    /* Zeroed memory, touched, aligned to `alignment`. fails with KD_E_MEMORY. */
    bool (*allocate)(kd_device *device, size_t bytes, void **ret, kd_error *err);
    void (*release)(kd_device *device, void *memory);
    void (*upload)(kd_device *device, void *to, const void *from, size_t bytes);
    void (*download)(kd_device *device, void *to, const void *from, size_t bytes);
    bool (*wait)(kd_device *device, kd_error *err);
    uint32_t alignment; /* of every tensor, in bytes: a power of two */
    /* Types that this machine computes fast, besides f32: bit 1u << KD_BF16. For precision: auto. */
    uint32_t fast_types;
    uint32_t n_kernels, kernel_stride; /* elements may grow, so step by the stride */
    const kd_kernel *kernels;
    /* Bytes that the device itself holds once open, for the plan; 0 when unknown. NULL: unknown. */
    size_t (*overhead)(kd_device *device);
} kd_device_plugin;

#define KD_DEVICE(...) KD_ENTRY(KD_KIND_DEVICE, kd_device_plugin, __VA_ARGS__)

#endif
