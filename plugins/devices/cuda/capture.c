/* SPDX-License-Identifier: Apache-2.0
 * A program as one CUDA graph. */
#include "capture.h"

#include "memory.h"

#include <cuda_runtime_api.h>

/* Relaxed: in the other modes any call that could wait or allocate, on this thread or on all, ends
 * the capture, and cuDNN and cuBLAS make such calls when they load a kernel that the first run did
 * not need. They are harmless here, for what they do is not of the stream that is captured.
 * source  NVIDIA/warp, pull request 1393 and issue 1410: what poisons captures */
bool capture_begin(kd_device *device, kd_error *err) {
    const cudaError_t status = cudaStreamBeginCapture(device->stream, cudaStreamCaptureModeRelaxed);
    return status == cudaSuccess || cuda_fail((int)status, "beginning to record a program", err);
}

bool capture_end(kd_device *device, void **ret_recording, kd_error *err) {
    cudaGraph_t graph = NULL;
    cudaGraphExec_t recording = NULL;
    cudaError_t status = cudaStreamEndCapture(device->stream, &graph);
    if (status == cudaSuccess && !device->failed) {
        status = cudaGraphInstantiate(&recording, graph, 0);
        status = status == cudaSuccess ? cudaGraphUpload(recording, device->stream) : status;
    }
    if (graph) {
        cudaGraphDestroy(graph);
    }
    if (status == cudaSuccess && !device->failed) {
        *ret_recording = recording;
        return true;
    }
    if (recording) {
        cudaGraphExecDestroy(recording);
    }
    if (device->failed) { /* the reason, where CUDA knows only that it ended */
        device->failed = false;
        cudaGetLastError();
        return kd_fail(err, device->failure.code, "%s", device->failure.message);
    }
    return cuda_fail((int)status, "recording a program", err);
}

void capture_launch(kd_device *device, void *recording) {
    const cudaError_t status = cudaGraphLaunch(recording, device->stream);
    if (status != cudaSuccess) {
        device_fail(device, "launching a program: %s", cudaGetErrorString(status));
    }
}

void capture_release(kd_device *device, void *recording) {
    cudaStreamSynchronize(device->stream);
    cudaGraphExecDestroy(recording);
}
