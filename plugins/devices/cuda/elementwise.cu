/* SPDX-License-Identifier: Apache-2.0
 * Elementwise ops: out[i] = f(in[i]), with numpy's broadcasting where there are several inputs. One
 * pass, 16 bytes a step; f is chosen by a number that is the same for all threads.
 *
 * A NaN in gives a NaN out, through relu and maximum too. */
#include "elements.h"
#include "kernels.h"
#include "walk.h"

#include <type_traits>

namespace {

enum operation {
    GELU,
    GELU_GRAD,
    NEG,
    ABS,
    RELU,
    EXP,
    LOG,
    SQRT,
    AFFINE,
    ADD,
    SUB,
    MUL,
    DIV,
    MAXIMUM,
    GREATER,
    EQUAL
};

struct named {
    const char *op;
    operation code;
    uint32_t types;
};
const uint32_t NUMBERS = FLOATS | INTEGERS;
const named operations[] = {
    {"neg", NEG, NUMBERS},         {"abs", ABS, NUMBERS},
    {"relu", RELU, FLOATS},        {"exp", EXP, FLOATS},
    {"log", LOG, FLOATS},          {"sqrt", SQRT, FLOATS},
    {"affine", AFFINE, FLOATS},    {"add", ADD, NUMBERS},
    {"sub", SUB, NUMBERS},         {"mul", MUL, NUMBERS},
    {"div", DIV, FLOATS},          {"maximum", MAXIMUM, NUMBERS},
    {"greater", GREATER, NUMBERS}, {"equal", EQUAL, NUMBERS},
    {"gelu", GELU, FLOATS},        {"gelu_grad", GELU_GRAD, FLOATS},
};

struct function {
    operation code;
    float scale, shift; /* of affine */
};

/* Integers are added and multiplied as unsigned ones, and keep the lowest of their bits. */
template <class A> using bits_of = typename std::make_unsigned<A>::type;

/* Integers take the first two. */
template <class A> __device__ __forceinline__ A apply(const function &f, A x) {
    const A negated = (A)(0 - (bits_of<A>)x);
    const bool below = std::is_signed<A>::value && negated > x;
    return f.code == NEG || below ? negated : x;
}

/* e^(-x^2 / 2), the normal density but for its factor. */
__device__ __forceinline__ float density_power(float x) {
    return expf(-0.5f * x * x);
}

/* The normal distribution function, from density_power(x): one exponential does for both, and erfcf
 * would take another and two divisions. The polynomial is that of the cpu device's numbers.h: 1
 * less the function is power t p(t) with t = 1 / (1 + 0.21 |x|), whose relative error is 2.3e-8.
 *
 * source  the form of erfcc in Press et al., Numerical Recipes, section 6.2 */
__device__ __forceinline__ float normal_below(float x, float power) {
    const float t = __fdividef(1.0f, 1.0f + 0.21f * fabsf(x));
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

__device__ __forceinline__ float gelu(float x) {
    return x * normal_below(x, density_power(x));
}

/* d gelu(x) / d x */
__device__ __forceinline__ float gelu_slope(float x) {
    const float power = density_power(x);
    return normal_below(x, power) + x * (0.39894228f * power);
}

__device__ __forceinline__ float apply(const function &f, float x) {
    switch (f.code) {
    case NEG:
        return -x;
    case ABS:
        return fabsf(x);
    case RELU:
        return x < 0 ? 0 : x;
    case EXP:
        return expf(x);
    case LOG:
        return logf(x);
    case SQRT:
        return sqrtf(x);
    case GELU:
        return gelu(x);
    default:
        return f.scale * x + f.shift;
    }
}

template <class A> __device__ __forceinline__ A combine(operation code, A a, A b) {
    switch (code) {
    case ADD:
        return (A)((bits_of<A>)a + (bits_of<A>)b);
    case SUB:
        return (A)((bits_of<A>)a - (bits_of<A>)b);
    case MUL:
        return (A)((bits_of<A>)a * (bits_of<A>)b);
    default:
        return a >= b ? a : b;
    }
}
__device__ __forceinline__ float combine(operation code, float a, float b) {
    switch (code) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case GELU_GRAD:
        return a * gelu_slope(b);
    default:
        return a >= b || a != a ? a : b;
    }
}

/* Elements [at, at + N). */
template <class T, int N>
__device__ __forceinline__ void apply_at(const function &f, const T *x, T *y, int64_t at) {
    const pack<T, N> from = load<N>(x + at);
    pack<T, N> to;
#pragma unroll
    for (int k = 0; k < N; k++) {
        to.at[k] = narrow<T>(apply(f, widen(from.at[k])));
    }
    store(y + at, to);
}

template <class T>
__global__ void __launch_bounds__(THREADS) apply_all(function f, const T *x, T *y, int64_t count) {
    constexpr int N = PACK<T>;
    for (EACH(i, count / N)) {
        apply_at<T, N>(f, x, y, i * N);
    }
    for (EACH(i, count % N)) {
        apply_at<T, 1>(f, x, y, count / N * N + i);
    }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    combine_all(operation code, walk w, const T *a, const T *b, T *y) {
    for (EACH(i, w.count)) {
        int64_t at[2];
        walk_locate(w, (uint32_t)i, at);
        const pack<T, N> left = load<N>(a + at[0], w.repeats[0]);
        const pack<T, N> right = load<N>(b + at[1], w.repeats[1]);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            to.at[k] = narrow<T>(combine(code, widen(left.at[k]), widen(right.at[k])));
        }
        store(y + i * N, to);
    }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    compare_all(operation code, walk w, const T *a, const T *b, uint8_t *y) {
    for (EACH(i, w.count)) {
        int64_t at[2];
        walk_locate(w, (uint32_t)i, at);
        const pack<T, N> left = load<N>(a + at[0], w.repeats[0]);
        const pack<T, N> right = load<N>(b + at[1], w.repeats[1]);
        pack<uint8_t, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const number_of<T> l = widen(left.at[k]), r = widen(right.at[k]);
            to.at[k] = code == GREATER ? l > r : l == r;
        }
        store(y + i * N, to);
    }
}

/* ---- On the host. ---- */

/* Calls `with` with a zero of the type. */
template <class With> void for_number_of(int32_t dtype, const With &with) {
    switch (dtype) {
    case KD_F32:
        return with(float());
    case KD_BF16:
        return with(bf16());
    case KD_I32:
        return with(int32_t());
    case KD_I64:
        return with(int64_t());
    default:
        return with(uint8_t());
    }
}

struct plan {
    function f;
    walk w;
};

/* f32: 4 elements a step. */
int step_elements(int32_t dtype) {
    return (int)(16 / kd_dtype_bytes(dtype));
}

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    const named *op = operations;
    while (strcmp(op->op, node->op) != 0) {
        op++;
    }
    if (!accept_types(node, op->types, err)) {
        return false;
    }
    plan p = {};
    p.f = {op->code, (float)kd_attr_float(node, "scale", 1),
           (float)kd_attr_float(node, "shift", 0)};
    if (node->n_inputs == 2 &&
        !walk_of_inputs(node, step_elements(node->inputs[0].dtype), &p.w, err)) {
        return false;
    }
    plan *state = (plan *)state_create(sizeof p, err);
    if (!state) {
        return false;
    }
    *state = p;
    *ret_state = state;
    return true;
}

template <class T>
void apply_to(kd_device *device, const plan *p, int64_t count, const void *x, void *y) {
    KD_LAUNCH(device, apply_all<T>, blocks_for(count / PACK<T> + 1), THREADS, 0, p->f, (const T *)x,
              (T *)y, count);
}

void run_unary(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *) {
    const plan *p = (const plan *)state;
    const int64_t count = kd_elements(&node->outputs[0]);
    if (count == 0) {
        return;
    }
    for_number_of(node->inputs[0].dtype,
                  [&](auto zero) { apply_to<decltype(zero)>(device, p, count, in[0], out[0]); });
}

template <class T, int N>
void combine_in(kd_device *device, const plan *p, void *const *in, void *const *out) {
    KD_LAUNCH(device, (combine_all<T, N>), blocks_for(p->w.count), THREADS, 0, p->f.code, p->w,
              (const T *)in[0], (const T *)in[1], (T *)out[0]);
}

template <class T>
void combine_of(kd_device *device, const plan *p, void *const *in, void *const *out) {
    if (p->w.elements == PACK<T>) {
        combine_in<T, PACK<T>>(device, p, in, out);
    } else {
        combine_in<T, 1>(device, p, in, out);
    }
}

void run_binary(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *) {
    const plan *p = (const plan *)state;
    if (p->w.count == 0) {
        return;
    }
    for_number_of(node->inputs[0].dtype,
                  [&](auto zero) { combine_of<decltype(zero)>(device, p, in, out); });
}

template <class T>
void compare_of(kd_device *device, const plan *p, void *const *in, void *const *out) {
    const T *a = (const T *)in[0], *b = (const T *)in[1];
    uint8_t *y = (uint8_t *)out[0];
    if (p->w.elements == PACK<T>) {
        KD_LAUNCH(device, (compare_all<T, PACK<T>>), blocks_for(p->w.count), THREADS, 0, p->f.code,
                  p->w, a, b, y);
    } else {
        KD_LAUNCH(device, (compare_all<T, 1>), blocks_for(p->w.count), THREADS, 0, p->f.code, p->w,
                  a, b, y);
    }
}

void run_compare(kd_device *device, const kd_node *node, void *state, void *const *in,
                 void *const *out, void *) {
    const plan *p = (const plan *)state;
    if (p->w.count == 0) {
        return;
    }
    for_number_of(node->inputs[0].dtype,
                  [&](auto zero) { compare_of<decltype(zero)>(device, p, in, out); });
}

} // namespace

#define UNARY(op)                                                                                  \
    { sizeof(kd_kernel), 1, op, prepare, run_unary, release_state }
#define BINARY(op)                                                                                 \
    { sizeof(kd_kernel), 3, op, prepare, run_binary, release_state }
#define COMPARE(op)                                                                                \
    { sizeof(kd_kernel), 3, op, prepare, run_compare, release_state }

extern "C" const kd_kernel cuda_elementwise[] = {
    UNARY("neg"),
    UNARY("abs"),
    UNARY("relu"),
    UNARY("exp"),
    UNARY("log"),
    UNARY("sqrt"),
    UNARY("affine"),
    BINARY("add"),
    BINARY("sub"),
    BINARY("mul"),
    BINARY("div"),
    BINARY("maximum"),
    UNARY("gelu"),
    BINARY("gelu_grad"),
    COMPARE("greater"),
    COMPARE("equal"),
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
