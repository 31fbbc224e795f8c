/* SPDX-License-Identifier: Apache-2.0
 * What a run takes from a table of inputs: its row, by a counter that its last node counts on. */
#include "feed.h"

#include "elements.h"

namespace {

struct alignas(16) unit {
    unsigned char byte[16];
};

__global__ void __launch_bounds__(THREADS)
    fetch_row(unit *to, const unit *table, int64_t units, const int64_t *counter) {
    const unit *row = table + *counter * units;
    for (EACH(i, units)) {
        to[i] = row[i];
    }
}

__global__ void count_on(int64_t *counter, int64_t rows) {
    *counter = *counter + 1 < rows ? *counter + 1 : 0;
}

} // namespace

extern "C" void cuda_feed_fetch(kd_device *device, void *to, const void *table, size_t row_bytes,
                                const void *counter) {
    const int64_t units = (int64_t)(row_bytes / sizeof(unit));
    KD_LAUNCH(device, fetch_row, blocks_for(units), THREADS, 0, (unit *)to, (const unit *)table,
              units, (const int64_t *)counter);
}

extern "C" void cuda_feed_advance(kd_device *device, void *counter, int64_t rows) {
    KD_LAUNCH(device, count_on, 1, 1, 0, (int64_t *)counter, rows);
}
