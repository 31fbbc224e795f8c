/* SPDX-License-Identifier: Apache-2.0
 * Segments of the arenas (kindred/update.h) cut into chunks, a block each, so that one launch
 * passes over all tensors whatever their sizes. */
#ifndef CUDA_SEGMENTS_H
#define CUDA_SEGMENTS_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CHUNK 8192 /* elements at most */

typedef struct chunk {
    int64_t begin;        /* in the arena */
    int64_t other;        /* in a second one */
    int32_t count, index; /* index: of its segment */
} chunk;

/* A segment as kernels need it, beside its chunks. */
typedef struct segment {
    int32_t first_chunk, chunks;
    int32_t flags, group; /* integers 2 and 3 of the list, where it has them */
} segment;

typedef struct segments {
    chunk *chunks;     /* [n_chunks] in device memory */
    segment *segments; /* [n_segments] in device memory */
    int32_t n_chunks, n_segments;
} segments;

/* Of the node's attribute `segments`, `ints` integers each: 0 is `begin`, `other` and `count` say
 * which are those. fails with KD_E_MEMORY. */
bool segments_create(kd_device *device, const kd_node *node, int ints, int other, int count,
                     segments *ret, kd_error *err);
void segments_destroy(kd_device *device, segments *s);

#ifdef __cplusplus
}
#endif

#endif
