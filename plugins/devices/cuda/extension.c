/* SPDX-License-Identifier: Apache-2.0
 * The tables of what the device can do beyond kindred/device.h, by name. */
#include "extension.h"

#include "copy.h"
#include "feed.h"
#include "memory.h"
#include "prefetch.h"

static const kd_device_feed feeding = {
    .size = sizeof feeding, .fetch = cuda_feed_fetch, .advance = cuda_feed_advance};

static const kd_device_copying copying = {.size = sizeof copying,
                                          .create = copy_create,
                                          .destroy = copy_destroy,
                                          .put = copy_put,
                                          .send = copy_send,
                                          .wait = copy_wait,
                                          .arrived = copy_arrived,
                                          .check = copy_check};

static const kd_device_host_reads host_reads = {.size = sizeof host_reads,
                                                .free_memory = memory_free,
                                                .allocate = mapped_allocate,
                                                .release = mapped_release};

static const kd_device_prefetching prefetching = {.size = sizeof prefetching,
                                                  .copy = cuda_prefetch_copy,
                                                  .create = ahead_create,
                                                  .destroy = ahead_destroy,
                                                  .begin = ahead_begin,
                                                  .end = ahead_end};

static void *stream_of(kd_device *device) {
    return device->stream;
}

static const kd_device_kernels of_others = {
    .size = sizeof of_others, .accepts = "cuda", .stream = stream_of};

static const struct {
    const char *id;
    const void *table;
} extensions[] = {
    {KD_DEVICE_FEED, &feeding},          {KD_DEVICE_COPY, &copying},
    {KD_DEVICE_HOST_READS, &host_reads}, {KD_DEVICE_PREFETCH, &prefetching},
    {KD_DEVICE_KERNELS, &of_others},
};

const void *extension_find(kd_device *device, const char *id) {
    (void)device;
    const void *ret = NULL;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        ret = strcmp(extensions[i].id, id) == 0 ? extensions[i].table : ret;
    }
    return ret;
}
