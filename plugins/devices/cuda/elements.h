/* SPDX-License-Identifier: Apache-2.0
 * Types of elements as kernels see them: the number an element is computed as, packs of elements
 * that are moved at once, and how many blocks a kernel over many packs has. */
#ifndef CUDA_ELEMENTS_H
#define CUDA_ELEMENTS_H

#include "launch.h"

#include <cmath>
#include <cstdint>

typedef __nv_bfloat16 bf16;

/* What an element is computed as: float for both floating types, integers as they are. */
template <class T> struct number { typedef T type; };
template <> struct number<bf16> { typedef float type; };
template <class T> using number_of = typename number<T>::type;

template <class T> __device__ __forceinline__ T widen(T x) {
    return x;
}
__device__ __forceinline__ float widen(bf16 x) {
    return __bfloat162float(x);
}

/* Rounds to nearest even. */
template <class T> __device__ __forceinline__ T narrow(number_of<T> x) {
    return x;
}
template <> __device__ __forceinline__ bf16 narrow<bf16>(float x) {
    return __float2bfloat16_rn(x);
}

template <class T, int N> struct alignas(sizeof(T) * N) pack { T at[N]; };

/* At an address that is a multiple of the pack's size. */
template <int N, class T> __device__ __forceinline__ pack<T, N> load(const T *from) {
    return *reinterpret_cast<const pack<T, N> *>(from);
}
template <class T, int N> __device__ __forceinline__ void store(T *to, pack<T, N> x) {
    *reinterpret_cast<pack<T, N> *>(to) = x;
}

/* The same by one instruction whatever the compiler makes of the address. A walk that goes
 * backwards nvcc 13 stores element by element where it does not see that they are neighbours. */
template <class T, int N> __device__ __forceinline__ void store_whole(T *to, pack<T, N> x) {
#ifdef __CUDA_ARCH__
    if constexpr (sizeof x == 16) {
        unsigned part[4];
        memcpy(part, &x, sizeof x);
        asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)),
                     "r"(part[0]), "r"(part[1]), "r"(part[2]), "r"(part[3])
                     : "memory");
        return;
    }
#endif
    store(to, x);
}

/* N elements from `from` on, or N times the one there. */
template <int N, class T> __device__ __forceinline__ pack<T, N> load(const T *from, bool repeats) {
    if (!repeats) {
        return load<N>(from);
    }
    pack<T, N> x;
    for (int i = 0; i < N; i++) {
        x.at[i] = *from;
    }
    return x;
}

/* What moves elements and computes nothing takes any type for the unsigned one of its size: calls
 * `with` with a zero of the type of 1, 2, 4 or 8 bytes. */
template <class With> void for_unit_of(size_t bytes, const With &with) {
    switch (bytes) {
    case 1:
        return with(uint8_t());
    case 2:
        return with(uint16_t());
    case 4:
        return with(uint32_t());
    default:
        return with(uint64_t());
    }
}

/* The same of 16 bytes too. */
template <class With> void for_wide_unit_of(size_t bytes, const With &with) {
    if (bytes == 16) {
        return with(pack<uint64_t, 2>());
    }
    for_unit_of(bytes, with);
}

/* Elements in 16 bytes. */
template <class T> constexpr int PACK = 16 / (int)sizeof(T);

#define THREADS 256

/* Blocks of THREADS for that many steps, each thread taking several where there are many. */
static inline unsigned blocks_for(int64_t steps) {
    const int64_t blocks = (steps + THREADS - 1) / THREADS, most = 2048;
    return (unsigned)(blocks < most ? blocks : most);
}

/* for (EACH(i, count)): this thread's share of [0, count). */
#define EACH(i, count)                                                                             \
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;                                    \
    i < (count);                                                                                   \
    i += (int64_t)gridDim.x * blockDim.x

#endif
