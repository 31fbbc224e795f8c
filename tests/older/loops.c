/* SPDX-License-Identifier: Apache-2.0
 * Written to the headers of 2026-11-23 that lie beside it: a few ops as plain loops over host memory.
 *
 * source  kindred/device.h
 */
#include <kindred/device.h>
#include <stdlib.h>

#define ALIGNMENT 64u

struct loops {
    int nothing; /* no option yet; a struct needs a member */
};

KD_PLUGIN(DEVICE, "older.loops", "0.1.0", struct loops, "a few ops as plain loops",
          "kindred/device.h")

struct kd_device {
    int nothing; /* a queue, a context: what the vendor's library wants */
};

static bool refuse(const kd_node *node, const char *what, kd_error *err) {
    kd_fail(err, KD_E_UNSUPPORTED, "%s: older.loops has no %s %s", node->path, node->op, what);
    return kd_hint(err, "choose another device");
}

/* Everything is f32 here, and nothing broadcasts. */
static bool prepare_same(kd_device *device, const kd_node *node, void **ret_state,
                         size_t *ret_scratch, kd_error *err) {
    (void)device;
    (void)ret_state;
    (void)ret_scratch;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i].dtype != KD_F32) {
            return refuse(node, "of this type", err);
        }
        if (kd_elements(&node->inputs[i]) != kd_elements(&node->outputs[0])) {
            return refuse(node, "that broadcasts", err);
        }
    }
    return true;
}

/* x >= 0 ? x : 0 would make 0 of a NaN, which must be seen. */
static void run_relu(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                     void *const *outputs, void *scratch) {
    (void)device;
    (void)state;
    (void)scratch;
    const int64_t count = kd_elements(&node->outputs[0]);
    const float *x = inputs[0];
    float *y = outputs[0];
    for (int64_t i = 0; i < count; i++) {
        y[i] = x[i] < 0 ? 0 : x[i];
    }
}

static void run_add(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                    void *const *outputs, void *scratch) {
    (void)device;
    (void)state;
    (void)scratch;
    const int64_t count = kd_elements(&node->outputs[0]);
    const float *a = inputs[0], *b = inputs[1];
    float *y = outputs[0];
    for (int64_t i = 0; i < count; i++) {
        y[i] = a[i] + b[i];
    }
}

static bool prepare_matmul(kd_device *device, const kd_node *node, void **ret_state,
                           size_t *ret_scratch, kd_error *err) {
    (void)device;
    (void)ret_state;
    (void)ret_scratch;
    if (node->inputs[0].dtype != KD_F32 || node->inputs[1].dtype != KD_F32) {
        return refuse(node, "of this type", err);
    }
    if (node->inputs[0].rank != 2 || node->inputs[1].rank != 2 ||
        kd_attr_int(node, "transpose_a", 0) || kd_attr_int(node, "transpose_b", 0)) {
        return refuse(node, "in batches or transposed", err);
    }
    return true;
}

/* [n, k] x [k, m] -> [n, m] */
static void run_matmul(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                       void *const *outputs, void *scratch) {
    (void)device;
    (void)state;
    (void)scratch;
    const int64_t n = node->inputs[0].dim[0], depth = node->inputs[0].dim[1];
    const int64_t m = node->inputs[1].dim[1];
    const float *a = inputs[0], *b = inputs[1];
    float *y = outputs[0];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < m; j++) {
            double sum = 0;
            for (int64_t k = 0; k < depth; k++) {
                sum += (double)a[i * depth + k] * (double)b[k * m + j];
            }
            y[i * m + j] = (float)sum;
        }
    }
}

#define OVER(input) (1u << (input)) /* output 0 may be written over this input */

static const kd_kernel kernels[] = {
    {sizeof(kd_kernel), OVER(0), "relu", prepare_same, run_relu, NULL},
    {sizeof(kd_kernel), OVER(0) | OVER(1), "add", prepare_same, run_add, NULL},
    {sizeof(kd_kernel), 0, "matmul", prepare_matmul, run_matmul, NULL},
};

static bool open_device(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    (void)config;
    (void)host;
    kd_device *device = calloc(1, sizeof *device);
    if (!device) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    *ret = device;
    return true;
}

static void close_device(kd_device *device) {
    free(device);
}

static const char *describe(kd_device *device) {
    (void)device;
    return "plain loops, 1 thread";
}

static bool allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    (void)device;
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
    (void)device;
    free(memory);
}

static void transfer(kd_device *device, void *to, const void *from, size_t bytes) {
    (void)device;
    memcpy(to, from, bytes);
}

/* Kernels run at once, in the caller's thread: there is nothing to wait for, and nothing failed. */
static bool wait_for_all(kd_device *device, kd_error *err) {
    (void)device;
    (void)err;
    return true;
}

KD_DEVICE(.flags = KD_DEVICE_HOST_MEMORY, .open = open_device, .close = close_device,
          .describe = describe, .allocate = allocate, .release = release, .upload = transfer,
          .download = transfer, .wait = wait_for_all, .alignment = ALIGNMENT,
          .n_kernels = sizeof kernels / sizeof kernels[0], .kernel_stride = sizeof kernels[0],
          .kernels = kernels)
