/* SPDX-License-Identifier: Apache-2.0
 * What the double of cuDNN keeps of a descriptor. */
#ifndef TESTS_CUDA_DOUBLE_BACKEND_H
#define TESTS_CUDA_DOUBLE_BACKEND_H

#include <cudnn.h>
#include <stdbool.h>

#define BACKEND_ATTRIBUTES 12

typedef struct attribute {
    cudnnBackendAttributeName_t name;
    int64_t count;
    char values[8 * 8];
} attribute;

/* A cudnnBackendDescriptor_t points to one. */
typedef struct backend {
    cudnnBackendDescriptorType_t type;
    bool finalized;
    int count;
    attribute attribute[BACKEND_ATTRIBUTES];
    const struct backend *graph; /* of configurations and plans */
    int64_t number;              /* of the engine, likewise */
} backend;

/* The engines that heuristics offer, in their order. */
#define ENGINE_BY_CHANCE 0 /* not deterministic */
#define ENGINE_BROKEN 1    /* its plan cannot be built */
#define ENGINE_GREEDY 2    /* wants an eighth of the device's memory */
#define ENGINE_ROUNDING 3  /* of what it multiplies */
#define ENGINE_NARROW 4    /* sums */
#define ENGINE_FFT 5
#define ENGINE_LARGE_TILES 6
#define ENGINE_WINOGRAD 7
#define ENGINE_TENSOR_CORE 8
#define ENGINE_PLAIN 9
#define ENGINES 10

/* Bytes that an execution writes over. Those that are not greedy ask for so many times
 * their number, from 1. */
#define BACKEND_WORKSPACE 4096

/* NULL, and misuse, when it was never set. */
const attribute *backend_find(const backend *d, cudnnBackendAttributeName_t name);
const backend *backend_child(const backend *d, cudnnBackendAttributeName_t name);

/* Does what the plan's one operation, a convolution or a gradient of it, says. */
bool backend_convolve(const backend *plan, const backend *pack);

#endif
