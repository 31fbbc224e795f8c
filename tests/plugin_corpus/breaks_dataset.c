/* SPDX-License-Identifier: Apache-2.0
 * The dataset of `kindred plugin new`, with a read that breaks a rule. */
#include <kindred/dataset.h>
#include <unistd.h>

#undef KD_DATASET
#define KD_DATASET(...)
#include "../../share/templates/dataset/my_plugin.c"

/* Another picture at each call, or one whose index another thread may change meanwhile. */
static bool read_badly(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
#ifdef BREAKS_ORDER
    static int calls;
    const bool ok = read_sample(set, index, ret, err);
    if (ok) {
        *(uint8_t *)ret->owner = (uint8_t)calls++;
    }
    return ok;
#else
    static volatile int64_t current;
    current = index;
    usleep(200);
    const bool ok = read_sample(set, current, ret, err);
    ret->label = label(set, index);
    return ok;
#endif
}

KD_ENTRY(KD_KIND_DATASET, kd_dataset, .open = open_set, .close = close_set, .count = count,
         .classes = classes, .label = label, .path = path, .read = read_badly,
         .release_sample = release_sample, .fingerprint = fingerprint)
