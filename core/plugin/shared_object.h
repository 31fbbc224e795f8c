/* SPDX-License-Identifier: Apache-2.0
 * The few things the host asks of a shared object's bytes, read with pread and bounded, so that no
 * file, however damaged, can do more than be refused. */
#ifndef CORE_PLUGIN_SHARED_OBJECT_H
#define CORE_PLUGIN_SHARED_OBJECT_H

#include "base/arena.h"

#include <elf.h>
#include <kindred/error.h>

#define ELF_MAX_SEGMENTS 64

typedef struct elf_file {
    int fd;
    uint64_t bytes;
    const char *machine; /* NULL: the one that this host runs on; else its name */
    int n_segments;
    Elf64_Phdr segments[ELF_MAX_SEGMENTS];
} elf_file;

/* fails with KD_E_UNSUPPORTED when it is something else than a 64-bit little-endian shared object,
 * with KD_E_DATA when it is one, but damaged, or empty. Messages do not name the path. */
bool elf_open(const char *path, elf_file *ret, kd_error *err);
void elf_close(elf_file *elf);

/* True when [offset, offset + bytes) lies in the file and was read. */
bool elf_read(const elf_file *elf, uint64_t offset, void *ret, uint64_t bytes);

/* The sonames that the file asks the dynamic linker for (DT_NEEDED), in `a`; returns their number.
 * Damaged tables read as none. */
int elf_needed(const elf_file *elf, arena *a, const char ***ret_sonames);

#endif
