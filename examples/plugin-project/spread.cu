/* SPDX-License-Identifier: Apache-2.0
 * The ops of spread.h for CUDA: the companion of alignment_uniformity.so. A block has a row; sums are
 * taken in one order, so that the bits are the same in every run. f32, sums in f64. */
#include "spread.h"

#include <kindred/device.h>

#ifndef KD_LAUNCH /* a test may run these kernels on the CPU */
#include <cuda_runtime.h>
#define KD_LAUNCH(host, kernel, grid, block, shared, ...)                                          \
    kernel<<<(grid), (block), (shared), (cudaStream_t)(host)->stream>>>(__VA_ARGS__)
#endif

namespace {

constexpr int THREADS = 128;

__device__ double potential(const float *a, const float *b, int64_t d, double t) {
    double square = 0;
    for (int64_t k = 0; k < d; k++) {
        const double apart = (double)a[k] - (double)b[k];
        square += apart * apart;
    }
    return exp(-t * square);
}

/* The sum over the block; every thread comes. */
__device__ double sum_block(double mine) {
    __shared__ double part[THREADS];
    part[threadIdx.x] = mine;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) {
            part[threadIdx.x] += part[threadIdx.x + half];
        }
    }
    __syncthreads();
    return part[0];
}

__global__ void sum_rows(const float *z, int64_t n, int64_t d, double t, double *sum) {
    const int64_t i = blockIdx.x;
    double mine = 0;
    for (int64_t j = threadIdx.x; j < n; j += THREADS) {
        mine += j == i ? 0 : potential(z + i * d, z + j * d, d, t);
    }
    const double all = sum_block(mine);
    if (threadIdx.x == 0) {
        sum[i] = all;
    }
}

__global__ void finish(const double *sum, int64_t n, float *y) {
    double mine = 0;
    for (int64_t i = threadIdx.x; i < n; i += THREADS) {
        mine += sum[i];
    }
    const double all = sum_block(mine);
    if (threadIdx.x == 0) {
        *y = (float)log(all / ((double)n * (double)(n - 1)));
    }
}

/* A tile of the potentials of row i at a time, one a thread; then each thread sums its columns. */
__global__ void grad_rows(const float *dy, const float *y, const float *z, int64_t n, int64_t d,
                          double t, double *sum, float *dz) {
    __shared__ double tile[THREADS];
    const int64_t i = blockIdx.x;
    const double scale =
        -4 * t * (double)*dy / ((double)n * (double)(n - 1) * exp((double)*y));
    for (int64_t k = threadIdx.x; k < d; k += THREADS) {
        sum[i * d + k] = 0;
    }
    for (int64_t first = 0; first < n; first += THREADS) {
        const int64_t j = first + threadIdx.x;
        __syncthreads();
        tile[threadIdx.x] =
            j >= n || j == i ? 0 : scale * potential(z + i * d, z + j * d, d, t);
        __syncthreads();
        for (int64_t k = threadIdx.x; k < d; k += THREADS) {
            for (int64_t other = first; other < n && other < first + THREADS; other++) {
                sum[i * d + k] +=
                    tile[other - first] * ((double)z[i * d + k] - (double)z[other * d + k]);
            }
        }
    }
    for (int64_t k = threadIdx.x; k < d; k += THREADS) {
        dz[i * d + k] = (float)sum[i * d + k];
    }
}

/* What CUDA says of the launch before this. Nobody else can ask: each module has a CUDA runtime of its
 * own, and keeps its own errors. */
void check_launch(const kd_kernel_host *host, const kd_node *node) {
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess && KD_HAS(kd_kernel_host, host, fail)) {
        host->fail(host, node, cudaGetErrorString(status));
    }
}

bool prepare(const kd_kernel_host *, const kd_node *node, void **, size_t *ret_scratch,
             kd_error *err) {
    const kd_spec *z = &node->inputs[node->n_inputs - 1];
    if (z->dim[0] < 2) {
        return kd_fail(err, KD_E_INVALID, "%s: %s of fewer than two rows", node->path, node->op);
    }
    const size_t columns = node->n_inputs == 3 ? (size_t)z->dim[1] : 1;
    *ret_scratch = (size_t)z->dim[0] * columns * sizeof(double);
    return kd_accept_types("cuda", node, 1u << KD_F32, err);
}

void run_spread(const kd_kernel_host *host, const kd_node *node, void *, void *const *in,
                void *const *out, void *scratch) {
    const int64_t n = node->inputs[0].dim[0], d = node->inputs[0].dim[1];
    const float *z = (const float *)in[0];
    double *sum = (double *)scratch;
    float *y = (float *)out[0];
    const double t = kd_attr_float(node, "t", 2);
    KD_LAUNCH(host, sum_rows, (unsigned)n, THREADS, 0, z, n, d, t, sum);
    check_launch(host, node);
    KD_LAUNCH(host, finish, 1, THREADS, 0, sum, n, y);
    check_launch(host, node);
}

void run_spread_grad(const kd_kernel_host *host, const kd_node *node, void *, void *const *in,
                     void *const *out, void *scratch) {
    const int64_t n = node->inputs[2].dim[0], d = node->inputs[2].dim[1];
    const float *dy = (const float *)in[0], *y = (const float *)in[1], *z = (const float *)in[2];
    double *sum = (double *)scratch;
    float *dz = (float *)out[0];
    const double t = kd_attr_float(node, "t", 2);
    KD_LAUNCH(host, grad_rows, (unsigned)n, THREADS, 0, dy, y, z, n, d, t, sum, dz);
    check_launch(host, node);
}

const kd_op_kernel kernels[] = {
    {sizeof(kd_op_kernel), 0, SPREAD, "cuda", prepare, run_spread, nullptr},
    {sizeof(kd_op_kernel), 0, SPREAD_GRAD, "cuda", prepare, run_spread_grad, nullptr},
};

} // namespace

KD_COMPANION(kernels)
