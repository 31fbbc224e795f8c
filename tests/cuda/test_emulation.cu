/* SPDX-License-Identifier: Apache-2.0
 * The emulation finds what it says it does: kernels and launches that are wrong, each in a process
 * of its own that must end with status 97 and the words for it; and orders of threads differ. */
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct queue {
    void *stream;
};
void device_check_launch(const queue *, const char *) {
}
const queue *const device = new queue();

#define BUILT_FOR 64

__global__ void __launch_bounds__(BUILT_FOR, 2) count_one(int *count) {
    KD_DYNAMIC_SHARED(char, room);
    count[0] += room != nullptr;
    count[1]++;
}

__global__ void __launch_bounds__(BUILT_FOR) miss_barrier(int *count) {
    if (threadIdx.x > 0) {
        __syncthreads();
    }
    count[1]++;
}

__global__ void __launch_bounds__(BUILT_FOR) part_at_barriers(int *count) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    count[1]++;
}

__global__ void __launch_bounds__(BUILT_FOR) leave_lanes_out(int *count) {
    count[1] += __shfl_xor_sync(0xffffu, 1, 1);
}

__global__ void __launch_bounds__(BUILT_FOR) come_in_order(int *count) {
    count[1 + count[0]++] = (int)threadIdx.x;
}

struct attempt {
    const char *words; /* NULL: nothing is wrong */
    void (*launch)(int *count);
};

const attempt attempts[] = {
    {nullptr, [](int *n) { KD_LAUNCH(device, count_one, 3, BUILT_FOR, 100, n); }},
    {"has 65 threads a block, and was built for 64",
     [](int *n) { KD_LAUNCH(device, count_one, 1, BUILT_FOR + 1, 0, n); }},
    {"has 128 threads a block", [](int *n) { KD_LAUNCH(device, count_one, 1, dim3(32, 4), 0, n); }},
    {"cannot be launched with a grid of (0, 1, 1)",
     [](int *n) { KD_LAUNCH(device, count_one, 0, 1, 0, n); }},
    {"cannot be launched", [](int *n) { KD_LAUNCH(device, count_one, dim3(1, 65536), 1, 0, n); }},
    {"50000 bytes of dynamic shared memory were not asked for",
     [](int *n) { KD_LAUNCH(device, count_one, 1, 1, 50000, n); }},
    {nullptr,
     [](int *n) {
         emulation_allow_shared((const void *)count_one, 60000);
         KD_LAUNCH(device, count_one, 1, 1, 60000, n);
     }},
    {"60001 bytes of dynamic shared memory were not asked for",
     [](int *n) {
         emulation_allow_shared((const void *)count_one, 60000);
         KD_LAUNCH(device, count_one, 1, 1, 60001, n);
     }},
    {"63 threads wait at the barrier",
     [](int *n) { KD_LAUNCH(device, miss_barrier, 1, BUILT_FOR, 0, n); }},
    {"waits at the barrier of line",
     [](int *n) { KD_LAUNCH(device, part_at_barriers, 1, BUILT_FOR, 0, n); }},
    {"with mask 0000ffff, which leaves it out",
     [](int *n) { KD_LAUNCH(device, leave_lanes_out, 1, 32, 0, n); }},
};

/* In a process of its own: how it ended, and what it said. */
int end_of(const attempt &a, char *said, size_t bytes) {
    int ends[2], status = -1;
    if (pipe(ends) != 0) {
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) {
        int count[2] = {};
        dup2(ends[1], STDERR_FILENO);
        a.launch(count);
        _exit(count[1] > 0 ? 0 : 1);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; used + 1 < bytes && (n = read(ends[0], said + used, bytes - 1 - used)) > 0;) {
        used += (size_t)n;
    }
    said[used] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int wrong_attempts() {
    int wrong = 0;
    for (const attempt &a : attempts) {
        char said[1000];
        const int end = end_of(a, said, sizeof said);
        if (end != (a.words ? 97 : 0) || (a.words && !strstr(said, a.words))) {
            printf("WRONG: %s: ended with %d: %s\n", a.words ? a.words : "a sound launch", end,
                   said);
            wrong++;
        }
    }
    return wrong;
}

/* Ascending, descending and two that are drawn. */
int equal_orders() {
    int seen[4][1 + BUILT_FOR] = {}, equal = 0;
    for (unsigned order = 0; order < 4; order++) {
        emulation_set_order(order);
        KD_LAUNCH(device, come_in_order, 1, BUILT_FOR, 0, seen[order]);
        for (unsigned before = 0; before < order; before++) {
            equal += memcmp(seen[order], seen[before], sizeof seen[0]) == 0;
        }
    }
    printf("%d pairs of orders are equal\n", equal);
    return equal;
}

} // namespace

int main() {
    return wrong_attempts() + equal_orders() > 0;
}
