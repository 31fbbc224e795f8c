/* SPDX-License-Identifier: Apache-2.0
 * Names a plugin's companions by its note, and loads one as its plugin is loaded: blamed for a
 * crash, and watched. */
#include "plugin/companion.h"

#include "plugin/blame.h"
#include "plugin/guard.h"

#include <dlfcn.h>
#include <unistd.h>

#define MOST_WORDS 64

const char *companion_path(const char *path, const char *word, arena *a) {
    const size_t length = strlen(path);
    const bool plain = length > 3 && strcmp(path + length - 3, ".so") == 0;
    return arena_print(a, "%.*s.%s.so", (int)(plain ? length - 3 : length), path, word);
}

static bool is_plain(const char *word, size_t length) {
    return length > 0 &&
           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") >=
               length;
}

static bool is_among(const char *const *words, int n, const char *word) {
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

int companion_words(const plugin_note *note, arena *a, const char *const **ret) {
    const char **words = arena_alloc(a, MOST_WORDS * sizeof *words);
    int n = 0;
    for (int i = 0; i < note->n_ops; i++) {
        for (const char *at = note->ops[i].devices; *at && n < MOST_WORDS;) {
            const size_t length = strcspn(at, " ");
            const char *word = is_plain(at, length) ? arena_copy(a, at, length) : NULL;
            if (word && !is_among(words, n, word)) {
                words[n++] = word;
            }
            at += length + strspn(at + length, " ");
        }
    }
    *ret = words;
    return n;
}

bool companion_is_needed(const char *word) {
    return strcmp(word, "cuda") == 0;
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
