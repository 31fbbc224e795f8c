/* SPDX-License-Identifier: Apache-2.0
 * A program as one CUDA graph. */
#include "capture.h"

#include "status.h"

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
        device->recorded = true;
        return true;
    }
    if (recording) {
        cudaGraphExecDestroy(recording);
    }
    /* The reason, where CUDA knows only that it ended. */
    return device_take_failure(device, err) && cuda_fail((int)status, "recording a program", err);
}

void capture_launch(kd_device *device, void *recording) {
    device_check(device, (int)cudaGraphLaunch(recording, device->stream), "launching a program");
}

void capture_release(kd_device *device, void *recording) {
    cudaStreamSynchronize(device->stream);
    cudaGraphExecDestroy(recording);
}
