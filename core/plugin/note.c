/* SPDX-License-Identifier: Apache-2.0
 * Finds what a plugin says of itself: segments of the file -> records of ours. */
#include "plugin/note_record.h"

#include "plugin/shared_object.h"

#include <stdlib.h>

#define MAX_NOTE_BYTES (1u << 20) /* of one segment */

const char *plugin_kind_name(uint32_t kind) {
    static const char *const names[] = {NULL, "method", "backbone", "dataset", "eval", "device"};
    return kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

bool note_abi_fits(const plugin_note *note) {
    return note->abi_major == KD_ABI_MAJOR && note->min_host_minor <= KD_ABI_MINOR_LATEST;
}

static void list_add(note_records *list, note_record item) {
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 32;
        list->items = kd_grow(list->items, (size_t)list->capacity * sizeof item);
    }
    list->items[list->n++] = item;
}

/* How long the first minor's record of that type is, which later ones only add to; 0: of a later
 * minor than this host's. */
static size_t least_size(uint32_t type) {
    return type == KD_NOTE_PLUGIN   ? KD_END(kd_note_plugin, isa)
           : type == KD_NOTE_OPTION ? KD_END(kd_note_option, help)
           : type == KD_NOTE_OP     ? KD_END(kd_note_op, help)
                                    : 0;
}

/* Adds one note of ours; its first four bytes say how long its fixed part is. */
static bool record_add(note_records *list, uint32_t type, const unsigned char *data, size_t bytes,
                       kd_error *err) {
    uint32_t size;
    if (bytes < sizeof size) {
        return note_broken(err, "a note record is cut off");
    }
    memcpy(&size, data, sizeof size);
    const size_t least = least_size(type);
    if (least == 0) {
        return true;
    }
    if (size < least || size > bytes) {
        return note_broken(err, "a note record gives a wrong size");
    }
    list_add(list, (note_record){.type = type,
                                 .size = size,
                                 .fixed = data,
                                 .texts = (const char *)data + size,
                                 .text_bytes = bytes - size});
    return true;
}

/* Walks the notes of one segment: {owner_size, record_size, type}, owner, record; both padded. */
static bool segment_records(const unsigned char *data, size_t bytes, size_t align,
                            note_records *list, kd_error *err) {
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes;) {
        Elf64_Nhdr header;
        memcpy(&header, data + at, sizeof header);
        uint64_t owner = at + sizeof header;
        uint64_t body = (owner + header.n_namesz + align - 1) / align * align;
        uint64_t end = body + header.n_descsz;
        if (end > bytes) {
            return note_broken(err, "a note record is cut off");
        }
        if (header.n_namesz == sizeof KD_NOTE_OWNER &&
            memcmp(data + owner, KD_NOTE_OWNER, sizeof KD_NOTE_OWNER) == 0 &&
            !record_add(list, header.n_type, data + body, header.n_descsz, err)) {
            return false;
        }
        at = (end + align - 1) / align * align;
    }
    return true;
}

static bool file_records(const elf_file *elf, arena *a, note_records *list, kd_error *err) {
    for (int i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_NOTE) {
            continue;
        }
        if (s->p_filesz > MAX_NOTE_BYTES) {
            return note_broken(err, "its notes are longer than 1 MiB");
        }
        unsigned char *data = arena_alloc(a, s->p_filesz + 1);
        if (!elf_read(elf, s->p_offset, data, s->p_filesz)) {
            return note_broken(err, "its notes cannot be read");
        }
        if (!segment_records(data, s->p_filesz, s->p_align == 8 ? 8 : 4, list, err)) {
            return false;
        }
    }
    return true;
}

note_outcome note_read(const char *path, arena *a, plugin_note *ret, kd_error *err) {
    elf_file elf;
    *ret = (plugin_note){0};
    if (!elf_open(path, &elf, err)) {
        kd_hint(err, err->code == KD_E_DATA ? "copy the file again" : "");
        return err->code == KD_E_UNSUPPORTED ? NOTE_ABSENT : NOTE_BROKEN;
    }
    note_records list = {0};
    ret->machine = elf.machine;
    note_outcome outcome =
        file_records(&elf, a, &list, err) ? note_records_read(&list, a, ret, err) : NOTE_BROKEN;
    free(list.items);
    elf_close(&elf);
    return outcome;
}
