/* SPDX-License-Identifier: Apache-2.0
 * Tensors out of nothing, of a list or of a key, and copies into memory of their own or into
 * another type: fill, range, constant, random, copy, cast. */
#include "elements.h"
#include "kernels.h"

#include <kindred/philox.h>

namespace {

struct alignas(16) pattern {
    unsigned char byte[16];
};

/* The pattern over and over. */
__global__ void __launch_bounds__(THREADS) fill_all(pattern p, unsigned char *y, int64_t bytes) {
    for (EACH(i, bytes / 16)) {
        reinterpret_cast<pattern *>(y)[i] = p;
    }
    for (EACH(i, bytes % 16)) {
        y[bytes / 16 * 16 + i] = p.byte[i];
    }
}

__global__ void __launch_bounds__(THREADS) count_up(int32_t start, int32_t *y, int64_t count) {
    for (EACH(i, count)) {
        y[i] = start + (int32_t)i;
    }
}

__global__ void __launch_bounds__(THREADS)
    draw_all(const int64_t *key, uint32_t stream, float *y, int64_t count) {
    const uint64_t seed = (uint64_t)key[0], step = (uint64_t)key[1];
    for (EACH(i, (count + 3) / 4)) {
        const kd_philox r = kd_stream_draw(seed, step, stream, (uint32_t)i);
        for (int k = 0; k < 4 && i * 4 + k < count; k++) {
            y[i * 4 + k] = kd_uniform(r.word[k]);
        }
    }
}

/* ---- Conversions: floats are truncated to integers, and rounded to nearest even among floats. */

template <class To, class From> struct conversion {
    static __device__ __forceinline__ To of(From x) {
        return (To)x;
    }
};
template <class To> struct conversion<To, bf16> {
    static __device__ __forceinline__ To of(bf16 x) {
        return conversion<To, float>::of(__bfloat162float(x));
    }
};
template <class From> struct conversion<bf16, From> {
    static __device__ __forceinline__ bf16 of(From x) {
        return __float2bfloat16_rn((float)x);
    }
};
template <> struct conversion<uint8_t, float> {
    static __device__ __forceinline__ uint8_t of(float x) {
        return (uint8_t)(int32_t)x;
    }
};
template <> struct conversion<bf16, bf16> {
    static __device__ __forceinline__ bf16 of(bf16 x) {
        return x;
    }
};

template <class From, class To>
__global__ void __launch_bounds__(THREADS) convert_all(const From *x, To *y, int64_t count) {
    constexpr int N = 16 / (int)(sizeof(From) > sizeof(To) ? sizeof(From) : sizeof(To));
    for (EACH(i, count / N)) {
        const pack<From, N> from = load<N>(x + i * N);
        pack<To, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            to.at[k] = conversion<To, From>::of(from.at[k]);
        }
        store(y + i * N, to);
    }
    for (EACH(i, count % N)) {
        y[count / N * N + i] = conversion<To, From>::of(x[count / N * N + i]);
    }
}

/* ---- On the host. ---- */

template <class From, class To>
void convert(kd_device *device, const void *x, void *y, int64_t count) {
    KD_LAUNCH(device, (convert_all<From, To>), blocks_for(count / 4 + 1), THREADS, 0,
              (const From *)x, (To *)y, count);
}

typedef void converter(kd_device *device, const void *x, void *y, int64_t count);

#define TO_ALL(From)                                                                               \
    {                                                                                              \
        convert<From, float>, convert<From, bf16>, convert<From, int32_t>, convert<From, int64_t>, \
            convert<From, uint8_t>                                                                 \
    }
/* By place_of the types. */
converter *const converters[5][5] = {TO_ALL(float), TO_ALL(bf16), TO_ALL(int32_t), TO_ALL(int64_t),
                                     TO_ALL(uint8_t)};

int place_of(int32_t dtype) {
    static const int32_t order[] = {KD_F32, KD_BF16, KD_I32, KD_I64, KD_U8};
    int place = 0;
    while (order[place] != dtype) {
        place++;
    }
    return place;
}

bool prepare_any(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err);
}

void run_cast(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
              void *) {
    const int64_t count = kd_elements(&node->outputs[0]);
    if (count) {
        converters[place_of(node->inputs[0].dtype)][place_of(node->outputs[0].dtype)](
            device, in[0], out[0], count);
    }
}

void run_copy(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
              void *) {
    if (kd_elements(&node->outputs[0])) {
        cudaMemcpyAsync(out[0], in[0], kd_bytes(&node->outputs[0]), cudaMemcpyDeviceToDevice,
                        device->stream);
        device_check_launch(device, "copy");
    }
}

uint16_t bf16_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(x != x ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Element i of host memory. */
void put(void *data, int32_t dtype, int64_t i, double value) {
    switch (dtype) {
    case KD_F32:
        ((float *)data)[i] = (float)value;
        break;
    case KD_BF16:
        ((uint16_t *)data)[i] = bf16_bits((float)value);
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

void run_fill(kd_device *device, const kd_node *node, void *, void *const *, void *const *out,
              void *) {
    const kd_spec *y = &node->outputs[0];
    pattern p;
    for (size_t i = 0; i < 16 / kd_dtype_bytes(y->dtype); i++) {
        put(p.byte, y->dtype, (int64_t)i, kd_attr_float(node, "value", 0));
    }
    const int64_t bytes = (int64_t)kd_bytes(y);
    if (bytes) {
        KD_LAUNCH(device, fill_all, blocks_for(bytes / 16 + 1), THREADS, 0, p,
                  (unsigned char *)out[0], bytes);
    }
}

void run_range(kd_device *device, const kd_node *node, void *, void *const *, void *const *out,
               void *) {
    const int64_t count = kd_elements(&node->outputs[0]);
    if (count) {
        KD_LAUNCH(device, count_up, blocks_for(count), THREADS, 0,
                  (int32_t)kd_attr_int(node, "start", 0), (int32_t *)out[0], count);
    }
}

bool prepare_random(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    return node->outputs[0].dtype == KD_F32 || refuse(node, "gives f32", err);
}

void run_random(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
                void *) {
    const int64_t count = kd_elements(&node->outputs[0]);
    if (count) {
        KD_LAUNCH(device, draw_all, blocks_for((count + 3) / 4), THREADS, 0, (const int64_t *)in[0],
                  (uint32_t)kd_attr_int(node, "stream", 0), (float *)out[0], count);
    }
}

/* The state is the list itself, in device memory. */
bool prepare_constant(kd_device *device, const kd_node *node, void **ret_state, size_t *,
                      kd_error *err) {
    const kd_spec *y = &node->outputs[0];
    uint32_t count;
    const double *values = kd_attr_floats(node, "values", &count);
    if (!accept_types(node, FLOATS | INTEGERS, err)) {
        return false;
    }
    void *list = state_create(kd_bytes(y) + 1, err);
    for (int64_t i = 0; list && i < kd_elements(y); i++) {
        put(list, y->dtype, i, values[i]);
    }
    const bool made = list && constant_create(device, list, kd_bytes(y), ret_state, err);
    release_state(device, list);
    return made;
}

void run_constant(kd_device *device, const kd_node *node, void *state, void *const *,
                  void *const *out, void *) {
    void *const list[] = {state};
    run_copy(device, node, nullptr, list, out, nullptr);
}

} // namespace

#define KERNEL(op, prepare, run)                                                                   \
    { sizeof(kd_kernel), 0, op, prepare, run, nullptr }

extern "C" const kd_kernel cuda_source[] = {
    KERNEL("copy", prepare_any, run_copy),
    KERNEL("fill", prepare_any, run_fill),
    KERNEL("range", prepare_any, run_range),
    KERNEL("random", prepare_random, run_random),
    {sizeof(kd_kernel), 1, "cast", prepare_any, run_cast, nullptr},
    {sizeof(kd_kernel), 0, "constant", prepare_constant, run_constant, constant_destroy},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
