/* SPDX-License-Identifier: Apache-2.0
 * A fixed number of channels side by side, in the compiler's vector types: for loops that are too
 * short for the compiler to make vector code of, whatever the processor. Of every function `lanes`
 * says how many count: LANES, a constant where these end up, but for the last channels of a pixel;
 * what lies behind them is 0 and is not written. */
#ifndef CPU_LANES_H
#define CPU_LANES_H

#include "numbers.h"

#define LANES 16

typedef float values __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t words __attribute__((vector_size(LANES * sizeof(int32_t)))); /* and masks: 0, -1 */
typedef uint32_t patterns __attribute__((vector_size(LANES * sizeof(uint32_t))));
typedef uint16_t halves __attribute__((vector_size(LANES * sizeof(uint16_t))));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* `a` where the mask is set, else `b`. */
ALWAYS_INLINE words choose(words mask, words a, words b) {
    return (a & mask) | (b & ~mask);
}

/* Elements [at, at + lanes) of f32 or bf16 memory. */
ALWAYS_INLINE values load_values(const void *from, bool half, int64_t at, int64_t lanes) {
    values f32 = {0};
    if (half) {
        halves bf16 = {0};
        memcpy(&bf16, (const uint16_t *)from + at, (size_t)lanes * sizeof(uint16_t));
        f32 = (values)(__builtin_convertvector(bf16, patterns) << 16);
    } else {
        memcpy(&f32, (const float *)from + at, (size_t)lanes * sizeof(float));
    }
    return f32;
}

/* Rounds as bf16_of does. */
ALWAYS_INLINE void store_values(void *to, bool half, int64_t at, int64_t lanes, values from) {
    if (half) {
        const patterns bits = (patterns)from, rounded = bits + 0x7fff + (bits >> 16 & 1);
        const words is_nan = from != from;
        const words f32 = choose(is_nan, (words)(bits | 0x400000), (words)rounded);
        const halves bf16 = __builtin_convertvector((patterns)f32 >> 16, halves);
        memcpy((uint16_t *)to + at, &bf16, (size_t)lanes * sizeof(uint16_t));
    } else {
        memcpy((float *)to + at, &from, (size_t)lanes * sizeof(float));
    }
}

/* In two steps, of which gcc knows the instructions; of one it makes 16 moves. */
ALWAYS_INLINE words load_bytes(const uint8_t *from, int64_t lanes) {
    bytes narrow = {0};
    memcpy(&narrow, from, (size_t)lanes);
    return __builtin_convertvector(__builtin_convertvector(narrow, halves), words);
}

/* The lowest byte of each. */
ALWAYS_INLINE void store_bytes(uint8_t *to, int64_t lanes, words from) {
    const bytes narrow = __builtin_convertvector(from, bytes);
    memcpy(to, &narrow, (size_t)lanes);
}

#endif
