/* SPDX-License-Identifier: Apache-2.0
 * Fibres, and the scheduler that runs the threads of a block as such: see emulation.h.
 *
 * A warp runs on until all of it waits, so that a missing barrier shows. This file is built without
 * ThreadSanitizer: it tells it what the fibres are (EMULATE_TSAN), and is itself one thread. */
#include "emulation.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(EMULATE_ASAN)
#include <sanitizer/common_interface_defs.h>
#define ASAN(...) __VA_ARGS__
#else
#define ASAN(...)
#endif
#ifdef EMULATE_TSAN
#include <sanitizer/tsan_interface.h>
#define TSAN(...) __VA_ARGS__
#else
#define TSAN(...)
#endif

#ifndef __x86_64__
#error "switch_stack is written for x86-64"
#endif

/* The section of all __shared__ variables; absent when there are none. */
extern "C" char __start_kd_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_kd_shared[] __attribute__((weak, visibility("hidden")));

/* Saves the callee's registers and the stack, and goes on with another. */
extern "C" void switch_stack(void **save, void *load) __attribute__((visibility("hidden")));
asm(".text\n"
    ".hidden switch_stack\n.globl switch_stack\n.type switch_stack,@function\n"
    "switch_stack:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp,(%rdi)\n  movq %rsi,%rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size switch_stack,.-switch_stack\n");

namespace emulation {
namespace {

constexpr unsigned WARP = 32, MOST_THREADS = 1024, MOST_WARPS = MOST_THREADS / WARP;
constexpr size_t STACK = 256 << 10, GUARD = 4096;
constexpr size_t MOST_SHARED = 232448;    /* a block's on sm_90 */
constexpr size_t PLAIN_SHARED = 48 << 10; /* without asking for it */

enum state { READY, AT_BARRIER, AT_EXCHANGE, DONE };

struct fibre {
    void *stack_pointer, *stack, *fake_stack, *tsan;
    place at;
    unsigned index, warp_barriers;
    emulation::state state;
    const char *what; /* it waits in */
    int line;
    unsigned mask, source, ballot;
    uint64_t value, taken;
};

/* The one that runs kernels; the tests have one thread. */
struct scheduler {
    std::vector<fibre> fibres;
    fibre *current;
    void *stack_pointer, *fake_stack, *tsan;
    const void *bottom;
    size_t stack_bytes;
    unsigned threads, waiting, done, parity, order;
    uint64_t random;
    unsigned arrived[MOST_WARPS]; /* lanes in an exchange */
    const char *kernel;
    void (*body)(const void *);
    const void *arguments;
    void *shared;
    /* Addresses that stand for orderings of memory. */
    char block_begins, block_ends, barrier[2], warp[MOST_WARPS][2];
};

scheduler s;
std::map<const void *, size_t> allowed_shared; /* by kernel */

[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char *format, ...) {
    const uint3 b = s.current ? s.current->at.block : uint3{};
    fprintf(stderr, "emulation: %s, block (%u, %u, %u), order %u: ", s.kernel, b.x, b.y, b.z,
            s.order);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(nullptr);
    _exit(97);
}

unsigned random_below(unsigned count) {
    s.random ^= s.random << 13;
    s.random ^= s.random >> 7;
    s.random ^= s.random << 17;
    return (unsigned)((s.random >> 32) * count >> 32);
}

/* 0, 1, ... count - 1 in the order of this launch. */
void arrange(std::vector<unsigned> &list, unsigned count) {
    list.resize(count);
    for (unsigned i = 0; i < count; i++) {
        list[i] = s.order == 1 ? count - 1 - i : i;
    }
    for (unsigned i = count; s.order > 1 && i > 1; i--) {
        std::swap(list[i - 1], list[random_below(i)]);
    }
}

/* fibre -> scheduler. last: it never comes back. */
void leave(bool last) {
    fibre *me = s.current;
    (void)last;
    ASAN(__sanitizer_start_switch_fiber(last ? nullptr : &me->fake_stack, s.bottom, s.stack_bytes);)
    TSAN(__tsan_switch_to_fiber(s.tsan, __tsan_switch_to_fiber_no_sync);)
    switch_stack(&me->stack_pointer, s.stack_pointer);
    ASAN(__sanitizer_finish_switch_fiber(me->fake_stack, nullptr, nullptr);)
}

/* scheduler -> fibre */
void resume(fibre *f) {
    s.current = f;
    ASAN(__sanitizer_start_switch_fiber(&s.fake_stack, f->stack, STACK);)
    TSAN(__tsan_switch_to_fiber(f->tsan, __tsan_switch_to_fiber_no_sync);)
    switch_stack(&s.stack_pointer, f->stack_pointer);
    ASAN(__sanitizer_finish_switch_fiber(s.fake_stack, nullptr, nullptr);)
    s.current = nullptr;
}

void begin() {
    ASAN(__sanitizer_finish_switch_fiber(nullptr, &s.bottom, &s.stack_bytes);)
    TSAN(__tsan_acquire(&s.block_begins);)
    s.body(s.arguments);
    TSAN(__tsan_release(&s.block_ends);)
    s.current->state = DONE;
    s.done++;
    leave(true);
    abort();
}

void add_fibre() {
    void *memory = mmap(nullptr, STACK + GUARD, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD, PROT_NONE) != 0) {
        fail("no memory for stacks");
    }
    fibre f{};
    f.index = (unsigned)s.fibres.size();
    f.stack = (char *)memory + GUARD;
    TSAN(f.tsan = __tsan_create_fiber(0);)
    s.fibres.push_back(f);
}

/* A stack that returns into begin() with zeros in the callee's registers. */
void rewind(fibre *f) {
    void **top = (void **)((char *)f->stack + STACK - 64);
    top[-1] = nullptr;
    top[-2] = (void *)begin;
    for (int i = 3; i <= 8; i++) {
        top[-i] = nullptr;
    }
    f->stack_pointer = top - 8;
    f->fake_stack = nullptr;
    f->state = READY;
    f->warp_barriers = 0;
}

__attribute__((no_sanitize("address"))) void fill_with_nan(char *from, const char *to) {
    while (from < to) {
        *(volatile char *)from++ = (char)0xff;
    }
}

[[noreturn]] void explain_standstill() {
    unsigned counts[DONE + 1] = {};
    const fibre *example[DONE + 1] = {};
    for (unsigned i = 0; i < s.threads; i++) {
        counts[s.fibres[i].state]++;
        example[s.fibres[i].state] = &s.fibres[i];
    }
    if (example[AT_EXCHANGE]) {
        const fibre *f = example[AT_EXCHANGE];
        fail("%u threads wait for their warp, thread %u in %s at line %d with mask %08x of which "
             "%08x are there; %u wait for their block, %u have ended",
             counts[AT_EXCHANGE], f->index, f->what, f->line, f->mask, s.arrived[f->index / WARP],
             counts[AT_BARRIER], counts[DONE]);
    }
    fail("%u threads wait at the barrier of line %d, %u have ended", counts[AT_BARRIER],
         example[AT_BARRIER] ? example[AT_BARRIER]->line : 0, counts[DONE]);
}

void pass_barrier() {
    for (unsigned i = 0; i < s.threads; i++) {
        if (s.fibres[i].line != s.fibres[0].line) {
            fail("thread 0 waits at the barrier of line %d, thread %u at that of line %d",
                 s.fibres[0].line, i, s.fibres[i].line);
        }
        s.fibres[i].state = READY;
    }
    s.waiting = 0;
    s.parity ^= 1;
}

/* Runs a warp until all of it waits or has ended; true when any of it ran. */
bool run_warp(unsigned warp, std::vector<unsigned> &lanes) {
    bool moved = false, again = true;
    while (again) {
        again = false;
        arrange(lanes, WARP);
        for (unsigned lane : lanes) {
            const unsigned i = warp * WARP + lane;
            if (i < s.threads && s.fibres[i].state == READY) {
                resume(&s.fibres[i]);
                again = moved = true;
            }
        }
    }
    return moved;
}

void run_block(uint3 block, dim3 grid, dim3 block_dim) {
    static std::vector<unsigned> warps, lanes;
    s.done = s.waiting = s.parity = 0;
    memset(s.arrived, 0, sizeof s.arrived);
    fill_with_nan(__start_kd_shared, __stop_kd_shared);
    TSAN(__tsan_release(&s.block_begins);)
    for (unsigned i = 0; i < s.threads; i++) {
        const uint3 thread = {i % block_dim.x, i / block_dim.x % block_dim.y,
                              i / block_dim.x / block_dim.y};
        s.fibres[i].at = {thread, block, block_dim, grid};
        rewind(&s.fibres[i]);
    }
    while (s.done < s.threads) {
        bool moved = false;
        arrange(warps, (s.threads + WARP - 1) / WARP);
        for (unsigned warp : warps) {
            moved |= run_warp(warp, lanes);
        }
        if (s.waiting == s.threads) {
            pass_barrier();
        } else if (!moved) {
            explain_standstill();
        }
    }
    TSAN(__tsan_acquire(&s.block_ends);)
}

} // namespace

const place &here() {
    return s.current->at;
}

unsigned lane() {
    return s.current->index % WARP;
}

void *dynamic_shared() {
    return s.shared;
}

void bounds(unsigned threads, unsigned) {
    if (s.threads > threads) {
        fail("has %u threads a block, and was built for %u", s.threads, threads);
    }
}

void block_barrier(int line) {
    fibre *me = s.current;
    me->state = AT_BARRIER;
    me->line = line;
    s.waiting++;
    TSAN(char *order = &s.barrier[s.parity]; __tsan_release(order);)
    leave(false);
    TSAN(__tsan_acquire(order);)
}

uint64_t exchange(const char *what, unsigned mask, uint64_t value, unsigned source,
                  unsigned *ret_ballot, int line) {
    fibre *me = s.current, *warp = &s.fibres[me->index / WARP * WARP];
    unsigned *arrived = &s.arrived[me->index / WARP];
    if (!(mask >> (me->index % WARP) & 1)) {
        fail("thread %u calls %s at line %d with mask %08x, which leaves it out", me->index, what,
             line, mask);
    }
    me->state = AT_EXCHANGE;
    me->what = what;
    me->line = line;
    me->mask = mask;
    me->value = value;
    me->source = source % WARP;
    *arrived |= 1u << me->index % WARP;
    if ((*arrived & mask) == mask) {
        unsigned ballot = 0;
        for (unsigned i = 0; i < WARP; i++) {
            const fibre *f = &warp[i];
            if ((mask >> i & 1) && (f->line != line || f->mask != mask ||
                                    (f->what != what && strcmp(f->what, what)))) {
                fail("thread %u is in %s at line %d with mask %08x, thread %u in %s at line %d "
                     "with mask %08x",
                     me->index, what, line, mask, f->index, f->what, f->line, f->mask);
            }
            ballot |= (mask >> i & 1) && f->value ? 1u << i : 0;
        }
        for (unsigned i = 0; i < WARP; i++) {
            fibre *f = &warp[i];
            if (mask >> i & 1) {
                f->taken = mask >> f->source & 1 ? warp[f->source].value : ~UINT64_C(0);
                f->ballot = ballot;
                f->state = READY;
            }
        }
        *arrived &= ~mask;
    }
    while (me->state != READY) {
        leave(false);
    }
    if (ret_ballot) {
        *ret_ballot = me->ballot;
    }
    return me->taken;
}

void warp_barrier(unsigned mask, int line) {
    TSAN(fibre *me = s.current; char *order = &s.warp[me->index / WARP][me->warp_barriers++ & 1];
         __tsan_release(order);)
    exchange("__syncwarp", mask, 0, 0, nullptr, line);
    TSAN(__tsan_acquire(order);)
}

void check_shared(const shape &how) {
    const auto allowed = allowed_shared.find(how.kernel);
    if (how.shared > PLAIN_SHARED &&
        (allowed == allowed_shared.end() || allowed->second < how.shared)) {
        fail("%zu bytes of dynamic shared memory were not asked for", how.shared);
    }
}

void launch(const shape &how, void (*body)(const void *), const void *arguments) {
    static std::vector<unsigned> blocks;
    const dim3 grid = how.grid, block = how.block;
    const size_t shared = how.shared;
    s.kernel = how.name;
    s.threads = block.x * block.y * block.z;
    s.body = body;
    s.arguments = arguments;
    s.random = s.order * UINT64_C(0x9E3779B97F4A7C15) + UINT64_C(88172645463325252);
    TSAN(s.tsan = __tsan_get_current_fiber();)
    if (!s.threads || s.threads > MOST_THREADS || block.z > 64 || !grid.x || !grid.y || !grid.z ||
        grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535 || shared > MOST_SHARED) {
        fail("cannot be launched with a grid of (%u, %u, %u), blocks of (%u, %u, %u) and %zu bytes",
             grid.x, grid.y, grid.z, block.x, block.y, block.z, shared);
    }
    check_shared(how);
    while (s.fibres.size() < s.threads) {
        add_fibre();
    }
    arrange(blocks, grid.x * grid.y * grid.z);
    for (unsigned i : blocks) {
        s.shared = shared ? aligned_alloc(16, (shared + 15) / 16 * 16) : nullptr;
        fill_with_nan((char *)s.shared, (char *)s.shared + shared);
        run_block({i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y}, grid, block);
        free(s.shared);
    }
}

recorder record;

} // namespace emulation

extern "C" void emulation_record(emulation::recorder record) {
    emulation::record = record;
}

extern "C" void emulation_allow_shared(const void *kernel, size_t bytes) {
    emulation::allowed_shared[kernel] = bytes;
}

extern "C" void emulation_set_order(unsigned order) {
    emulation::s.order = order;
}
