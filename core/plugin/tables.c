/* SPDX-License-Identifier: Apache-2.0
 * The five kinds' tables: their sizes, and the slots that must be there. */
#include "plugin/tables.h"

#include <kindred/backbone.h>
#include <kindred/dataset.h>
#include <kindred/device.h>
#include <kindred/eval.h>
#include <kindred/method.h>

/* A function or an array that a table may not leave out. */
typedef struct slot {
    const char *name;
    size_t offset;
} slot;

#define SLOT(type, field)                                                                          \
    { #field, offsetof(type, field) }

static const slot method_slots[] = {SLOT(kd_method, build), {0}};
static const slot backbone_slots[] = {SLOT(kd_backbone, build), {0}};
static const slot eval_slots[] = {SLOT(kd_eval, run), {0}};
static const slot dataset_slots[] = {
    SLOT(kd_dataset, open),        SLOT(kd_dataset, close),
    SLOT(kd_dataset, count),       SLOT(kd_dataset, classes),
    SLOT(kd_dataset, label),       SLOT(kd_dataset, path),
    SLOT(kd_dataset, read),        SLOT(kd_dataset, release_sample),
    SLOT(kd_dataset, fingerprint), {0}};
static const slot device_slots[] = {
    SLOT(kd_device_plugin, open),     SLOT(kd_device_plugin, close),
    SLOT(kd_device_plugin, describe), SLOT(kd_device_plugin, allocate),
    SLOT(kd_device_plugin, release),  SLOT(kd_device_plugin, upload),
    SLOT(kd_device_plugin, download), SLOT(kd_device_plugin, wait),
    SLOT(kd_device_plugin, kernels),  {0}};

static const char *no_class_name(const kd_set *set, int32_t label) {
    (void)set;
    (void)label;
    return NULL;
}

static size_t no_overhead(kd_device *device) {
    (void)device;
    return 0;
}

static bool method_complete(void *table, kd_error *err) {
    const kd_method *method = table;
    return method->max_views == 0 || method->min_views <= method->max_views ||
           kd_fail(err, KD_E_INTERNAL, "it wants %u to %u views", method->min_views,
                   method->max_views);
}

static bool dataset_complete(void *table, kd_error *err) {
    kd_dataset *dataset = table;
    (void)err;
    if (!dataset->class_name) {
        dataset->class_name = no_class_name;
    }
    return true;
}

static bool device_complete(void *table, kd_error *err) {
    kd_device_plugin *device = table;
    if (!device->overhead) {
        device->overhead = no_overhead;
    }
    if (device->alignment == 0 || (device->alignment & (device->alignment - 1)) != 0) {
        return kd_fail(err, KD_E_INTERNAL, "its alignment is %u, not a power of two",
                       device->alignment);
    }
    if (device->kernel_stride < sizeof(kd_kernel) ||
        device->kernel_stride % _Alignof(kd_kernel) != 0) {
        return kd_fail(err, KD_E_INTERNAL, "its kernel_stride is %u, less than a kd_kernel",
                       device->kernel_stride);
    }
    for (uint32_t i = 0; i < device->n_kernels; i++) {
        const kd_kernel *kernel =
            (const void *)((const char *)device->kernels + (size_t)i * device->kernel_stride);
        if (kernel->size < sizeof(kd_kernel) || !kernel->op || !kernel->run) {
            return kd_fail(err, KD_E_INTERNAL, "its kernel %u (%s) has no size, op or run", i,
                           kernel->op ? kernel->op : "unnamed");
        }
    }
    return true;
}

/* least: the size in minor 0 of the ABI, below which no table is one. */
static const struct {
    size_t size, least;
    const slot *slots;
    bool (*complete)(void *table, kd_error *err);
} kinds[] = {
    [KD_KIND_METHOD] = {sizeof(kd_method), KD_END(kd_method, build), method_slots, method_complete},
    [KD_KIND_BACKBONE] = {sizeof(kd_backbone), KD_END(kd_backbone, build), backbone_slots, NULL},
    [KD_KIND_DATASET] = {sizeof(kd_dataset), KD_END(kd_dataset, fingerprint), dataset_slots,
                         dataset_complete},
    [KD_KIND_EVAL] = {sizeof(kd_eval), KD_END(kd_eval, run), eval_slots, NULL},
    [KD_KIND_DEVICE] = {sizeof(kd_device_plugin), KD_END(kd_device_plugin, overhead), device_slots,
                        device_complete},
};

const void *table_copy(uint32_t kind, const void *table, arena *a, kd_error *err) {
    uint32_t size = 0;
    if (!table) {
        kd_fail(err, KD_E_INTERNAL, "its entry gives no table");
        return NULL;
    }
    memcpy(&size, table, sizeof size);
    if (size < kinds[kind].least) {
        kd_fail(err, KD_E_INTERNAL, "its table's size is %u, less than %zu", size,
                kinds[kind].least);
        return NULL;
    }
    char *copy = arena_alloc(a, kinds[kind].size);
    memcpy(copy, table, size < kinds[kind].size ? size : kinds[kind].size);
    for (const slot *s = kinds[kind].slots; s->name; s++) {
        void *value;
        memcpy(&value, copy + s->offset, sizeof value);
        if (!value) {
            kd_fail(err, KD_E_INTERNAL, "its table lacks `%s`", s->name);
            return NULL;
        }
    }
    return !kinds[kind].complete || kinds[kind].complete(copy, err) ? copy : NULL;
}
