/* SPDX-License-Identifier: Apache-2.0
 * Reads symbols, versions and dynamic entries of a shared object with libelf. */
#include "check/plugin_elf.h"

#include <fcntl.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

/* A section, found by its type. */
static Elf_Scn *section(Elf *elf, uint32_t type, GElf_Shdr *ret) {
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        if (gelf_getshdr(s, ret) && ret->sh_type == type) {
            return s;
        }
    }
    return NULL;
}

static const char *text_at(Elf *elf, const GElf_Shdr *header, uint64_t offset, arena *a) {
    const char *text = elf_strptr(elf, header->sh_link, offset);
    return arena_text(a, text ? text : "?");
}

static void read_dynamic(Elf *elf, elf_view *v) {
    GElf_Shdr header;
    Elf_Scn *s = section(elf, SHT_DYNAMIC, &header);
    Elf_Data *data = s ? elf_getdata(s, NULL) : NULL;
    const int count = data && header.sh_entsize ? (int)(header.sh_size / header.sh_entsize) : 0;
    v->needed = arena_alloc(&v->memory, ((size_t)count + 1) * sizeof *v->needed);
    GElf_Dyn d;
    for (int i = 0; i < count && gelf_getdyn(data, i, &d); i++) {
        switch (d.d_tag) {
        case DT_NEEDED:
            v->needed[v->n_needed++] = text_at(elf, &header, d.d_un.d_val, &v->memory);
            break;
        case DT_RPATH:
        case DT_RUNPATH:
            v->runpath = text_at(elf, &header, d.d_un.d_val, &v->memory);
            break;
        case DT_FLAGS:
            v->flags = d.d_un.d_val;
            break;
        case DT_FLAGS_1:
            v->flags_1 = d.d_un.d_val;
            break;
        case DT_BIND_NOW:
            v->flags |= DF_BIND_NOW;
            break;
        case DT_INIT_ARRAYSZ:
            v->constructors = d.d_un.d_val;
            break;
        case DT_TEXTREL:
            v->text_relocations = true;
            break;
        default:
            break;
        }
    }
}

static void read_segments(Elf *elf, elf_view *v) {
    size_t count = 0;
    GElf_Phdr p;
    elf_getphdrnum(elf, &count);
    for (int i = 0; i < (int)count && gelf_getphdr(elf, i, &p); i++) {
        v->relro |= p.p_type == PT_GNU_RELRO;
        v->stack_header |= p.p_type == PT_GNU_STACK;
        v->exec_stack |= p.p_type == PT_GNU_STACK && (p.p_flags & PF_X);
    }
}

static void read_names(Elf *elf, elf_view *v) {
    size_t names = 0;
    GElf_Shdr header;
    GElf_Sym symbol;
    elf_getshdrstrndx(elf, &names);
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s)) && gelf_getshdr(s, &header);) {
        const char *name = elf_strptr(elf, names, header.sh_name);
        v->build_id |= name && strcmp(name, ".note.gnu.build-id") == 0;
    }
    Elf_Scn *s = section(elf, SHT_SYMTAB, &header);
    Elf_Data *data = s ? elf_getdata(s, NULL) : NULL;
    for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
        const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
        v->fast_math |= name && strcmp(name, "set_fast_math") == 0;
    }
}

/* The library and name of a version that the file asks for, by its index. */
static void find_version(Elf *elf, int index, elf_symbol *ret, arena *a) {
    GElf_Shdr header;
    Elf_Scn *s = section(elf, SHT_GNU_verneed, &header);
    Elf_Data *data = s ? elf_getdata(s, NULL) : NULL;
    GElf_Verneed need;
    for (int at = 0; data && gelf_getverneed(data, at, &need); at += (int)need.vn_next) {
        int inner = at + (int)need.vn_aux;
        GElf_Vernaux one;
        for (int i = 0; i < need.vn_cnt && gelf_getvernaux(data, inner, &one); i++) {
            if (one.vna_other == index) {
                ret->version = text_at(elf, &header, one.vna_name, a);
                ret->library = text_at(elf, &header, need.vn_file, a);
                return;
            }
            inner += (int)one.vna_next;
        }
        if (need.vn_next == 0) {
            return;
        }
    }
}

static void read_symbols(Elf *elf, elf_view *v) {
    GElf_Shdr header, versions_header;
    Elf_Scn *s = section(elf, SHT_DYNSYM, &header);
    Elf_Scn *versions = section(elf, SHT_GNU_versym, &versions_header);
    Elf_Data *data = s ? elf_getdata(s, NULL) : NULL;
    Elf_Data *version_data = versions ? elf_getdata(versions, NULL) : NULL;
    const int count = data && header.sh_entsize ? (int)(header.sh_size / header.sh_entsize) : 0;
    v->symbols = arena_alloc(&v->memory, ((size_t)count + 1) * sizeof *v->symbols);
    GElf_Sym symbol;
    for (int i = 1; i < count && gelf_getsym(data, i, &symbol); i++) {
        if (GELF_ST_BIND(symbol.st_info) == STB_LOCAL) {
            continue;
        }
        elf_symbol *out = &v->symbols[v->n_symbols++];
        const int visibility = GELF_ST_VISIBILITY(symbol.st_other);
        GElf_Versym version = 0;
        *out = (elf_symbol){.name = text_at(elf, &header, symbol.st_name, &v->memory),
                            .binding = GELF_ST_BIND(symbol.st_info),
                            .defined = symbol.st_shndx != SHN_UNDEF,
                            .is_hidden = visibility == STV_HIDDEN || visibility == STV_INTERNAL};
        if (version_data && gelf_getversym(version_data, i, &version) && !out->defined) {
            find_version(elf, version & 0x7fff, out, &v->memory);
        }
    }
}

bool elf_view_open(const char *path, elf_view *ret) {
    *ret = (elf_view){.n_symbols = 0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf =
        fd >= 0 && elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    const bool ok = elf && elf_kind(elf) == ELF_K_ELF;
    if (ok) {
        read_dynamic(elf, ret);
        read_segments(elf, ret);
        read_names(elf, ret);
        read_symbols(elf, ret);
    }
    elf_end(elf);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

void elf_view_close(elf_view *v) {
    arena_free(&v->memory);
}
