/* SPDX-License-Identifier: Apache-2.0
 * The instruction sets that a plugin's build can need. The compiler's run-time support asks cpuid,
 * and xgetbv for what the operating system saves on a context switch. */
#include "plugin/isa.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#define HAS(feature) (__builtin_cpu_supports(feature) != 0)

static int has_v2(void) {
    return HAS("sse3") && HAS("ssse3") && HAS("sse4.1") && HAS("sse4.2") && HAS("popcnt");
}

static int has_v3(void) {
    return has_v2() && HAS("avx") && HAS("avx2") && HAS("bmi") && HAS("bmi2") && HAS("fma");
}

static int has_v4(void) {
    return has_v3() && HAS("avx512f") && HAS("avx512bw") && HAS("avx512cd") && HAS("avx512dq") &&
           HAS("avx512vl");
}

static const struct {
    const char *name;
    int (*has)(void);
} levels[] = {{"", NULL}, {"x86-64-v2", has_v2}, {"x86-64-v3", has_v3}, {"x86-64-v4", has_v4}};
#else
static const struct {
    const char *name;
    int (*has)(void);
} levels[] = {{"", NULL}};
#endif

#define N_LEVELS ((int)(sizeof levels / sizeof *levels))

int isa_rank(const char *isa) {
    for (int i = 0; i < N_LEVELS; i++) {
        if (strcmp(levels[i].name, isa) == 0) {
            return i;
        }
    }
    return -1;
}

const char *isa_of_this_cpu(void) {
    int best = N_LEVELS - 1;
    while (best > 0 && !levels[best].has()) {
        best--;
    }
    return levels[best].name;
}
