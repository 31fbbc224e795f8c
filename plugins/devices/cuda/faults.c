/* SPDX-License-Identifier: Apache-2.0
 * Faults that kernels report; see faults.h. No CUDA in here. */
#include "faults.h"

#include <stdlib.h>

/* One a name and count: a program may be gone, or made again, when its fault is read. */
struct watch {
    watch *next;
    int32_t number;
    int64_t count;
    const char *what, *among;
    char name[]; /* "path: op" */
};

static watch *watch_create(kd_device *device, const char *name, int64_t count, kd_error *err) {
    watch *w = state_create(sizeof *w + strlen(name) + 1, err);
    if (w) {
        w->next = device->watches;
        w->number = w->next ? w->next->number + 1 : 1;
        w->count = count;
        strcpy(w->name, name);
        device->watches = w;
    }
    return w;
}

bool fault_watch(kd_device *device, const kd_node *node, const char *what, int64_t count,
                 const char *among, void **ret_state, kd_error *err) {
    char name[256];
    snprintf(name, sizeof name, "%s: %s", node->path, node->op);
    watch *w = device->watches;
    while (w && (w->count != count || strcmp(w->name, name) != 0)) {
        w = w->next;
    }
    w = w ? w : watch_create(device, name, count, err);
    watched *state = w ? state_create(sizeof *state, err) : NULL;
    if (!state) {
        return false;
    }
    w->what = what;
    w->among = among;
    state->number = w->number;
    *ret_state = state;
    return true;
}

/* The device writes it while the host looks. */
bool fault_seen(const kd_device *device) {
    return *(const volatile int32_t *)&device->fault->watch != 0;
}

void fault_collect(kd_device *device) {
    const fault_word fault = *device->fault;
    if (fault.watch == 0) {
        return;
    }
    *device->fault = (fault_word){0};
    const watch *w = device->watches;
    while (w && w->number != fault.watch) {
        w = w->next;
    }
    if (w && !device->failed) {
        device->failed = true;
        kd_fail(&device->failure, KD_E_INVALID, "%s: %s %d (at %lld) is outside of %lld %s",
                w->name, w->what, fault.index, (long long)fault.at, (long long)w->count, w->among);
    }
}

void fault_finish(kd_device *device) {
    while (device->watches) {
        watch *w = device->watches;
        device->watches = w->next;
        free(w);
    }
}
