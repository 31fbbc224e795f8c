/* SPDX-License-Identifier: Apache-2.0
 * Memory that is freed all at once: what is made in a graph, a plugin instance or a command. */
#ifndef CORE_BASE_ARENA_H
#define CORE_BASE_ARENA_H

#include <stddef.h>

typedef struct arena {
    struct arena_block *blocks;
} arena; /* all zero: empty */

/* Zeroed, aligned to 16. Never NULL: running out of host memory ends the process. */
void *arena_alloc(arena *a, size_t bytes);
char *arena_copy(arena *a, const void *data, size_t bytes); /* plus an ending 0 */
char *arena_text(arena *a, const char *text);
__attribute__((format(printf, 2, 3))) char *arena_print(arena *a, const char *format, ...);
void arena_free(arena *a);

/* The one place where running out of host memory ends the process. */
void *kd_alloc(size_t bytes); /* zeroed */
void *kd_grow(void *memory, size_t bytes);

#endif
