/* SPDX-License-Identifier: Apache-2.0
 * Matrix fragments of a warp, on the CPU: of 16 x 16 elements thread `lane` holds 8, dealt out in a
 * way that no kernel may count on. Products are exact, sums in f32 in one order. */
#ifndef TESTS_TENSOR_CORES_ON_CPU_H
#define TESTS_TENSOR_CORES_ON_CPU_H

#include "emulation.h"

#include <cstdio>
#include <cstdlib>

namespace nvcuda {
namespace wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment {
    static_assert(M == 16 && N == 16 && K == 16, "the shape that is emulated");
    T element[8];
};

namespace emulated {

constexpr unsigned SIDE = 16, LANES = 32;

/* Where element `e` of a lane's fragment is. */
struct position {
    unsigned row, column;
};
inline position of(unsigned e, unsigned lane) {
    const unsigned i = e * LANES + (lane * 13 + 5) % LANES;
    return {i / SIDE, i % SIDE};
}

/* Both factors of a product, for the warp to see. A product orders no memory but its own, so the
 * warp meets without a barrier, and ThreadSanitizer does not look at what it shares. */
struct room {
    float a[SIDE][SIDE], b[SIDE][SIDE];
};
#define UNSEEN __attribute__((no_sanitize("thread"), noinline)) inline
UNSEEN void share(room &r, unsigned lane, const float *a, const float *b) {
    for (unsigned e = 0; e < 8; e++) {
        const position p = of(e, lane);
        r.a[p.row][p.column] = a[e];
        r.b[p.row][p.column] = b[e];
    }
}
UNSEEN void multiply(const room &r, unsigned lane, const float *c, float *d) {
    for (unsigned e = 0; e < 8; e++) {
        const position p = of(e, lane);
        float sum = c[e];
        for (unsigned k = 0; k < SIDE; k++) {
            sum += r.a[p.row][k] * r.b[k][p.column];
        }
        d[e] = sum;
    }
}
#undef UNSEEN
inline void meet(int line) {
    emulation::exchange("mma_sync", ~0u, 0, 0, nullptr, line);
}
inline room &room_of_warp() {
    static room rooms[32];
    const emulation::place &p = emulation::here();
    const unsigned index = (p.thread.z * p.block_dim.y + p.thread.y) * p.block_dim.x + p.thread.x;
    return rooms[index / LANES];
}

inline void demand_alignment(const void *p, size_t row_bytes, int line) {
    if ((uintptr_t)p % 32 != 0 || row_bytes % 16 != 0) {
        fprintf(stderr, "line %d: a fragment at %p, rows %zu bytes apart, is not aligned\n", line,
                p, row_bytes);
        exit(97);
    }
}

inline unsigned index_of(row_major, position p, unsigned stride) {
    return p.row * stride + p.column;
}
inline unsigned index_of(col_major, position p, unsigned stride) {
    return p.column * stride + p.row;
}

} // namespace emulated

template <class F, class T> void fill_fragment(F &f, T value) {
    for (auto &x : f.element) {
        x = value;
    }
}

template <class Use, class T, class Layout>
void load_matrix_sync(fragment<Use, 16, 16, 16, T, Layout> &f, const T *from, unsigned stride,
                      int line = __builtin_LINE()) {
    emulated::demand_alignment(from, stride * sizeof(T), line);
    const unsigned lane = emulation::lane();
    for (unsigned e = 0; e < 8; e++) {
        f.element[e] = from[emulated::index_of(Layout(), emulated::of(e, lane), stride)];
    }
}

inline void store_matrix_sync(float *to, const fragment<accumulator, 16, 16, 16, float> &f,
                              unsigned stride, layout_t, int line = __builtin_LINE()) {
    emulated::demand_alignment(to, stride * sizeof(float), line);
    const unsigned lane = emulation::lane();
    for (unsigned e = 0; e < 8; e++) {
        to[emulated::index_of(row_major(), emulated::of(e, lane), stride)] = f.element[e];
    }
}

template <class T, class A, class B>
void mma_sync(fragment<accumulator, 16, 16, 16, float> &d,
              const fragment<matrix_a, 16, 16, 16, T, A> &a,
              const fragment<matrix_b, 16, 16, 16, T, B> &b,
              const fragment<accumulator, 16, 16, 16, float> &c, int line = __builtin_LINE()) {
    emulated::room &r = emulated::room_of_warp();
    const unsigned lane = emulation::lane();
    float left[8], right[8];
    for (unsigned e = 0; e < 8; e++) {
        left[e] = __bfloat162float(a.element[e]);
        right[e] = __bfloat162float(b.element[e]);
    }
    emulated::share(r, lane, left, right);
    emulated::meet(line);
    emulated::multiply(r, lane, c.element, d.element);
    emulated::meet(line);
}

} // namespace wmma
} // namespace nvcuda

#endif
