/* SPDX-License-Identifier: Apache-2.0
 * For tests of what stands for other ops: see lower_kit.h. */
#include "lower_kit.h"

#include <criterion/criterion.h>

bool is_listed(const char *op, const char *const *ops, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(op, ops[i]) == 0) {
            return true;
        }
    }
    return false;
}

const kd_device_plugin *device_without(const check_device *d, const char *const *ops, int count) {
    static kd_kernel kernels[256];
    static kd_device_plugin plain;
    plain = *d->table;
    plain.kernels = kernels;
    plain.kernel_stride = sizeof *kernels;
    plain.n_kernels = 0;
    const kd_kernel *k;
    for (uint32_t i = 0; (k = check_kernel_at(d, i)); i++) {
        if (!is_listed(k->op, ops, count)) {
            kernels[plain.n_kernels++] = *k;
        }
    }
    return &plain;
}

int count_word(const char *text, const char *word) {
    int found = 0;
    for (const char *at = text; (at = strstr(at, word)); at++) {
        found++;
    }
    return found;
}

kd_program *compile_alone(engine *e, graph *g) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    cr_assert(engine_compile(e, g, "here", &p, &err), "%s", err.message);
    return p;
}
