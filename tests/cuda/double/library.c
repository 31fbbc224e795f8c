/* SPDX-License-Identifier: Apache-2.0
 * Loading of the doubled libraries, in place of dlopen, dlsym and dlerror (the linker's --wrap),
 * and numbers. */
#include "double.h"

#include <stdio.h>
#include <string.h>

static char cudnn_library, cublas_library, message[256];

void *__wrap_dlopen(const char *file, int flags);
void *__wrap_dlsym(void *library, const char *name);
char *__wrap_dlerror(void);

void *__wrap_dlopen(const char *file, int flags) {
    (void)flags;
    if (cuda_double.missing && strstr(file, cuda_double.missing)) {
        snprintf(message, sizeof message, "%s: cannot open shared object file", file);
        return NULL;
    }
    return strstr(file, "cudnn") ? &cudnn_library : &cublas_library;
}

void *__wrap_dlsym(void *library, const char *name) {
    if (cuda_double.missing && strcmp(name, cuda_double.missing) == 0) {
        return NULL;
    }
    return library == &cudnn_library ? double_cudnn_call(name) : double_cublas_call(name);
}

char *__wrap_dlerror(void) {
    return message;
}

void *double_find(const double_symbol *symbols, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(symbols[i].name, name) == 0) {
            return symbols[i].address;
        }
    }
    return NULL;
}

double double_get(const void *data, bool half, int64_t i) {
    if (!half) {
        return (double)((const float *)data)[i];
    }
    const uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

void double_put(void *data, bool half, int64_t i, double value) {
    const float narrow = (float)value;
    if (!half) {
        ((float *)data)[i] = narrow;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    ((uint16_t *)data)[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
