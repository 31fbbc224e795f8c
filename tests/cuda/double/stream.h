/* SPDX-License-Identifier: Apache-2.0
 * What streams and graphs of the double share. */
#ifndef TESTS_CUDA_DOUBLE_STREAM_H
#define TESTS_CUDA_DOUBLE_STREAM_H

#include "double.h"

#include <cuda_runtime_api.h>

struct CUstream_st {
    struct CUgraph_st *captured; /* NULL: not now */
    struct item *first, **end;   /* to do */
};

/* Appends to a graph; copied: the arguments are malloc'ed, else `work` frees them at last. */
void double_append(struct CUgraph_st *graph, double_work *work, void *arguments, bool copied);

/* Does what the stream has to do, under the lock. */
void double_catch_up(struct CUstream_st *s);

/* emulation.cpp */
void emulation_allow_shared(const void *kernel, size_t bytes);
void emulation_record(void (*record)(void *stream, double_work *work, void *arguments));

#endif
