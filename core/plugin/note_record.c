/* SPDX-License-Identifier: Apache-2.0
 * From records to what they say: fixed parts and texts, checked one by one. */
#include "plugin/note_record.h"

#include "config/config.h"
#include "plugin/text.h"

#include <stdlib.h>

#define MAX_CONFIG_BYTES (1u << 20)

bool note_broken(kd_error *err, const char *what) {
    kd_fail(err, KD_E_DATA, "%s", what);
    return kd_hint(err, "copy the file again; if it stays so, its author should rebuild it");
}

/* The fixed part in this host's size; what the plugin does not know reads 0. */
static void fixed_read(const note_record *r, void *ret, size_t bytes) {
    memset(ret, 0, bytes);
    memcpy(ret, r->fixed, r->size < bytes ? r->size : bytes);
}

/* A text that ends inside its record and that a terminal can show. */
static bool text_read(const note_record *r, uint32_t offset, const char **ret, kd_error *err) {
    if (offset >= r->text_bytes || !memchr(r->texts + offset, 0, r->text_bytes - offset)) {
        return note_broken(err, "a text of its note does not end inside of its record");
    }
    if (!text_is_plain(r->texts + offset)) {
        return note_broken(err, "a text of its note is not plain UTF-8");
    }
    *ret = r->texts + offset;
    return true;
}

typedef struct wanted_text {
    uint32_t offset;
    const char **to;
} wanted_text;

static bool texts_read(const note_record *r, const wanted_text *texts, int n, kd_error *err) {
    for (int i = 0; i < n; i++) {
        if (!text_read(r, texts[i].offset, texts[i].to, err)) {
            return false;
        }
    }
    return true;
}

static bool plugin_record(const note_record *r, plugin_note *ret, kd_error *err) {
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
        return note_broken(err,
                           "its id is not made of lower-case letters, digits, '_', '-' and '.'");
    }
    *ret = note;
    if (!version_parses(note.version)) {
        kd_fail(err, KD_E_DATA, "its version \"%s\" is not of the form 1.2.3", note.version);
        return kd_hint(err, "its author should give it three numbers");
    }
    if (note.config_size > MAX_CONFIG_BYTES) {
        return note_broken(err, "its options fill more than 1 MiB");
    }
    return true;
}

static bool option_record(const note_record *r, option *ret, kd_error *err) {
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
static uint32_t record_order(const note_record *r) {
    uint32_t order;
    _Static_assert(offsetof(kd_note_option, order) == offsetof(kd_note_op, order), "one place");
    memcpy(&order, r->fixed + offsetof(kd_note_op, order), sizeof order);
    return order;
}

/* Compilers emit the records of a file forwards or backwards, so `order` decides. */
static int by_order(const void *left, const void *right) {
    const note_record *a = left, *b = right;
    uint32_t x = record_order(a), y = record_order(b);
    return x != y ? (x > y) - (x < y) : (a->fixed > b->fixed) - (a->fixed < b->fixed);
}

static bool option_records(note_records *list, arena *a, plugin_note *ret, kd_error *err) {
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

static bool op_record(const note_record *r, const char *id, note_op *ret, kd_error *err) {
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

static bool op_records(const note_records *list, arena *a, plugin_note *ret, kd_error *err) {
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

note_outcome note_records_read(note_records *list, arena *a, plugin_note *ret, kd_error *err) {
    const note_record *plugin = NULL;
    for (int i = 0; i < list->n; i++) {
        if (list->items[i].type != KD_NOTE_PLUGIN) {
            continue;
        }
        if (plugin) {
            note_broken(err, "it declares two plugins");
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
