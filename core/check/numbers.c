/* SPDX-License-Identifier: Apache-2.0
 * Converts and compares numbers of any type. */
#include "check/numbers.h"

#include <kindred/graph.h>
#include <math.h>
#include <string.h>

/* Rounds by carrying into the kept half: another way than the reference device's. */
static uint16_t to_bf16(double value) {
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (isnan(value)) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float from_bf16(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

double number_get(const void *data, int32_t dtype, int64_t i) {
    switch (dtype) {
    case KD_F32:
        return (double)((const float *)data)[i];
    case KD_F64:
        return ((const double *)data)[i];
    case KD_BF16:
        return (double)from_bf16(((const uint16_t *)data)[i]);
    case KD_I32:
        return ((const int32_t *)data)[i];
    case KD_I64:
        return (double)((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

void number_put(void *data, int32_t dtype, int64_t i, double value) {
    switch (dtype) {
    case KD_F32:
        ((float *)data)[i] = (float)value;
        break;
    case KD_F64:
        ((double *)data)[i] = value;
        break;
    case KD_BF16:
        ((uint16_t *)data)[i] = to_bf16(value);
        break;
    case KD_I32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case KD_I64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)(int32_t)value;
    }
}

double number_round(double x, int32_t dtype) {
    double kept;
    number_put(&kept, dtype, 0, x);
    return number_get(&kept, dtype, 0);
}

const char *number_type_name(int32_t dtype) {
    static const char *const names[] = {"real", "f32", "f64", "bf16", "i32", "i64", "u8"};
    return names[dtype];
}

double number_error(const double *got, const double *want, int64_t count) {
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(want[i]) && isfinite(got[i])) {
            difference += (got[i] - want[i]) * (got[i] - want[i]);
            size += want[i] * want[i];
        } else if (!(isnan(want[i]) && isnan(got[i])) && got[i] != want[i]) {
            return HUGE_VAL;
        }
    }
    return difference > 0 ? (size > 0 ? difference / size : HUGE_VAL) : 0;
}
