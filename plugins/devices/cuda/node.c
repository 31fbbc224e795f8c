/* SPDX-License-Identifier: Apache-2.0
 * What kernels say of a node they cannot do, and the failure that a run keeps. No CUDA in here. */
#include "device.h"

#include <stdlib.h>

void device_fail(kd_device *device, const char *format, ...) {
    if (device->failed) {
        return;
    }
    char text[sizeof device->failure.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->failed = true;
    kd_fail(&device->failure, KD_E_DEVICE, "%s", text);
}

static const kd_spec *operand(const kd_node *node, uint32_t i) {
    return i < node->n_inputs ? &node->inputs[i] : &node->outputs[i - node->n_inputs];
}

/* Appends " f32 [128, 56, 56, 64]". Returns what is used of `text` then. */
static size_t append_spec(char *text, size_t room, size_t used, const kd_spec *spec) {
    const char *separator = " [";
    used += (size_t)snprintf(text + used, room - used, " %s", kd_dtype_name(spec->dtype));
    for (int i = 0; i < spec->rank && used < room; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s%lld", separator,
                                 (long long)spec->dim[i]);
        separator = ", ";
    }
    if (used < room) {
        used += (size_t)snprintf(text + used, room - used, spec->rank ? "]" : " []");
    }
    return used < room ? used : room - 1;
}

bool refuse(const kd_node *node, const char *why, kd_error *err) {
    char text[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        if (i == node->n_inputs) {
            used += (size_t)snprintf(text + used, sizeof text - used, " to");
            used = used < sizeof text ? used : sizeof text - 1;
        }
        used = append_spec(text, sizeof text, used, operand(node, i));
    }
    kd_fail(err, KD_E_UNSUPPORTED, "%s: %s of%s: %s", node->path, node->op, text, why);
    return kd_hint(err, "use device: {plugin: cpu}");
}

void *state_create(size_t bytes, kd_error *err) {
    void *state = calloc(1, bytes);
    if (!state) {
        kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    return state;
}

void release_state(kd_device *device, void *state) {
    (void)device;
    free(state);
}
