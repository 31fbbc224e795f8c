/* SPDX-License-Identifier: Apache-2.0
 * cuDNN and cuBLASLt, loaded when the device is opened and called through a table, so that the
 * plugin's file is whole without them and their absence is a message. */
#ifndef CUDA_VENDOR_H
#define CUDA_VENDOR_H

#include "device.h"

#include <cublasLt.h>
#include <cudnn.h>

#define CUDNN_CALLS(X)                                                                             \
    X(cudnnGetVersion)                                                                             \
    X(cudnnGetErrorString)                                                                         \
    X(cudnnGetLastErrorString)                                                                     \
    X(cudnnCreate)                                                                                 \
    X(cudnnDestroy)                                                                                \
    X(cudnnSetStream)                                                                              \
    X(cudnnBackendCreateDescriptor)                                                                \
    X(cudnnBackendDestroyDescriptor)                                                               \
    X(cudnnBackendSetAttribute)                                                                    \
    X(cudnnBackendGetAttribute)                                                                    \
    X(cudnnBackendFinalize)                                                                        \
    X(cudnnBackendExecute)

#define CUBLAS_CALLS(X)                                                                            \
    X(cublasLtGetVersion)                                                                          \
    X(cublasLtGetStatusString)                                                                     \
    X(cublasLtCreate)                                                                              \
    X(cublasLtDestroy)                                                                             \
    X(cublasLtMatmulDescCreate)                                                                    \
    X(cublasLtMatmulDescDestroy)                                                                   \
    X(cublasLtMatmulDescSetAttribute)                                                              \
    X(cublasLtMatrixLayoutCreate)                                                                  \
    X(cublasLtMatrixLayoutDestroy)                                                                 \
    X(cublasLtMatrixLayoutSetAttribute)                                                            \
    X(cublasLtMatmulPreferenceCreate)                                                              \
    X(cublasLtMatmulPreferenceDestroy)                                                             \
    X(cublasLtMatmulPreferenceSetAttribute)                                                        \
    X(cublasLtMatmulAlgoGetHeuristic)                                                              \
    X(cublasLtMatmul)

#define VENDOR_CALL(name) __typeof__(name) *name;
typedef struct vendor_calls {
    CUDNN_CALLS(VENDOR_CALL)
    CUBLAS_CALLS(VENDOR_CALL)
} vendor_calls;
#undef VENDOR_CALL

/* Bytes that every tensor of the device is aligned to, at least: variables lie in regions, not each
 * in memory of its own. Vectors of 16 bytes are the widest that kernels load. */
#define TENSOR_ALIGNMENT 16

/* Of the GPU's memory, a workspace of cuDNN's that is not called large: it is there once, for all
 * nodes, while a small one may be slow in each. */
#define WORKSPACE_SHARE 16

typedef struct plan plan;

struct vendor {
    vendor_calls call;
    bool deterministic, tf32;
    int64_t most_workspace; /* bytes, of an engine while another one will do */
    cudnnHandle_t dnn;      /* NULL where plans are only built, for: */
    void *described;        /* a cudnnBackendDescriptor_t of a device that is not here */
    cublasLtHandle_t blas;  /* NULL likewise */
    plan *plans;            /* what equal nodes share */
};

/* Finds the libraries and fills `ret`. fails with KD_E_DEVICE when one is missing, too old, or
 * lacks a call. */
bool vendor_load(vendor_calls *ret, kd_error *err);

/* Loads the libraries and opens a handle of each. `memory`: the GPU's, in bytes. */
bool vendor_open(kd_device *device, size_t memory, bool deterministic, bool tf32, kd_error *err);
void vendor_close(kd_device *device);

#endif
