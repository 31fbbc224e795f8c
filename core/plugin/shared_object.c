/* SPDX-License-Identifier: Apache-2.0
 * The few things the host asks of a shared object's bytes. */
#include "plugin/shared_object.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DYNAMIC_BYTES (1u << 16)
#define MAX_STRINGS_BYTES (1u << 20)

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#else
#error "plugins are known on x86-64 and arm64"
#endif

bool elf_read(const elf_file *elf, uint64_t offset, void *ret, uint64_t bytes) {
    if (offset > elf->bytes || bytes > elf->bytes - offset) {
        return false;
    }
    char *to = ret;
    while (bytes > 0) {
        ssize_t got = pread(elf->fd, to, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        to += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return true;
}

static const char *machine_name(unsigned machine) {
    return machine == THIS_MACHINE ? NULL
           : machine == EM_X86_64  ? "x86-64"
           : machine == EM_AARCH64 ? "arm64"
           : machine == EM_RISCV   ? "riscv64"
                                   : "another machine";
}

/* What the dynamic linker would map must be there; what follows it (section headers, symbols for
 * debuggers) may have been stripped. */
static bool segments_fit(const elf_file *elf) {
    for (int i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if ((s->p_type == PT_LOAD || s->p_type == PT_NOTE || s->p_type == PT_DYNAMIC) &&
            (s->p_offset > elf->bytes || s->p_filesz > elf->bytes - s->p_offset)) {
            return false;
        }
    }
    return true;
}

static bool header_read(elf_file *elf, kd_error *err) {
    Elf64_Ehdr header = {0};
    uint64_t there = elf->bytes < sizeof header ? elf->bytes : sizeof header;
    if (elf->bytes == 0) {
        return kd_fail(err, KD_E_DATA, "the file is empty");
    }
    if (!elf_read(elf, 0, &header, there)) {
        return kd_fail(err, KD_E_IO, "cannot be read");
    }
    if (memcmp(header.e_ident, ELFMAG, there < SELFMAG ? there : SELFMAG) != 0) {
        return kd_fail(err, KD_E_UNSUPPORTED, "not a shared object");
    }
    if (there < sizeof header) {
        return kd_fail(err, KD_E_DATA, "the file is cut off");
    }
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_type != ET_DYN) {
        return kd_fail(err, KD_E_UNSUPPORTED, "not a 64-bit little-endian shared object");
    }
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > ELF_MAX_SEGMENTS) {
        return kd_fail(err, KD_E_DATA, "its program headers are damaged");
    }
    elf->n_segments = header.e_phnum;
    elf->machine = machine_name(header.e_machine);
    if (!elf_read(elf, header.e_phoff, elf->segments, header.e_phnum * sizeof(Elf64_Phdr)) ||
        !segments_fit(elf)) {
        return kd_fail(err, KD_E_DATA, "the file is cut off");
    }
    return true;
}

bool elf_open(const char *path, elf_file *ret, kd_error *err) {
    struct stat status;
    *ret = (elf_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (ret->fd < 0 || fstat(ret->fd, &status) != 0) {
        kd_fail(err, KD_E_IO, "cannot be opened: %s", strerror(errno));
        goto fail;
    }
    if (!S_ISREG(status.st_mode)) {
        kd_fail(err, KD_E_UNSUPPORTED, "not a regular file");
        goto fail;
    }
    ret->bytes = (uint64_t)status.st_size;
    if (header_read(ret, err)) {
        return true;
    }
fail:
    elf_close(ret);
    return false;
}

void elf_close(elf_file *elf) {
    if (elf->fd >= 0) {
        close(elf->fd);
    }
    elf->fd = -1;
}

/* The file offset of a virtual address, by the loaded segments. */
static bool file_offset(const elf_file *elf, uint64_t address, uint64_t *ret) {
    for (int i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr < s->p_filesz) {
            *ret = s->p_offset + (address - s->p_vaddr);
            return true;
        }
    }
    return false;
}

static uint64_t dynamic_value(const Elf64_Dyn *table, size_t n, int64_t tag) {
    for (size_t i = 0; i < n && table[i].d_tag != DT_NULL; i++) {
        if (table[i].d_tag == tag) {
            return table[i].d_un.d_val;
        }
    }
    return 0;
}

/* The dynamic section and its strings, ended by a 0 of ours. */
static bool dynamic_read(const elf_file *elf, arena *a, Elf64_Dyn **ret_table, size_t *ret_n,
                         char **ret_strings, uint64_t *ret_bytes) {
    const Elf64_Phdr *segment = NULL;
    for (int i = 0; i < elf->n_segments && !segment; i++) {
        segment = elf->segments[i].p_type == PT_DYNAMIC ? &elf->segments[i] : NULL;
    }
    if (!segment || segment->p_filesz > MAX_DYNAMIC_BYTES) {
        return false;
    }
    Elf64_Dyn *table = arena_alloc(a, segment->p_filesz + sizeof *table);
    size_t n = segment->p_filesz / sizeof *table;
    if (!elf_read(elf, segment->p_offset, table, n * sizeof *table)) {
        return false;
    }
    uint64_t bytes = dynamic_value(table, n, DT_STRSZ), offset = 0;
    if (bytes > MAX_STRINGS_BYTES ||
        !file_offset(elf, dynamic_value(table, n, DT_STRTAB), &offset)) {
        return false;
    }
    *ret_strings = arena_alloc(a, bytes + 1);
    *ret_table = table;
    *ret_n = n;
    *ret_bytes = bytes;
    return elf_read(elf, offset, *ret_strings, bytes);
}

int elf_needed(const elf_file *elf, arena *a, const char ***ret_sonames) {
    Elf64_Dyn *table;
    size_t n;
    char *strings;
    uint64_t bytes;
    *ret_sonames = NULL;
    if (!dynamic_read(elf, a, &table, &n, &strings, &bytes)) {
        return 0;
    }
    int found = 0;
    *ret_sonames = arena_alloc(a, (n + 1) * sizeof **ret_sonames);
    for (size_t i = 0; i < n && table[i].d_tag != DT_NULL; i++) {
        if (table[i].d_tag == DT_NEEDED && table[i].d_un.d_val < bytes) {
            (*ret_sonames)[found++] = strings + table[i].d_un.d_val;
        }
    }
    return found;
}
