/* SPDX-License-Identifier: Apache-2.0
 * What a device may be able to do beyond kindred/device.h: tables by name, from its `extension`.
 * The host does without each of them. A table is valid until the device is closed. */
#ifndef KINDRED_DEVICE_EXTENSIONS_H
#define KINDRED_DEVICE_EXTENSIONS_H

#include <kindred/device.h>

/* Inputs of many runs at a time. The table has `rows` rows of `row_bytes`, a multiple of the
 * device's alignment; `counter` is memory of the device's that is zero at first, 8 bytes. Both
 * calls enqueue, may be recorded, and fail as kernels do. */
#define KD_DEVICE_FEED "kindred.device.feed/1"
typedef struct kd_device_feed {
    uint32_t size;
    /* Copies the row of that number to `to`. */
    void (*fetch)(kd_device *device, void *to, const void *table, size_t row_bytes,
                  const void *counter);
    /* Counts on: the row after the last is the first. */
    void (*advance)(kd_device *device, void *counter, int64_t rows);
} kd_device_feed;

/* Copies of device memory that reach the host while work goes on. */
#define KD_DEVICE_COPY "kindred.device.copy/1"
typedef struct kd_device_copy kd_device_copy; /* the plugin's own: room for one copy */
typedef struct kd_device_copying {
    uint32_t size;
    /* Takes device memory as `allocate` does, and host memory, of so many bytes each. fails with
     * KD_E_MEMORY. */
    bool (*create)(kd_device *device, size_t bytes, kd_device_copy **ret, kd_error *err);
    /* Waits for a copy under way. */
    void (*destroy)(kd_device *device, kd_device_copy *copy);
    /* Enqueues the copy of `bytes` from device memory to byte `at` of the room, as all that was
     * enqueued before leaves them and before all that is enqueued after. Many pieces, then send. */
    void (*put)(kd_device *device, kd_device_copy *copy, size_t at, const void *from, size_t bytes);
    /* Sends the room to the host: what is enqueued from here on runs meanwhile. The next put comes
     * after `wait`. */
    void (*send)(kd_device *device, kd_device_copy *copy);
    /* [any thread, one at a time] Waits until all is in host memory, and says where. */
    bool (*wait)(kd_device_copy *copy, const void **ret, kd_error *err);

    /* Both or none: what the host needs in order to look at results, by copies, without ever
     * waiting for all work. arrived: is what was sent in host memory? It waits for nothing. check:
     * fails as the device's `wait` does with a failure of enqueued work that can be seen by now; it
     * waits for nothing unless there is one. */
    bool (*arrived)(kd_device_copy *copy);
    bool (*check)(kd_device *device, kd_error *err);
} kd_device_copying;

/* Memory of the host's that the device reads where it lies, slowly: for images that do not fit. */
#define KD_DEVICE_HOST_READS "kindred.device.host_reads/1"
typedef struct kd_device_host_reads {
    uint32_t size;
    /* Of the device: bytes that are free, and all there are. */
    bool (*free_memory)(kd_device *device, size_t *ret_free, size_t *ret_all, kd_error *err);
    /* Host memory, aligned as the device's own: the host writes it before work that reads it is
     * enqueued. Kernels take `*ret_device` as they take device memory. fails with KD_E_MEMORY. */
    bool (*allocate)(kd_device *device, size_t bytes, void **ret_host, void **ret_device,
                     kd_error *err);
    void (*release)(kd_device *device, void *host);
} kd_device_host_reads;

/* Pieces of such memory, copied into the device's own before kernels need them. */
#define KD_DEVICE_PREFETCH "kindred.device.prefetch/1"
#define KD_PIECE_ALIGNMENT 128 /* bytes: lines that the bus carries whole */
typedef struct kd_device_piece {
    int64_t from, to, bytes; /* where it begins in either memory; multiples of the alignment */
} kd_device_piece;
typedef struct kd_device_pieces {
    const void *from;   /* memory of the host's, as the device sees it, */
    int64_t from_bytes; /* all of which may be read; */
    void *to;           /* and of the device's own */
    int64_t to_bytes;   /* multiples of the alignment, as from_bytes is */
    const void *list;   /* kd_device_piece [count], in memory of the device's own */
    int64_t count;
    /* Where there is a list in each row of a table of inputs (kd_device_feed): `list` is that of
     * the first of so many rows, and `counter` names the row. NULL: there is no table. */
    const void *counter;
    int64_t rows, row_bytes;
} kd_device_pieces;
typedef struct kd_device_prefetch kd_device_prefetch; /* the plugin's own: where copies go on */
typedef struct kd_device_prefetching {
    uint32_t size;
    /* Enqueues the copy, may be recorded, fails as kernels do. A piece that does not lie in both
     * memories, or of no bytes, is left out; pieces do not overlap in `to`. */
    void (*copy)(kd_device *device, const kd_device_pieces *what);
    /* For copies beside other work. fails with KD_E_MEMORY. */
    bool (*create)(kd_device *device, kd_device_prefetch **ret, kd_error *err);
    /* Waits for what is enqueued. */
    void (*destroy)(kd_device *device, kd_device_prefetch *prefetch);
    /* Enqueues the copy of a table's row after the one that the counter names. It begins when all
     * that was enqueued before is done, goes on beside what is enqueued from here on, and is done
     * before what is enqueued after `end`. Recorded or not, both are. */
    void (*begin)(kd_device *device, kd_device_prefetch *prefetch, const kd_device_pieces *what);
    void (*end)(kd_device *device, kd_device_prefetch *prefetch);
} kd_device_prefetching;

/* Kernels that other plugins bring for ops of their own (kindred/custom_ops.h). Without it the
 * device runs its own kernels alone. */
#define KD_DEVICE_KERNELS "kindred.device.kernels/1"
typedef struct kd_device_kernels {
    uint32_t size, reserved;
    /* The words that its kernels may be for, the best first, spaces between: "cpu host". The first
     * is the device's own. "host": `run` of its own kernels, too, has ended when it returns, in
     * memory of the host's. */
    const char *accepts;
    /* Where kernels enqueue: the same until the device is closed, and in the order of all its work;
     * they may be recorded there. NULL, or gives NULL: they run in the caller's thread. */
    void *(*stream)(kd_device *device);
} kd_device_kernels;

/* The table of that name, NULL when the device has none. */
static inline const void *kd_device_extension(const kd_device_plugin *of, kd_device *device,
                                              const char *id) {
    return KD_HAS(kd_device_plugin, of, extension) ? of->extension(device, id) : NULL;
}

#endif
