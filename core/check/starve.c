/* SPDX-License-Identifier: Apache-2.0
 * Replaces imported functions in a loaded object's table of addresses.
 *
 * source  System V ABI, "Dynamic Linking": relocations JUMP_SLOT and GLOB_DAT name the symbol and
 * the place of its address */
#include "check/starve.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of the process, as allocation is. */
static atomic_int count, failing;

static bool fails(void) {
    const bool now = atomic_fetch_add(&count, 1) + 1 == atomic_load(&failing);
    if (now) {
        errno = ENOMEM;
    }
    return now;
}

static void *starved_malloc(size_t bytes) {
    return fails() ? NULL : malloc(bytes);
}

static void *starved_calloc(size_t items, size_t bytes) {
    return fails() ? NULL : calloc(items, bytes);
}

static void *starved_realloc(void *memory, size_t bytes) {
    return fails() ? NULL : realloc(memory, bytes);
}

static void *starved_reallocarray(void *memory, size_t items, size_t bytes) {
    return fails() ? NULL : reallocarray(memory, items, bytes);
}

static void *starved_aligned_alloc(size_t alignment, size_t bytes) {
    return fails() ? NULL : aligned_alloc(alignment, bytes);
}

static int starved_posix_memalign(void **ret, size_t alignment, size_t bytes) {
    return fails() ? ENOMEM : posix_memalign(ret, alignment, bytes);
}

static char *starved_strdup(const char *text) {
    return fails() ? NULL : strdup(text);
}

static char *starved_strndup(const char *text, size_t bytes) {
    return fails() ? NULL : strndup(text, bytes);
}

typedef void function(void);
static const struct {
    const char *name;
    function *instead;
} replacements[] = {
    {"malloc", (function *)starved_malloc},
    {"calloc", (function *)starved_calloc},
    {"realloc", (function *)starved_realloc},
    {"reallocarray", (function *)starved_reallocarray},
    {"aligned_alloc", (function *)starved_aligned_alloc},
    {"posix_memalign", (function *)starved_posix_memalign},
    {"strdup", (function *)starved_strdup},
    {"strndup", (function *)starved_strndup},
};

#if defined(__x86_64__)
static const uint32_t address_types[] = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT};
#elif defined(__aarch64__)
static const uint32_t address_types[] = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT};
#else
static const uint32_t address_types[] = {0, 0}; /* no relocation: nothing is replaced */
#endif

static bool is_address(uint32_t type) {
    return type != 0 && (type == address_types[0] || type == address_types[1]);
}

static function *replacement_of(const char *name) {
    for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++) {
        if (strcmp(replacements[i].name, name) == 0) {
            return replacements[i].instead;
        }
    }
    return NULL;
}

/* The table lies in memory that is read-only after loading (RELRO). */
static bool write_address(ElfW(Addr) where, function *instead) {
    const ElfW(Addr) page = where & ~((ElfW(Addr))sysconf(_SC_PAGESIZE) - 1);
    if (mprotect((void *)page, where + sizeof instead - page, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    memcpy((void *)where, &instead, sizeof instead);
    return true;
}

/* What the dynamic section says of an object that is loaded. */
typedef struct dynamic {
    const ElfW(Sym) * symbols;
    const char *names;
    ElfW(Addr) relocations[2]; /* those bound on the first call, and the others */
    size_t bytes[2];
} dynamic;

static dynamic read_dynamic(const ElfW(Dyn) * at, ElfW(Addr) base) {
    dynamic d = {.names = NULL};
    for (; at->d_tag != DT_NULL; at++) {
        const ElfW(Addr) value = at->d_un.d_ptr;
        const ElfW(Addr) address = value < base ? base + value : value;
        switch (at->d_tag) {
        case DT_SYMTAB:
            d.symbols = (const void *)address;
            break;
        case DT_STRTAB:
            d.names = (const void *)address;
            break;
        case DT_JMPREL:
            d.relocations[0] = address;
            break;
        case DT_PLTRELSZ:
            d.bytes[0] = value;
            break;
        case DT_RELA:
            d.relocations[1] = address;
            break;
        case DT_RELASZ:
            d.bytes[1] = value;
            break;
        default:
            break;
        }
    }
    return d;
}

static int replace_in(const dynamic *d, int list, ElfW(Addr) base) {
    const ElfW(Rela) *r = (const void *)d->relocations[list];
    int replaced = 0;
    for (size_t i = 0; r && i < d->bytes[list] / sizeof *r; i++) {
        const char *name = d->names + d->symbols[ELF64_R_SYM(r[i].r_info)].st_name;
        function *instead = replacement_of(name);
        if (instead && is_address((uint32_t)ELF64_R_TYPE(r[i].r_info))) {
            replaced += write_address(base + r[i].r_offset, instead);
        }
    }
    return replaced;
}

typedef struct wanted {
    const char *path;
    int replaced;
} wanted;

static int visit(struct dl_phdr_info *info, size_t bytes, void *context) {
    wanted *w = context;
    (void)bytes;
    if (strcmp(info->dlpi_name, w->path) != 0) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
            const ElfW(Addr) base = info->dlpi_addr;
            const dynamic d = read_dynamic((const void *)(base + info->dlpi_phdr[i].p_vaddr), base);
            w->replaced += replace_in(&d, 0, base) + replace_in(&d, 1, base);
        }
    }
    return 1;
}

bool starve_attach(const char *path) {
    wanted w = {.path = path};
    dl_iterate_phdr(visit, &w);
    return w.replaced > 0;
}

void starve_at(int number) {
    atomic_store(&count, 0);
    atomic_store(&failing, number);
}

int starve_count(void) {
    return atomic_load(&count);
}
