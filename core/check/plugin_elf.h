/* SPDX-License-Identifier: Apache-2.0
 * What the static rules ask of a shared object, read by libelf. */
#ifndef CORE_CHECK_PLUGIN_ELF_H
#define CORE_CHECK_PLUGIN_ELF_H

#include "base/arena.h"

#include <gelf.h>
#include <stdbool.h>

typedef struct elf_symbol {
    const char *name;
    const char *version; /* NULL: none; "GLIBC_2.34" */
    const char *library; /* that the version is of; NULL: none */
    int binding;         /* STB_ */
    bool defined, is_hidden;
} elf_symbol;

typedef struct elf_view {
    arena memory;
    int n_symbols;
    elf_symbol *symbols; /* the dynamic ones, but local ones */
    int n_needed;
    const char **needed;
    const char *runpath; /* NULL: none */
    uint64_t flags, flags_1;
    uint64_t constructors; /* bytes of pointers to them */
    bool text_relocations, relro, stack_header, exec_stack, build_id, fast_math;
} elf_view;

/* false when libelf cannot make sense of it; texts live in the view's memory. */
bool elf_view_open(const char *path, elf_view *ret);
void elf_view_close(elf_view *v);

#endif
