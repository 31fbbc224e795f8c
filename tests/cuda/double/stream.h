/* SPDX-License-Identifier: Apache-2.0
 * What streams and graphs of the double share. */
#ifndef TESTS_CUDA_DOUBLE_STREAM_H
#define TESTS_CUDA_DOUBLE_STREAM_H

#include "double.h"

#include <cuda_runtime_api.h>

struct CUstream_st {
    struct CUgraph_st *captured; /* NULL: not now */
    bool branch;                 /* of what is captured: it waited for an event of another */
    struct item *first, **end;   /* to do */
};

/* Appends to the graph that the stream is captured into; copied: the arguments are malloc'ed, else
 * `work` frees them at last. */
void double_append(const struct CUstream_st *s, double_work *work, void *arguments, bool copied);

/* The stream becomes the branch of a graph, which has one at most at a time; and what comes next in
 * the graph waits for its branch. */
void double_fork(struct CUgraph_st *graph, struct CUstream_st *s);
void double_join(struct CUgraph_st *graph);

/* Does what the stream has to do, under the lock. */
void double_catch_up(struct CUstream_st *s);

/* emulation.cpp */
void emulation_allow_shared(const void *kernel, size_t bytes);
void emulation_record(void (*record)(void *stream, double_work *work, void *arguments));

#endif
