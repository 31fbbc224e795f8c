/* SPDX-License-Identifier: Apache-2.0
 * Counter-based random numbers: Philox4x32-10, for C and CUDA alike. A draw is a pure function of a
 * key and a counter, so it depends on no thread, no device and no earlier draw.
 *
 * source  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" */
#ifndef KINDRED_PHILOX_H
#define KINDRED_PHILOX_H

#include <stdint.h>

#ifdef __CUDACC__
#define KD_PHILOX static inline __host__ __device__
#else
#define KD_PHILOX static inline
#endif

typedef struct kd_philox {
    uint32_t word[4];
} kd_philox;

KD_PHILOX kd_philox kd_philox_draw(uint64_t key, uint32_t c0, uint32_t c1, uint32_t c2,
                                   uint32_t c3) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const kd_philox r = {{c0, c1, c2, c3}};
    return r;
}

/* In [0, 1), 24 bits: exact in float. */
KD_PHILOX float kd_uniform(uint32_t word) {
    return (float)(word >> 8) * (1.0f / 16777216.0f);
}

#endif
