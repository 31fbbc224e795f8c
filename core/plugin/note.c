/* SPDX-License-Identifier: Apache-2.0
 * Reads what a plugin says of itself: segments -> note records -> texts, checked one by one. */
#include "plugin/note.h"

#include "config/config.h"
#include "plugin/shared_object.h"
#include "plugin/text.h"

#include <stdlib.h>

#define MAX_NOTE_BYTES (1u << 20) /* of one segment */
#define MAX_CONFIG_BYTES (1u << 20)

/* One record of ours: a fixed part of `size` bytes, then texts. */
typedef struct record {
    uint32_t type, size;
    const unsigned char *fixed;
    const char *texts;
    size_t text_bytes;
} record;

typedef struct record_list {
    int n, capacity;
    record *items;
} record_list;

const char *plugin_kind_name(uint32_t kind) {
    static const char *const names[] = {NULL, "method", "backbone", "dataset", "eval", "device"};
    return kind < sizeof names / sizeof *names ? names[kind] : NULL;
}

bool note_abi_fits(const plugin_note *note) {
    return note->abi_major == KD_ABI_MAJOR && note->min_host_minor <= KD_ABI_MINOR_LATEST;
}

static bool broken(kd_error *err, const char *what) {
    kd_fail(err, KD_E_DATA, "%s", what);
    return kd_hint(err, "copy the file again; if it stays so, its author should rebuild it");
}

static void list_add(record_list *list, record item) {
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
static bool record_add(record_list *list, uint32_t type, const unsigned char *data, size_t bytes,
                       kd_error *err) {
    uint32_t size;
    if (bytes < sizeof size) {
        return broken(err, "a note record is cut off");
    }
    memcpy(&size, data, sizeof size);
    const size_t least = least_size(type);
    if (least == 0) {
        return true;
    }
    if (size < least || size > bytes) {
        return broken(err, "a note record gives a wrong size");
    }
    list_add(list, (record){.type = type,
                            .size = size,
                            .fixed = data,
                            .texts = (const char *)data + size,
                            .text_bytes = bytes - size});
    return true;
}

/* Walks the notes of one segment: {owner_size, record_size, type}, owner, record; both padded. */
static bool segment_records(const unsigned char *data, size_t bytes, size_t align,
                            record_list *list, kd_error *err) {
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= bytes;) {
        Elf64_Nhdr header;
        memcpy(&header, data + at, sizeof header);
        uint64_t owner = at + sizeof header;
        uint64_t body = (owner + header.n_namesz + align - 1) / align * align;
        uint64_t end = body + header.n_descsz;
        if (end > bytes) {
            return broken(err, "a note record is cut off");
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

static bool file_records(const elf_file *elf, arena *a, record_list *list, kd_error *err) {
    for (int i = 0; i < elf->n_segments; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_NOTE) {
            continue;
        }
        if (s->p_filesz > MAX_NOTE_BYTES) {
            return broken(err, "its notes are longer than 1 MiB");
        }
        unsigned char *data = arena_alloc(a, s->p_filesz + 1);
        if (!elf_read(elf, s->p_offset, data, s->p_filesz)) {
            return broken(err, "its notes cannot be read");
        }
        if (!segment_records(data, s->p_filesz, s->p_align == 8 ? 8 : 4, list, err)) {
            return false;
        }
    }
    return true;
}

/* The fixed part in this host's size; what the plugin does not know reads 0. */
static void fixed_read(const record *r, void *ret, size_t bytes) {
    memset(ret, 0, bytes);
    memcpy(ret, r->fixed, r->size < bytes ? r->size : bytes);
}

/* A text that ends inside its record and that a terminal can show. */
static bool text_read(const record *r, uint32_t offset, const char **ret, kd_error *err) {
    if (offset >= r->text_bytes || !memchr(r->texts + offset, 0, r->text_bytes - offset)) {
        return broken(err, "a text of its note does not end inside of its record");
    }
    if (!text_is_plain(r->texts + offset)) {
        return broken(err, "a text of its note is not plain UTF-8");
    }
    *ret = r->texts + offset;
    return true;
}

typedef struct wanted_text {
    uint32_t offset;
    const char **to;
} wanted_text;

static bool texts_read(const record *r, const wanted_text *texts, int n, kd_error *err) {
    for (int i = 0; i < n; i++) {
        if (!text_read(r, texts[i].offset, texts[i].to, err)) {
            return false;
        }
    }
    return true;
}

static bool plugin_record(const record *r, plugin_note *ret, kd_error *err) {
    kd_note_plugin from;
    fixed_read(r, &from, sizeof from);
    plugin_note note = {.machine = ret->machine,
                        .abi_major = from.abi_major,
                        .abi_minor = from.abi_minor,
                        .min_host_minor = from.min_host_minor,
                        .kind = from.kind,
                        .config_size = from.config_size};
    const wanted_text texts[] = {{from.id, &note.id},           {from.version, &note.version},
                                 {from.summary, &note.summary}, {from.source, &note.source},
                                 {from.license, &note.license}, {from.isa, &note.isa}};
    if (!texts_read(r, texts, sizeof texts / sizeof *texts, err)) {
        return false;
    }
    if (!text_is_id(note.id)) {
        return broken(err, "its id is not made of lower-case letters, digits, '_', '-' and '.'");
    }
    *ret = note;
    if (!version_parses(note.version)) {
        kd_fail(err, KD_E_DATA, "its version \"%s\" is not of the form 1.2.3", note.version);
        return kd_hint(err, "its author should give it three numbers");
    }
    if (note.config_size > MAX_CONFIG_BYTES) {
        return broken(err, "its options fill more than 1 MiB");
    }
    return true;
}

static bool option_record(const record *r, option *ret, kd_error *err) {
    kd_note_option from;
    fixed_read(r, &from, sizeof from);
    option o = {.type = (int)from.type,
                .flags = from.flags,
                .offset = from.offset,
                .size = from.field_size};
    const wanted_text texts[] = {{from.name, &o.name},       {from.value, &o.value},
                                 {from.min, &o.min},         {from.max, &o.max},
                                 {from.choices, &o.choices}, {from.help, &o.help}};
    if (!texts_read(r, texts, sizeof texts / sizeof *texts, err)) {
        return false;
    }
    if (!text_is_key(o.name) || strcmp(o.name, "plugin") == 0) {
        kd_fail(err, KD_E_DATA, "its option \"%s\" cannot be a key of a configuration", o.name);
        return kd_hint(err, "lower-case letters, digits and '_', and not \"plugin\"");
    }
    *ret = o;
    return true;
}

/* Of an option's or an op's record: the field after the size. */
static uint32_t record_order(const record *r) {
    uint32_t order;
    _Static_assert(offsetof(kd_note_option, order) == offsetof(kd_note_op, order), "one place");
    memcpy(&order, r->fixed + offsetof(kd_note_op, order), sizeof order);
    return order;
}

/* Compilers emit the records of a file forwards or backwards, so `order` decides. */
static int by_order(const void *left, const void *right) {
    const record *a = left, *b = right;
    uint32_t x = record_order(a), y = record_order(b);
    return x != y ? (x > y) - (x < y) : (a->fixed > b->fixed) - (a->fixed < b->fixed);
}

static bool option_records(record_list *list, arena *a, plugin_note *ret, kd_error *err) {
    option *options = arena_alloc(a, ((size_t)list->n + 1) * sizeof *options);
    int n = 0;
    for (int i = 0; i < list->n; i++) {
        if (list->items[i].type == KD_NOTE_OPTION &&
            !option_record(&list->items[i], &options[n++], err)) {
            return false;
        }
    }
    if (!config_check_options(ret->id, options, n, ret->config_size, err)) {
        return kd_hint(err, "its author should mend the option and rebuild it");
    }
    ret->options = options;
    ret->n_options = n;
    return true;
}

static bool op_record(const record *r, const char *id, note_op *ret, kd_error *err) {
    kd_note_op from;
    fixed_read(r, &from, sizeof from);
    note_op o;
    const wanted_text texts[] = {
        {from.name, &o.name}, {from.devices, &o.devices}, {from.help, &o.help}};
    if (!texts_read(r, texts, sizeof texts / sizeof *texts, err)) {
        return false;
    }
    if (!text_is_op(o.name, id)) {
        kd_fail(err, KD_E_DATA, "its op \"%s\" is not named %s::WORD", o.name, text_label(id));
        return kd_hint(err, "an op's name is the last part of its plugin's id, \"::\", and a word "
                            "of lower-case letters, digits and '_'");
    }
    *ret = o;
    return true;
}

static bool op_records(const record_list *list, arena *a, plugin_note *ret, kd_error *err) {
    note_op *ops = arena_alloc(a, ((size_t)list->n + 1) * sizeof *ops);
    int n = 0;
    for (int i = 0; i < list->n; i++) {
        if (list->items[i].type != KD_NOTE_OP) {
            continue;
        }
        if (!op_record(&list->items[i], ret->id, &ops[n], err)) {
            return false;
        }
        for (int k = 0; k < n; k++) {
            if (strcmp(ops[k].name, ops[n].name) == 0) {
                kd_fail(err, KD_E_DATA, "it declares the op %s twice", ops[n].name);
                return kd_hint(err, "its author should give one of the two another name");
            }
        }
        n++;
    }
    ret->ops = ops;
    ret->n_ops = n;
    return true;
}

static note_outcome records_read(record_list *list, arena *a, plugin_note *ret, kd_error *err) {
    const record *plugin = NULL;
    for (int i = 0; i < list->n; i++) {
        if (list->items[i].type != KD_NOTE_PLUGIN) {
            continue;
        }
        if (plugin) {
            broken(err, "it declares two plugins");
            return NOTE_BROKEN;
        }
        plugin = &list->items[i];
    }
    if (!plugin) {
        kd_fail(err, KD_E_UNSUPPORTED, "has no kindred note, so it is no plugin");
        return NOTE_ABSENT;
    }
    if (!plugin_record(plugin, ret, err)) {
        return NOTE_BROKEN;
    }
    if (note_abi_fits(ret)) {
        qsort(list->items, (size_t)list->n, sizeof *list->items, by_order);
        if (!option_records(list, a, ret, err) || !op_records(list, a, ret, err)) {
            return NOTE_BROKEN;
        }
    }
    return NOTE_READ;
}

note_outcome note_read(const char *path, arena *a, plugin_note *ret, kd_error *err) {
    elf_file elf;
    *ret = (plugin_note){0};
    if (!elf_open(path, &elf, err)) {
        kd_hint(err, err->code == KD_E_DATA ? "copy the file again" : "");
        return err->code == KD_E_UNSUPPORTED ? NOTE_ABSENT : NOTE_BROKEN;
    }
    record_list list = {0};
    ret->machine = elf.machine;
    note_outcome outcome =
        file_records(&elf, a, &list, err) ? records_read(&list, a, ret, err) : NOTE_BROKEN;
    free(list.items);
    elf_close(&elf);
    return outcome;
}
