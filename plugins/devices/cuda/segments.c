/* SPDX-License-Identifier: Apache-2.0
 * Cutting segments into chunks: see segments.h. */
#include "segments.h"

static int32_t chunks_in(int64_t count) {
    return (int32_t)((count + CHUNK - 1) / CHUNK);
}

bool segments_create(kd_device *device, const kd_node *node, int ints, int other, int count,
                     segments *ret, kd_error *err) {
    uint32_t listed;
    const int64_t *list = kd_attr_ints(node, "segments", &listed);
    segments s = {.n_segments = (int32_t)listed / ints};
    for (int32_t i = 0; i < s.n_segments; i++) {
        s.n_chunks += chunks_in(list[i * ints + count]);
    }
    const size_t chunk_bytes = (size_t)s.n_chunks * sizeof(chunk);
    const size_t segment_bytes = (size_t)s.n_segments * sizeof(segment);
    chunk *chunks = state_create(chunk_bytes + 1, err);
    segment *table = state_create(segment_bytes + 1, err);
    int32_t made = 0;
    for (int32_t i = 0; chunks && table && i < s.n_segments; i++) {
        const int64_t *from = list + (int64_t)i * ints, length = from[count];
        table[i] = (segment){made, chunks_in(length), ints > 2 ? (int32_t)from[2] : 0,
                             ints > 3 ? (int32_t)from[3] : 0};
        for (int64_t done = 0; done < length; done += CHUNK) {
            const int64_t left = length - done < CHUNK ? length - done : CHUNK;
            chunks[made++] = (chunk){from[0] + done, from[other] + done, (int32_t)left, i};
        }
    }
    bool stored =
        chunks && table && constant_create(device, chunks, chunk_bytes, (void **)&s.chunks, err);
    if (stored && !constant_create(device, table, segment_bytes, (void **)&s.segments, err)) {
        constant_destroy(device, s.chunks);
        stored = false;
    }
    release_state(device, chunks);
    release_state(device, table);
    if (stored) {
        *ret = s;
    }
    return stored;
}

void segments_destroy(kd_device *device, segments *s) {
    constant_destroy(device, s->chunks);
    constant_destroy(device, s->segments);
}
