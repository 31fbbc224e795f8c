/* SPDX-License-Identifier: Apache-2.0
 * Loading cuDNN and cuBLASLt, and their handles. They are never unloaded. */
#include "vendor.h"

#include <dlfcn.h>
#include <stdlib.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define CUDNN_FILE "libcudnn.so." TEXT(CUDNN_MAJOR)
#define CUBLAS_FILE "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)
#define CUDNN_MINIMUM 90100

/* One call of a library, and where its address goes. */
typedef struct symbol {
    const char *name;
    size_t offset;
} symbol;

#define SYMBOL(name) {#name, offsetof(vendor_calls, name)},
static const symbol cudnn_symbols[] = {CUDNN_CALLS(SYMBOL){NULL, 0}};
static const symbol cublas_symbols[] = {CUBLAS_CALLS(SYMBOL){NULL, 0}};
#undef SYMBOL

static bool load(const char *file, const char *what, const symbol *symbols, vendor_calls *ret,
                 kd_error *err) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        kd_fail(err, KD_E_DEVICE, "%s does not load: %s", what, dlerror());
        return kd_hint(err,
                       "install %s, or put the folder that holds %s into LD_LIBRARY_PATH; it may "
                       "also lie beside the plugin",
                       what, file);
    }
    for (const symbol *s = symbols; s->name; s++) {
        void *address = dlsym(library, s->name);
        if (!address) {
            kd_fail(err, KD_E_DEVICE, "%s has no %s", file, s->name);
            return kd_hint(err, "install a newer %s", what);
        }
        memcpy((char *)ret + s->offset, &address, sizeof address);
    }
    return true;
}

bool vendor_load(vendor_calls *ret, kd_error *err) {
    if (!load(CUDNN_FILE, "cuDNN " TEXT(CUDNN_MAJOR), cudnn_symbols, ret, err) ||
        !load(CUBLAS_FILE, "cuBLAS " TEXT(CUBLAS_VER_MAJOR), cublas_symbols, ret, err)) {
        return false;
    }
    const size_t version = ret->cudnnGetVersion();
    if (version < CUDNN_MINIMUM) {
        kd_fail(err, KD_E_DEVICE, "cuDNN %zu is too old", version);
        return kd_hint(err, "install cuDNN " TEXT(CUDNN_MAJOR) ".1 or newer");
    }
    return true;
}

static bool open_handles(kd_device *device, vendor *v, kd_error *err) {
    const cudnnStatus_t dnn = v->call.cudnnCreate(&v->dnn);
    if (dnn != CUDNN_STATUS_SUCCESS) {
        v->dnn = NULL;
        kd_fail(err, KD_E_DEVICE, "cuDNN does not start: %s", v->call.cudnnGetErrorString(dnn));
        return kd_hint(err, "is the GPU's memory taken by others?");
    }
    const cudnnStatus_t stream = v->call.cudnnSetStream(v->dnn, device->stream);
    if (stream != CUDNN_STATUS_SUCCESS) {
        return kd_fail(err, KD_E_DEVICE, "cuDNN refuses the stream: %s",
                       v->call.cudnnGetErrorString(stream));
    }
    const cublasStatus_t blas = v->call.cublasLtCreate(&v->blas);
    if (blas != CUBLAS_STATUS_SUCCESS) {
        v->blas = NULL;
        kd_fail(err, KD_E_DEVICE, "cuBLAS does not start: %s",
                v->call.cublasLtGetStatusString(blas));
        return kd_hint(err, "is the GPU's memory taken by others?");
    }
    return true;
}

bool vendor_open(kd_device *device, size_t memory, bool deterministic, bool tf32, kd_error *err) {
    vendor *v = state_create(sizeof *v, err);
    if (!v) {
        return false;
    }
    v->deterministic = deterministic;
    v->tf32 = tf32;
    v->most_workspace = (int64_t)(memory / WORKSPACE_SHARE);
    device->vendor = v;
    if (!vendor_load(&v->call, err) || !open_handles(device, v, err)) {
        vendor_close(device);
        return false;
    }
    return true;
}

void vendor_close(kd_device *device) {
    vendor *v = device->vendor;
    if (v && v->blas) {
        v->call.cublasLtDestroy(v->blas);
    }
    if (v && v->dnn) {
        v->call.cudnnDestroy(v->dnn);
    }
    free(v);
    device->vendor = NULL;
}
