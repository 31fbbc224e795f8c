/* SPDX-License-Identifier: Apache-2.0
 * What .cu files use of CUDA, on the CPU: the test build includes it before each of them, so that
 * launch.h leaves the toolkit alone. Device memory is the host's, and every call has ended when it
 * returns. emulation.h says what this finds. */
#ifndef TESTS_CUDA_ON_CPU_H
#define TESTS_CUDA_ON_CPU_H

#include "emulation.h"

#include <cmath>
#include <cstdlib>
#include <tuple>
#include <utility>

/* Arguments are evaluated here and now, as CUDA does, however late the launch. */
#define KD_LAUNCH_ON(device, on, kernel, grid, block, shared, ...)                                 \
    do {                                                                                           \
        emulation::launch_all((on),                                                                \
                              emulation::shape{#kernel, reinterpret_cast<const void *>(kernel),    \
                                               (grid), (block), (size_t)(shared)},                 \
                              [all = std::make_tuple(__VA_ARGS__)] { std::apply(kernel, all); });  \
        device_check_launch((device), #kernel);                                                    \
    } while (0)

#define KD_LAUNCH(device, kernel, grid, block, shared, ...)                                        \
    KD_LAUNCH_ON(device, (device)->stream, kernel, grid, block, shared, __VA_ARGS__)

#define KD_DYNAMIC_SHARED(type, name) type *name = static_cast<type *>(emulation::dynamic_shared())

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __shared__ static __attribute__((section("kd_shared")))

#define threadIdx (emulation::here().thread)
#define blockIdx (emulation::here().block)
#define blockDim (emulation::here().block_dim)
#define gridDim (emulation::here().grid_dim)

/* A default argument is evaluated at the call: so every wait knows its line. */
#define EMULATION_LINE int line = __builtin_LINE()

inline void __syncthreads(EMULATION_LINE) {
    emulation::block_barrier(line);
}

inline void __syncwarp(unsigned mask = ~0u, EMULATION_LINE) {
    emulation::warp_barrier(mask, line);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATION_LINE) {
    const unsigned first = emulation::lane() & ~(unsigned)(width - 1);
    return emulation::shuffle("__shfl_sync", mask, value,
                              first | ((unsigned)source & (unsigned)(width - 1)), line);
}

template <class T> T __shfl_xor_sync(unsigned mask, T value, int with, EMULATION_LINE) {
    return emulation::shuffle("__shfl_xor_sync", mask, value, emulation::lane() ^ (unsigned)with,
                              line);
}

template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned by, EMULATION_LINE) {
    const unsigned lane = emulation::lane();
    return emulation::shuffle("__shfl_up_sync", mask, value, lane < by ? lane : lane - by, line);
}

inline unsigned __ballot_sync(unsigned mask, int holds, EMULATION_LINE) {
    unsigned ballot;
    emulation::exchange("__ballot_sync", mask, holds != 0, 0, &ballot, line);
    return ballot;
}

inline void __threadfence() {
}

template <class T> T atomicAdd(T *to, T value) {
    static_assert(static_cast<T>(0.5) == 0, "sums of floats depend on the order");
    return __atomic_fetch_add(to, value, __ATOMIC_RELAXED);
}

inline int atomicCAS(int *at, int expected, int value) {
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
}

struct alignas(16) float4 {
    float x, y, z, w;
};

inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}

/* Past the cache of this processor's own. */
template <class T> T __ldcg(const T *from) {
    return *from;
}

/* On a GPU within 2 units in the last place. */
inline float __fdividef(float a, float b) {
    return a / b;
}

inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)((uint64_t)a * b >> 32);
}

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}

inline int __ffs(int x) {
    return __builtin_ffs(x);
}

struct __nv_bfloat16 {
    uint16_t bits;
};

inline float __bfloat162float(__nv_bfloat16 x) {
    const uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To nearest, ties to even; every NaN becomes the one that the hardware gives. */
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return {0x7fff};
    }
    return {(uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
}

#include "tensor_cores_on_cpu.h"

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorMemoryAllocation = 2,
} cudaError_t;
typedef struct CUstream_st *cudaStream_t;
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaMemcpyKind { cudaMemcpyDeviceToDevice = 3 };

#ifdef KD_CUDA_DOUBLE /* a double of the runtime has them */
extern "C" {
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaGetLastError();
cudaError_t cudaDeviceGetAttribute(int *ret, cudaDeviceAttr attribute, int device);
cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value);
}
#else
inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                                   cudaStream_t) {
    memmove(to, from, bytes);
    return cudaSuccess;
}

inline cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t) {
    memset(to, value, bytes);
    return cudaSuccess;
}

inline cudaError_t cudaGetLastError() {
    return cudaSuccess;
}

inline const char *cudaGetErrorString(cudaError_t status) {
    return status == cudaErrorMemoryAllocation ? "out of memory" : "no error";
}

/* What sm_90 has. */
inline cudaError_t cudaDeviceGetAttribute(int *ret, cudaDeviceAttr, int) {
    *ret = 232448;
    return cudaSuccess;
}

inline cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int value) {
    emulation_allow_shared(kernel, (size_t)value);
    return cudaSuccess;
}
#endif

#endif
