/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's calls about devices and memory; see double.h. */
#include "stream.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double_state cuda_double = {.driver = CUDART_VERSION, .gpus = 1, .capability = 9};

static int number_of(const char *variable, int otherwise) {
    const char *text = getenv(variable);
    return text ? atoi(text) : otherwise;
}

/* For a whole program, whose memory no test reaches: KINDRED_DOUBLE_LATE has both kinds of stream
 * be late, KINDRED_DOUBLE_CAPACITY is that of the device in bytes, and into the file of
 * KINDRED_DOUBLE_PEAK goes the most that was taken of it, into that of KINDRED_DOUBLE_WAITS
 * `waits`, at the end. KINDRED_DOUBLE_GPUS, _CAPABILITY, _MISSING and _FAIL_LAUNCH are `gpus`,
 * `capability`, `missing` and `fail_launch`. */
__attribute__((constructor)) static void read_environment(void) {
    const char *capacity = getenv("KINDRED_DOUBLE_CAPACITY");
    cuda_double.late = cuda_double.others_late = getenv("KINDRED_DOUBLE_LATE") != NULL;
    cuda_double.capacity = capacity ? strtoull(capacity, NULL, 10) : 0;
    cuda_double.gpus = number_of("KINDRED_DOUBLE_GPUS", cuda_double.gpus);
    cuda_double.capability = number_of("KINDRED_DOUBLE_CAPABILITY", cuda_double.capability);
    cuda_double.missing = getenv("KINDRED_DOUBLE_MISSING");
    cuda_double.fail_launch = number_of("KINDRED_DOUBLE_FAIL_LAUNCH", 0);
}

static void write_number(const char *variable, size_t number) {
    const char *path = getenv(variable);
    FILE *to = path ? fopen(path, "w") : NULL;
    if (to) {
        fprintf(to, "%zu\n", number);
        fclose(to);
    }
}

/* Nobody reads there what went wrong, so such a program fails. */
__attribute__((destructor)) static void tell_of_misuse(void) {
    write_number("KINDRED_DOUBLE_WAITS", (size_t)cuda_double.waits);
    if (cuda_double.why[0]) {
        fprintf(stderr, "double: %s\n", cuda_double.why);
        _exit(98);
    }
}

static void note_peak(void) {
    cuda_double.peak = cuda_double.used > cuda_double.peak ? cuda_double.used : cuda_double.peak;
    write_number("KINDRED_DOUBLE_PEAK", cuda_double.peak);
}

bool double_call_fails(const char *call) {
    cuda_double.calls++;
    const bool fails = cuda_double.calls == cuda_double.fail_at;
    cuda_double.failed += fails;
    cuda_double.failed_call = fails ? call : cuda_double.failed_call;
    return fails;
}

void double_misused(const char *format, ...) {
    if (!cuda_double.why[0]) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(cuda_double.why, sizeof cuda_double.why, format, arguments);
        va_end(arguments);
    }
}

#define MOST_SHARED (227 << 10) /* bytes of shared memory that a block may ask for */

static int last_error; /* of the runtime */

int double_error(int error) {
    return last_error = error;
}

void *double_made(size_t bytes) {
    cuda_double.live++;
    return calloc(1, bytes);
}

void double_gone(void *made) {
    free(made);
    cuda_double.live--;
}

cudaError_t cudaDriverGetVersion(int *ret) {
    *ret = cuda_double.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *ret) {
    DOUBLE_CALL(double_error(cudaErrorUnknown));
    if (cuda_double.driver == 0) {
        return double_error(cudaErrorInsufficientDriver);
    }
    if (cuda_double.gpus == 0) {
        return double_error(cudaErrorNoDevice);
    }
    *ret = cuda_double.gpus;
    return cudaSuccess;
}

size_t double_memory(void) {
    return cuda_double.capacity ? cuda_double.capacity : (size_t)80 << 30;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device) {
    DOUBLE_CALL(double_error(cudaErrorInvalidDevice));
    memset(ret, 0, sizeof *ret);
    strcpy(ret->name, "double of a GPU");
    ret->major = cuda_double.capability;
    ret->multiProcessorCount = 132;
    ret->totalGlobalMem = double_memory();
    return device < cuda_double.gpus ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaDeviceGetAttribute(int *ret, enum cudaDeviceAttr attribute, int device) {
    (void)attribute;
    DOUBLE_CALL(double_error(cudaErrorInvalidDevice));
    *ret = MOST_SHARED;
    return device < cuda_double.gpus ? cudaSuccess : double_error(cudaErrorInvalidDevice);
}

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value) {
    (void)attribute;
    double_unsafe();
    DOUBLE_CALL(double_error(cudaErrorInvalidDeviceFunction));
    if (!kernel || value > MOST_SHARED) {
        return double_error(cudaErrorInvalidValue);
    }
    emulation_allow_shared(kernel, (size_t)value);
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    (void)device;
    DOUBLE_CALL(double_error(cudaErrorDevicesUnavailable));
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "as the test wants";
}

const char *cudaGetErrorName(cudaError_t error) {
    return error == cudaSuccess ? "cudaSuccess" : "cudaErrorOfTheDouble";
}

cudaError_t cudaGetLastError(void) {
    if (cuda_double.sticky) {
        return (cudaError_t)cuda_double.sticky;
    }
    const cudaError_t ret = (cudaError_t)last_error;
    last_error = cudaSuccess;
    return ret;
}

/* Blocks of memory know their size. */
typedef struct header {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} header;

cudaError_t cudaMalloc(void **ret, size_t bytes) {
    double_unsafe();
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    if (cuda_double.used + bytes > double_memory()) {
        return double_error(cudaErrorMemoryAllocation);
    }
    header *h = aligned_alloc(256, sizeof *h + (bytes + 255) / 256 * 256);
    if (!h) {
        return double_error(cudaErrorMemoryAllocation);
    }
    h->bytes = bytes;
    memset(h + 1, 0xa5, bytes); /* a GPU does not clear it */
    cuda_double.used += bytes;
    note_peak();
    cuda_double.live++;
    *ret = h + 1;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    double_unsafe();
    if (!memory) {
        DOUBLE_CALL(double_error(cudaErrorMemoryAllocation)); /* makes the context */
        return cudaSuccess;
    }
    header *h = (header *)memory - 1;
    double_check_unused(memory, h->bytes);
    cuda_double.used -= h->bytes;
    cuda_double.live--;
    free(h);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *ret_free, size_t *ret_total) {
    double_unsafe();
    DOUBLE_CALL(double_error(cudaErrorUnknown));
    *ret_total = double_memory();
    *ret_free = *ret_total - cuda_double.used;
    return cudaSuccess;
}

/* Pinned blocks are in a list. */
static struct pinned {
    struct pinned *next;
    size_t bytes;
    bool mapped;
    char pad[256 - 3 * sizeof(size_t)];
} * all_pinned;

static const struct pinned *find_pinned(const char *address) {
    const struct pinned *p = all_pinned;
    while (p && (address < (const char *)(p + 1) || address >= (const char *)(p + 1) + p->bytes)) {
        p = p->next;
    }
    return p;
}

bool double_is_pinned(const void *address) {
    return find_pinned(address) != NULL;
}

cudaError_t cudaHostAlloc(void **ret, size_t bytes, unsigned flags) {
    double_unsafe();
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    double_lock();
    struct pinned *p = double_made(sizeof *p + bytes);
    p->bytes = bytes;
    p->mapped = flags & cudaHostAllocMapped;
    p->next = all_pinned;
    all_pinned = p;
    *ret = memset(p + 1, 0xa5, bytes);
    double_unlock();
    return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **ret, void *host, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    const struct pinned *p = find_pinned(host);
    if (!p || !p->mapped) {
        double_misused("host memory that is not mapped has no address on the device");
    }
    *ret = host;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory) {
    double_unsafe();
    double_lock();
    struct pinned *gone = (struct pinned *)memory - 1, **at = &all_pinned;
    double_check_unused(memory, gone->bytes);
    while (*at && *at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    double_gone(gone);
    double_unlock();
    return cudaSuccess;
}

/* One thread may call from within another call. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void double_lock(void) {
    pthread_mutex_lock(&lock);
}

void double_unlock(void) {
    pthread_mutex_unlock(&lock);
}
