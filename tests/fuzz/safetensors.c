/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target for weights: any bytes as a safetensors file, all of whose tensors are then read.
 */
#include "base/safetensors.h"
#include "base/arena.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile unsigned seen;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const int fd = memfd_create("weights", MFD_CLOEXEC);
    if (write(fd, data, bytes) != (ssize_t)bytes) {
        abort();
    }
    safetensors *file = safetensors_open(arena_print(&a, "/proc/self/fd/%d", fd), &err);
    for (int i = 0; file && i < safetensors_count(file); i++) {
        const safetensor *t = safetensors_at(file, i);
        const unsigned char *at = t->data;
        for (size_t k = 0; k < t->bytes; k++) {
            seen += at[k];
        }
    }
    safetensors_close(file);
    close(fd);
    arena_free(&a);
    return 0;
}
