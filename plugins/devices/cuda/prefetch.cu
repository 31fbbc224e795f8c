/* SPDX-License-Identifier: Apache-2.0
 * Pieces of the host's memory copied into the device's: a block a piece, in whole lines, with
 * several loads of each thread under way at a time, for the bus answers late. */
#include "prefetch.h"

#include "elements.h"

namespace {

typedef pack<uint32_t, 4> unit; /* what a thread moves at once */

/* Loads of a thread under way. */
#define LOADS 4

/* Enough to keep the bus busy, and few, to leave the processors to what runs beside. */
#define MOST_BLOCKS 32

/* Whether it lies within both memories, unit by unit. */
__device__ bool piece_fits(const kd_device_piece &p, int64_t from_bytes, int64_t to_bytes) {
    return p.from >= 0 && p.to >= 0 && p.bytes >= 0 && p.from <= from_bytes && p.to <= to_bytes &&
           p.bytes <= from_bytes - p.from && p.bytes <= to_bytes - p.to &&
           (p.from | p.to | p.bytes) % (int64_t)sizeof(unit) == 0;
}

__device__ void copy_units(unit *to, const unit *from, int64_t units) {
    for (int64_t first = threadIdx.x; first < units; first += LOADS * THREADS) {
        unit some[LOADS];
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            if (first + i * THREADS < units) {
                some[i] = from[first + i * THREADS];
            }
        }
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            if (first + i * THREADS < units) {
                to[first + i * THREADS] = some[i];
            }
        }
    }
}

/* The list of the row that the counter names, or of the one so many after it. */
__device__ const kd_device_piece *list_of(const kd_device_pieces &what, int64_t after) {
    const int64_t row =
        what.counter ? (*(const int64_t *)what.counter + after) % what.rows * what.row_bytes : 0;
    return (const kd_device_piece *)((const char *)what.list + row);
}

__global__ void __launch_bounds__(THREADS) copy_pieces(kd_device_pieces what, int64_t after) {
    const kd_device_piece *list = list_of(what, after);
    for (int64_t n = blockIdx.x; n < what.count; n += gridDim.x) {
        const kd_device_piece p = list[n];
        if (piece_fits(p, what.from_bytes, what.to_bytes)) {
            copy_units((unit *)((char *)what.to + p.to),
                       (const unit *)((const char *)what.from + p.from),
                       p.bytes / (int64_t)sizeof(unit));
        }
    }
}

} // namespace

extern "C" void cuda_prefetch_enqueue(kd_device *device, struct CUstream_st *stream,
                                      const kd_device_pieces *what, int64_t after) {
    const unsigned blocks = (unsigned)(what->count < MOST_BLOCKS ? what->count : MOST_BLOCKS);
    if (blocks > 0) {
        KD_LAUNCH_ON(device, stream, copy_pieces, blocks, THREADS, 0, *what, after);
    }
}

extern "C" void cuda_prefetch_copy(kd_device *device, const kd_device_pieces *what) {
    cuda_prefetch_enqueue(device, device->stream, what, 0);
}
