/* SPDX-License-Identifier: Apache-2.0
 * Memory that the device hands out: backed by huge pages where the system has them, and touched at
 * once, so that the first step is as fast as the others. */
#include "device.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)

static void touch(const void *work, int64_t begin, int64_t end) {
    memset((char *)((const region *)work)->start + begin, 0, (size_t)(end - begin));
}

bool memory_allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    region *r = state_create(sizeof *r, err);
    if (!r) {
        return false;
    }
    const size_t unit = bytes < HUGE_PAGE ? PAGE : HUGE_PAGE;
    r->bytes = bytes ? bytes : 1;
    r->mapped_bytes = (r->bytes + unit - 1) / unit * unit + (unit == HUGE_PAGE ? HUGE_PAGE : 0);
    const bool fits = r->mapped_bytes >= bytes; /* else the sum went round */
    r->mapped = fits ? mmap(NULL, r->mapped_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : MAP_FAILED;
    if (r->mapped == MAP_FAILED) {
        free(r);
        return kd_fail(err, KD_E_MEMORY, "%zu bytes of memory cannot be had", bytes);
    }
    r->start = (void *)(((uintptr_t)r->mapped + unit - 1) / unit * unit);
    madvise(r->start, r->bytes, MADV_HUGEPAGE);
    span_for(device, (int64_t)r->bytes, (int64_t)HUGE_PAGE, touch, r);
    r->next = device->regions;
    device->regions = r;
    *ret = r->start;
    return true;
}

void memory_release(kd_device *device, void *memory) {
    for (region **at = &device->regions; *at; at = &(*at)->next) {
        region *r = *at;
        if (r->start == memory) {
            *at = r->next;
            munmap(r->mapped, r->mapped_bytes);
            free(r);
            return;
        }
    }
}
