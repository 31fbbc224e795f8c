/* SPDX-License-Identifier: Apache-2.0
 * Loads a plugin's companion as its plugin is loaded: blamed for a crash, and watched. */
#include "plugin/companion.h"

#include "plugin/blame.h"
#include "plugin/guard.h"

#include <dlfcn.h>
#include <unistd.h>

const char *companion_path(const char *path, const char *word, arena *a) {
    const size_t length = strlen(path);
    const bool plain = length > 3 && strcmp(path + length - 3, ".so") == 0;
    return arena_print(a, "%.*s.%s.so", (int)(plain ? length - 3 : length), path, word);
}

typedef const kd_op_kernel *(*kernels_function)(uint32_t *ret_count, uint32_t *ret_stride);

static kernels_function load(const char *file, kd_error *err) {
    kernels_function function = NULL;
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = object ? dlsym(object, "kindred_kernels_v0") : NULL;
    if (!object) {
        const char *why = dlerror();
        kd_fail(err, KD_E_UNSUPPORTED, "%s: the dynamic linker refuses it: %s", file,
                why ? why : "no reason given");
        kd_hint(err, "install what its kernels need, or choose another device");
        return NULL;
    }
    if (!symbol) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: does not export kindred_kernels_v0", file);
        kd_hint(err, "its author should end the file with KD_COMPANION(...)");
        return NULL;
    }
    memcpy(&function, &symbol, sizeof function);
    return function;
}

bool companion_open(const char *path, const plugin_note *note, const char *word, arena *a,
                    const kd_op_kernel **ret, int *ret_count, kd_error *err) {
    const char *file = companion_path(path, word, a);
    uint32_t count = 0, stride = 0;
    guard before;
    if (access(file, R_OK) != 0) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s says that it has kernels for %s, and %s is not there",
                note->id, word, file);
        return kd_hint(err, "install the plugin whole, or choose another device");
    }
    blame_begin(note->id, file, path);
    guard_take(&before);
    const kernels_function function = load(file, err);
    const kd_op_kernel *first = function ? function(&count, &stride) : NULL;
    guard_restore(&before, note->id);
    blame_end();
    if (!first) {
        return function && kd_fail(err, KD_E_INTERNAL, "%s: gives no kernels", file);
    }
    const kd_op_kernel *kernels = op_kernels_copy(first, count, stride, note, a, err);
    if (!kernels) {
        return kd_while(err, "%s", file);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(kernels[i].device, word) != 0) {
            return kd_fail(err, KD_E_INTERNAL,
                           "%s: has a kernel of %s for %s, and %s belongs there", file,
                           kernels[i].op, kernels[i].device, word);
        }
    }
    *ret = kernels;
    *ret_count = (int)count;
    return true;
}
