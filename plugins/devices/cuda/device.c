/* SPDX-License-Identifier: Apache-2.0
 * The cuda device: one NVIDIA GPU, cuDNN for convolutions, cuBLASLt for matrix products, own
 * kernels for the rest, f32 and bf16. */
#include "device.h"

#include "capture.h"
#include "extension.h"
#include "faults.h"
#include "kernels.h"
#include "memory.h"
#include "status.h"
#include "vendor.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

#define ALIGNMENT 256u
#define OLDEST_GPU 8 /* compute capability, major: bf16 */
#define MAX_KERNELS 160

#define MAJOR(version) ((version) / 1000)
#define MINOR(version) ((version) % 1000 / 10)

void device_check_launch(kd_device *device, const char *kernel) {
    const int status = (int)cudaGetLastError();
    device_check(device, status, "%s %s", status_sticks(status) ? "found at" : "launching", kernel);
}

struct cuda {
    int index;
    bool deterministic, tf32;
};

/* Without driver or GPU there is nothing to complain of: KD_E_UNSUPPORTED. All else is a GPU that
 * could be used and cannot: KD_E_DEVICE. */
static bool find_gpu(int index, kd_error *err) {
    int driver = 0, count = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        cudaGetLastError();
        kd_fail(err, KD_E_UNSUPPORTED, "no NVIDIA driver is installed");
        return kd_hint(err, "use device: {plugin: cpu}, or install NVIDIA's driver for CUDA %d",
                       MAJOR(CUDART_VERSION));
    }
    if (MAJOR(driver) < MAJOR(CUDART_VERSION)) {
        kd_fail(err, KD_E_DEVICE, "the NVIDIA driver is for CUDA %d.%d, this build for CUDA %d.%d",
                MAJOR(driver), MINOR(driver), MAJOR(CUDART_VERSION), MINOR(CUDART_VERSION));
        return kd_hint(err, "update the driver, or build with CUDA %d", MAJOR(driver));
    }
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
        cudaGetLastError();
        kd_fail(err, KD_E_UNSUPPORTED, "no NVIDIA GPU is found");
        return kd_hint(err, "does CUDA_VISIBLE_DEVICES hide it?");
    }
    if (status != cudaSuccess) {
        return cuda_fail((int)status, "looking for GPUs", err);
    }
    if (index >= count) {
        kd_fail(err, KD_E_INVALID, "there is no GPU %d", index);
        return kd_hint(err, "device.index goes from 0 to %d here", count - 1);
    }
    return true;
}

static bool check_gpu(int index, struct cudaDeviceProp *ret, kd_error *err) {
    const cudaError_t status = cudaGetDeviceProperties(ret, index);
    if (status != cudaSuccess) {
        return cuda_fail((int)status, "asking the GPU for its properties", err);
    }
    if (ret->major < OLDEST_GPU) {
        kd_fail(err, KD_E_DEVICE,
                "%s is too old: it has compute capability %d.%d, and %d.0 is needed", ret->name,
                ret->major, ret->minor, OLDEST_GPU);
        return kd_hint(
            err,
            "use device: {plugin: cpu}, or a GPU from Ampere on (A100, H100, RTX 30 or newer)");
    }
    return true;
}

/* The first call that touches the GPU makes its context, which takes memory. */
static bool open_stream(kd_device *device, int index, kd_error *err) {
    cudaError_t status = cudaSetDevice(index);
    status = status == cudaSuccess ? cudaFree(NULL) : status;
    status = status == cudaSuccess
                 ? cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking)
                 : status;
    if (status != cudaSuccess) {
        device->stream = NULL;
        return cuda_fail((int)status, "starting the GPU", err);
    }
    return true;
}

static size_t free_memory(void) {
    size_t free_bytes = 0, total = 0;
    if (cudaMemGetInfo(&free_bytes, &total) != cudaSuccess) {
        cudaGetLastError(); /* or the first launch would be blamed for it */
        return 0;
    }
    return free_bytes;
}

static void write_description(kd_device *device, const struct cuda *options,
                              const struct cudaDeviceProp *gpu) {
    const vendor_calls *call = &device->vendor->call;
    int driver = 0;
    cudaDriverGetVersion(&driver);
    const size_t dnn = call->cudnnGetVersion(), blas = call->cublasLtGetVersion();
    snprintf(device->description, sizeof device->description,
             "%s, driver for CUDA %d.%d, CUDA %d.%d, cuDNN %zu.%zu.%zu, cuBLAS %zu.%zu.%zu%s%s",
             gpu->name, MAJOR(driver), MINOR(driver), MAJOR(CUDART_VERSION), MINOR(CUDART_VERSION),
             dnn / 10000, dnn / 100 % 100, dnn % 100, blas / 10000, blas / 100 % 100, blas % 100,
             options->tf32 ? ", tf32" : "", options->deterministic ? "" : ", not deterministic");
}

static void device_close(kd_device *device) {
    if (device->stream) {
        cudaStreamSynchronize(device->stream);
    }
    vendor_close(device);
    staging_destroy(device->staging);
    pinned_destroy(device->fault);
    fault_finish(device);
    if (device->stream) {
        cudaStreamDestroy(device->stream);
    }
    cudaGetLastError(); /* what failed on the way: the next device begins with a clean slate */
    free(device);
}

static bool device_open(const void *config, const kd_host *host, kd_device **ret, kd_error *err) {
    const struct cuda *options = config;
    struct cudaDeviceProp gpu;
    if (!find_gpu(options->index, err) || !check_gpu(options->index, &gpu, err)) {
        return false;
    }
    kd_device *device = state_create(sizeof *device, err);
    if (!device) {
        return false;
    }
    device->host = host;
    device->index = options->index;
    device->multiprocessors = gpu.multiProcessorCount;
    if (!open_stream(device, options->index, err)) {
        device_close(device);
        return false;
    }
    device->free_at_first = free_memory();
    device->staging = staging_create(err);
    device->fault = device->staging ? pinned_create(sizeof *device->fault, err) : NULL;
    if (!device->fault ||
        !vendor_open(device, gpu.totalGlobalMem, options->deterministic, options->tf32, err)) {
        device_close(device);
        return false;
    }
    write_description(device, options, &gpu);
    *ret = device;
    return true;
}

static const char *describe(kd_device *device) {
    return device->description;
}

/* Handles of the libraries, and tables that kernels keep. */
static size_t overhead(kd_device *device) {
    const size_t now = free_memory();
    return device->free_at_first > now ? device->free_at_first - now : 0;
}

bool device_wait(kd_device *device, kd_error *err) {
    const cudaError_t status = cudaStreamSynchronize(device->stream);
    fault_collect(device);
    return device_take_failure(device, err) &&
           (status == cudaSuccess || cuda_fail((int)status, "the GPU", err));
}

KD_PLUGIN(DEVICE, "cuda", "0.1.0", struct cuda, "one NVIDIA GPU, in f32 and bf16",
          "https://docs.nvidia.com/cuda")
KD_INT(struct cuda, index, 0, 0, 63, "of the GPU, as CUDA counts them")
KD_BOOL(struct cuda, deterministic, true, "two runs give the same bits")
KD_BOOL(struct cuda, tf32, false, "f32 products keep 10 bits of each factor: faster, less exact")

static const kd_device_plugin table = {
    .size = sizeof(kd_device_plugin),
    .open = device_open,
    .close = device_close,
    .describe = describe,
    .allocate = memory_allocate,
    .release = memory_release,
    .upload = memory_upload,
    .download = memory_download,
    .wait = device_wait,
    .alignment = ALIGNMENT,
    .fast_types = 1u << KD_BF16,
    .kernel_stride = sizeof(kd_kernel),
    .overhead = overhead,
    .capture_begin = capture_begin,
    .capture_end = capture_end,
    .launch = capture_launch,
    .capture_release = capture_release,
    .extension = extension_find,
};

/* By hand, not through KD_DEVICE: the families of kernels become one list. */
const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static kd_kernel kernels[MAX_KERNELS];
    static kd_device_plugin whole;
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = kd_this_kind,
                                     .table = &whole};
#define FAMILY(name) name,
    static const kd_kernel *const families[] = {OWN_FAMILIES(FAMILY) LIBRARY_FAMILIES(FAMILY)};
#undef FAMILY
    (void)host;
    uint32_t count = 0;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const kd_kernel *k = families[f]; k->op; k++) {
            if (count == MAX_KERNELS) {
                kd_fail(err, KD_E_INTERNAL, "more than %d kernels", MAX_KERNELS);
                return NULL;
            }
            kernels[count++] = *k;
        }
    }
    whole = table;
    whole.kernels = kernels;
    whole.n_kernels = count;
    return &plugin;
}
