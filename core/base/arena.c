/* SPDX-License-Identifier: Apache-2.0
 * A chain of blocks, the newest first; requests larger than a block get one of their own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(16) unsigned char data[];
};

void *kd_alloc(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory) {
        fprintf(stderr, "kindred: out of host memory (%zu bytes)\n", bytes);
        exit(3);
    }
    return memory;
}

void *kd_grow(void *memory, size_t bytes) {
    void *grown = realloc(memory, bytes ? bytes : 1);
    if (!grown) {
        fprintf(stderr, "kindred: out of host memory (%zu bytes)\n", bytes);
        exit(3);
    }
    return grown;
}

void *arena_alloc(arena *a, size_t bytes) {
    const size_t wanted = (bytes + 15) & ~(size_t)15;
    struct arena_block *block = a->blocks;
    if (!block || block->size - block->used < wanted) {
        const size_t size = wanted > 65536 ? wanted : 65536;
        block = kd_alloc(sizeof *block + size);
        block->size = size;
        block->next = a->blocks;
        a->blocks = block;
    }
    void *memory = block->data + block->used;
    block->used += wanted;
    return memory;
}

char *arena_copy(arena *a, const void *data, size_t bytes) {
    char *copy = arena_alloc(a, bytes + 1);
    if (bytes) {
        memcpy(copy, data, bytes);
    }
    return copy;
}

char *arena_text(arena *a, const char *text) {
    return arena_copy(a, text, strlen(text));
}

char *arena_print(arena *a, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_alloc(a, (size_t)(length < 0 ? 0 : length) + 1);
    vsnprintf(text, (size_t)(length < 0 ? 0 : length) + 1, format, again);
    va_end(again);
    return text;
}

void arena_free(arena *a) {
    for (struct arena_block *block = a->blocks; block;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    a->blocks = NULL;
}
