/* SPDX-License-Identifier: Apache-2.0
 * bf16 in integer arithmetic, so that every compiler turns loops over it into vector code. */
#ifndef CPU_NUMBERS_H
#define CPU_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE float bf16_value(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To nearest, ties to even; a NaN stays one. */
ALWAYS_INLINE uint16_t bf16_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    const uint32_t nan = bits | 0x400000u;
    return (uint16_t)(((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded) >> 16);
}

/* Element i of f32 or bf16 memory. `half` is a constant wherever these end up, so that one loop in
 * the source becomes one loop a type. */
ALWAYS_INLINE float load(const void *data, bool half, int64_t i) {
    return half ? bf16_value(((const uint16_t *)data)[i]) : ((const float *)data)[i];
}

ALWAYS_INLINE void store(void *data, bool half, int64_t i, float value) {
    if (half) {
        ((uint16_t *)data)[i] = bf16_of(value);
    } else {
        ((float *)data)[i] = value;
    }
}

/* e^x within 1.5 units in the last place, in arithmetic that becomes vector code: x = n ln 2 + r,
 * a polynomial in r, and 2^n in two factors so that subnormal results come out too.
 *
 * source  Cody and Waite 1980 (the split of ln 2); coefficients of the Taylor series are good
 *         enough to 6 terms for |r| <= ln 2 / 2 */
ALWAYS_INLINE float exp_of(float x) {
    const float low = x < -104.0f ? -104.0f : x, bounded = low > 89.0f ? 89.0f : low;
    const float shifted = bounded * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds */
    const float n = shifted - 12582912.0f;
    const float r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const int32_t whole = (int32_t)(bits - 0x4b400000u), half = whole / 2;
    const uint32_t first = (uint32_t)(half + 127) << 23;
    const uint32_t second = (uint32_t)(whole - half + 127) << 23;
    float a, b;
    memcpy(&a, &first, sizeof a);
    memcpy(&b, &second, sizeof b);
    return p * a * b;
}

/* e^(-x^2 / 2), the normal density but for its factor. */
ALWAYS_INLINE float density_power(float x) {
    return exp_of(-0.5f * x * x);
}

/* The normal distribution function, from density_power(x); below 0 within 5e-7 of itself however
 * small it is, apart from what `power` is off. That is power t p(t) with t = 1 / (1 + 0.21 |x|): t
 * has the 1 / |x| of the tail, and p, of degree 8, is the rest.
 *
 * source  the form of erfcc in Press et al., Numerical Recipes, section 6.2; coefficients
 *         fitted for the least relative error over |x| <= 15, which is 2.3e-8 */
ALWAYS_INLINE float normal_below(float x, float power) {
    const float size = x < 0 ? -x : x, t = 1.0f / (1.0f + 0.21f * size);
    float p = -0.0709446222f;
    p = p * t + 0.280079246f;
    p = p * t - 0.322865576f;
    p = p * t + 0.340741932f;
    p = p * t - 0.0877542943f;
    p = p * t + 0.1221385f;
    p = p * t + 0.069926843f;
    p = p * t + 0.0849595144f;
    p = p * t + 0.0837184712f;
    const float beyond = p * t * power;
    return x < 0 ? beyond : 1.0f - beyond;
}

/* d gelu(x) / d x = Phi(x) + x phi(x) */
ALWAYS_INLINE float gelu_slope(float x) {
    const float power = density_power(x);
    return normal_below(x, power) + x * (0.398942280f * power);
}

#endif
