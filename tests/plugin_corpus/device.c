/* SPDX-License-Identifier: Apache-2.0
 * A device of whose two kernels the second has nothing to run; with TAKES_FAKE one that can be
 * opened, and takes other plugins' kernels for "fake". */
#include <kindred/device.h>
#include <kindred/device_extensions.h>

struct none {
    int unused;
};

#ifdef TAKES_FAKE
KD_PLUGIN(DEVICE, "taker", "1.0.0", struct none, "takes kernels", "-")
#else
KD_PLUGIN(DEVICE, "device", "1.0.0", struct none, "half a device", "-")
#endif

struct kd_device {
    int unused;
};

static bool opened(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    (void)config;
    (void)host;
#ifdef TAKES_FAKE
    static struct kd_device only;
    *ret = &only;
    (void)err;
    return true;
#else
    (void)ret;
    return kd_fail(err, KD_E_UNSUPPORTED, "a test's device");
#endif
}

static void closed(kd_device *device) {
    (void)device;
}

static const char *describe(kd_device *device) {
    (void)device;
    return "";
}

static bool allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    (void)device;
    (void)bytes;
    (void)ret;
    return kd_fail(err, KD_E_MEMORY, "none");
}

static void release(kd_device *device, void *memory) {
    (void)device;
    (void)memory;
}

static void copy(kd_device *device, void *to, const void *from, size_t bytes) {
    (void)device;
    (void)to;
    (void)from;
    (void)bytes;
}

static bool wait(kd_device *device, kd_error *err) {
    (void)device;
    (void)err;
    return true;
}

static void run(kd_device *device, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch) {
    (void)device;
    (void)node;
    (void)state;
    (void)inputs;
    (void)outputs;
    (void)scratch;
}

static const kd_kernel kernels[] = {{.size = sizeof(kd_kernel), .op = "relu", .run = run},
                                    {.size = sizeof(kd_kernel), .op = "add"}};

#ifdef TAKES_FAKE
static const void *extension_of(kd_device *device, const char *id) {
    static const kd_device_kernels of_others = {.size = sizeof of_others, .accepts = "fake"};
    (void)device;
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &of_others : NULL;
}
enum { N_KERNELS = 1 };
#else
#define extension_of NULL
enum { N_KERNELS = 2 };
#endif

KD_DEVICE(.open = opened, .close = closed, .describe = describe, .allocate = allocate,
          .release = release, .upload = copy, .download = copy, .wait = wait, .alignment = 64,
          .n_kernels = N_KERNELS, .kernel_stride = sizeof(kd_kernel), .kernels = kernels,
          .extension = extension_of)
