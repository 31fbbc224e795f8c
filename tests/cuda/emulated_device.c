/* SPDX-License-Identifier: Apache-2.0
 * A device in host memory that runs the cuda device's own kernels as they are emulated on the CPU:
 * all families of plugins/devices/cuda/kernels.h that need no library of NVIDIA's. */
#include "bias.h"
#include "emulated_steps.h"
#include "faults.h"
#include "feed.h"
#include "kernels.h"
#include "prefetch.h"
#include "widen.h"

#include <kindred/device_extensions.h>
#include <stdarg.h>
#include <stdlib.h>

/* emulation.cpp */
void emulation_set_order(unsigned order);

#define ALIGNMENT 256u
#define MOST_KERNELS 128

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

/* An emulated launch that cannot be ends the process. */
void device_check_launch(kd_device *device, const char *kernel) {
    (void)device;
    (void)kernel;
}

bool refuse(const kd_node *node, const char *why, kd_error *err) {
    return kd_fail(err, KD_E_UNSUPPORTED, "%s: %s: %s", node->path, node->op, why);
}

void *state_create(size_t bytes, kd_error *err) {
    void *state = calloc(1, bytes);
    if (!state) {
        kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    return state;
}

void release_state(kd_device *device, void *state) {
    (void)device;
    free(state);
}

bool constant_create(kd_device *device, const void *data, size_t bytes, void **ret, kd_error *err) {
    (void)device;
    void *constant = malloc(bytes ? bytes : 1);
    if (!constant) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    memcpy(constant, data, bytes);
    *ret = constant;
    return true;
}

void constant_destroy(kd_device *device, void *constant) {
    (void)device;
    free(constant);
}

struct emulated {
    int order;
};

KD_PLUGIN(DEVICE, "cuda_emulated", "0.1.0", struct emulated,
          "for tests: the cuda device's own kernels on the CPU", "")
KD_INT(struct emulated, order, 0, 0, 1000000, "of threads: 0 ascending, 1 descending, else a seed")

static bool device_open(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    (void)host;
    emulation_set_order((unsigned)((const struct emulated *)config)->order);
    kd_device *device = state_create(sizeof *device, err);
    fault_word *fault = device ? state_create(sizeof *fault, err) : NULL;
    if (!fault) {
        free(device);
        return false;
    }
    device->fault = fault;
    device->multiprocessors = 132;
    *ret = device;
    return true;
}

static void device_close(kd_device *device) {
    fault_finish(device);
    free(device->fault);
    free(device);
}

static const char *describe(kd_device *device) {
    (void)device;
    return "CUDA kernels, emulated";
}

static bool allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    (void)device;
    void *memory = aligned_alloc(ALIGNMENT, (bytes / ALIGNMENT + 1) * ALIGNMENT);
    if (!memory) {
        return kd_fail(err, KD_E_MEMORY, "%zu bytes of memory cannot be had", bytes);
    }
    memset(memory, 0, (bytes / ALIGNMENT + 1) * ALIGNMENT);
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

static bool wait_for_all(kd_device *device, kd_error *err) {
    fault_collect(device);
    if (!device->failed) {
        return true;
    }
    device->failed = false;
    return kd_fail(err, device->failure.code, "%s", device->failure.message);
}

/* Kernels of companions are built for the CPU as the device's own are. */
static const void *extension(kd_device *device, const char *id) {
    static const kd_device_kernels of_others = {.size = sizeof of_others, .accepts = "cuda"};
    static const kd_device_feed feeding = {
        .size = sizeof feeding, .fetch = cuda_feed_fetch, .advance = cuda_feed_advance};
    static const kd_device_prefetching prefetching = {.size = sizeof prefetching,
                                                      .copy = cuda_prefetch_copy};
    static const emulated_steps steps = {.widen = widen_bf16, .add_bias = add_bias};
    static const struct {
        const char *id;
        const void *table;
    } all[] = {{KD_DEVICE_KERNELS, &of_others},
               {KD_DEVICE_FEED, &feeding},
               {KD_DEVICE_PREFETCH, &prefetching},
               {EMULATED_STEPS, &steps}};
    const void *ret = NULL;
    (void)device;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ret = strcmp(all[i].id, id) == 0 ? all[i].table : ret;
    }
    return ret;
}

static kd_kernel kernels[MOST_KERNELS];

static kd_device_plugin table = {.size = sizeof table,
                                 .flags = KD_DEVICE_HOST_MEMORY,
                                 .open = device_open,
                                 .close = device_close,
                                 .describe = describe,
                                 .allocate = allocate,
                                 .release = release,
                                 .upload = transfer,
                                 .download = transfer,
                                 .wait = wait_for_all,
                                 .alignment = ALIGNMENT,
                                 .fast_types = 1u << KD_BF16,
                                 .kernel_stride = sizeof kernels[0],
                                 .kernels = kernels,
                                 .extension = extension};

static void add_family(const kd_kernel *family) {
    for (; family->op && table.n_kernels < MOST_KERNELS; family++) {
        kernels[table.n_kernels++] = *family;
    }
}

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = KD_KIND_DEVICE,
                                     .table = &table};
    (void)host;
    (void)err;
    if (table.n_kernels == 0) {
#define ADD_FAMILY(name) add_family(name);
        OWN_FAMILIES(ADD_FAMILY)
    }
    return &plugin;
}
