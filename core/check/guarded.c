/* SPDX-License-Identifier: Apache-2.0
 * Blocks of device memory with guards: see guarded.h. */
#include "check/guarded.h"

#include <stdlib.h>

#define GUARD 256 /* bytes on each side; a multiple of any device's alignment */
#define GUARD_BYTE 0xa5

bool block_create(const check_device *d, size_t bytes, block *ret, kd_error *err) {
    const size_t whole = bytes + 2 * GUARD;
    block b = {.bytes = bytes};
    *ret = (block){.memory = NULL};
    if (!d->table->allocate(d->handle, whole, &b.memory, err)) {
        return false;
    }
    b.data = (unsigned char *)b.memory + GUARD;
    unsigned char *fill = kd_alloc(whole);
    memset(fill, GUARD_BYTE, whole);
    d->table->upload(d->handle, b.memory, fill, whole);
    const bool ok = d->table->wait(d->handle, err);
    free(fill);
    *ret = b;
    return ok;
}

void block_destroy(const check_device *d, block *b) {
    if (b->memory) {
        d->table->release(d->handle, b->memory);
    }
}

void block_write(const check_device *d, const block *b, const void *data) {
    kd_error err = KD_ERROR_INIT;
    if (b->bytes) {
        d->table->upload(d->handle, b->data, data, b->bytes);
        d->table->wait(d->handle, &err);
    }
}

void block_fill(const check_device *d, const block *b, int byte) {
    void *data = kd_alloc(b->bytes);
    memset(data, byte, b->bytes);
    block_write(d, b, data);
    free(data);
}

bool block_read(const check_device *d, const block *b, void *data) {
    if (!b->memory) {
        return true;
    }
    const size_t whole = b->bytes + 2 * GUARD;
    kd_error err = KD_ERROR_INIT;
    unsigned char *all = kd_alloc(whole);
    d->table->download(d->handle, all, b->memory, whole);
    d->table->wait(d->handle, &err);
    bool intact = true;
    for (size_t i = 0; i < GUARD; i++) {
        intact = intact && all[i] == GUARD_BYTE && all[GUARD + b->bytes + i] == GUARD_BYTE;
    }
    memcpy(data, all + GUARD, b->bytes);
    free(all);
    return intact;
}
