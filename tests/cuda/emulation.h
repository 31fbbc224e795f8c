/* SPDX-License-Identifier: Apache-2.0
 * CUDA kernels on the CPU, to find their faults without a GPU: the same .cu file, built by the
 * host's C++ compiler after cuda_on_cpu.h, runs every thread of a block as a fibre.
 *
 * What it finds
 *   - barriers that are missed by some threads, or reached at different lines;
 *   - shuffles and votes whose mask is not what runs, or that lanes reach apart;
 *   - shared memory read before it is written: it is full of NaN when a block begins;
 *   - launches that CUDA refuses: grids and blocks too large, blocks above what the kernel was
 *     built for, shared memory not asked for;
 *   - what depends on the order of blocks, warps or lanes: ascending, descending or random;
 *   - with AddressSanitizer: indices outside of memory, shared or not;
 *   - with ThreadSanitizer: missing barriers, since only barriers order the memory of a block.
 * Not modelled: time, coalescing, bank conflicts, rounding of fused multiply-adds. Blocks run one
 * after the other, so races between them show only as a result that depends on the order.
 *
 * Kernels are in an anonymous namespace, so that their shared memory lies in one section. A fault
 * ends the process with status 97 and a sentence. */
#ifndef TESTS_CUDA_EMULATION_H
#define TESTS_CUDA_EMULATION_H

#include <cstddef>
#include <cstdint>
#include <cstring>

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {
    }
};

namespace emulation {

/* Of the running thread. */
struct place {
    uint3 thread, block;
    dim3 block_dim, grid_dim;
};
const place &here();
unsigned lane();

void block_barrier(int line);
void warp_barrier(unsigned mask, int line);

/* Every collective of a warp: gives a value, takes that of lane `source` (bits of ones when it is
 * not in the mask). ballot: bit l is set where lane l gave a value that is not 0. */
uint64_t exchange(const char *what, unsigned mask, uint64_t value, unsigned source,
                  unsigned *ret_ballot, int line);

void *dynamic_shared();

/* What kernel.sed makes of __launch_bounds__: a block has so many threads at most. */
void bounds(unsigned threads, unsigned blocks = 0);

/* What is between the angle brackets, and before them. */
struct shape {
    const char *name;
    const void *kernel;
    dim3 grid, block;
    size_t shared;
};

/* Runs body(arguments) for every thread. */
void launch(const shape &how, void (*body)(const void *), const void *arguments);

/* A launch for later, on a stream: call(arguments, last) makes it, and frees it with the last.
 * NULL: launches are made at once. */
using recorder = void (*)(void *stream, void (*call)(void *arguments, bool last), void *arguments);
extern recorder record;

template <class F> struct recorded {
    shape how;
    F f;
};

template <class F> void launch_all(void *stream, const shape &how, F f) {
    const auto run = [](const void *p) { (*static_cast<const F *>(p))(); };
    if (!record) {
        launch(how, run, &f);
        return;
    }
    const auto later = [](void *arguments, bool last) {
        const auto *r = static_cast<recorded<F> *>(arguments);
        if (last) {
            delete r;
            return;
        }
        launch(
            r->how, [](const void *p) { (*static_cast<const F *>(p))(); }, &r->f);
    };
    record(stream, later, new recorded<F>{how, f});
}

template <class T> T shuffle(const char *what, unsigned mask, T value, unsigned source, int line) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves up to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(what, mask, bits, source, nullptr, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace emulation

/* 0 ascending, 1 descending, else a seed: of blocks, warps and lanes, from the next launch on. */
extern "C" void emulation_set_order(unsigned order);
extern "C" void emulation_record(emulation::recorder record);
/* cudaFuncSetAttribute: the kernel may have so much dynamic shared memory, beyond 48 KiB. */
extern "C" void emulation_allow_shared(const void *kernel, size_t bytes);

#endif
