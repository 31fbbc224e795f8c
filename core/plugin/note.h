/* SPDX-License-Identifier: Apache-2.0
 * Reads what a plugin says of itself in its ELF note, without running any of its code. */
#ifndef CORE_PLUGIN_NOTE_H
#define CORE_PLUGIN_NOTE_H

#include "base/arena.h"
#include "config/option.h"

#include <kindred/error.h>
#include <kindred/note.h>

/* An op that it brings. */
typedef struct note_op {
    const char *name, *devices, *help; /* devices: words, spaces between */
} note_op;

typedef struct plugin_note {
    const char *machine; /* NULL: runs on this kind of machine; else the name of its own */
    int abi_major, abi_minor, min_host_minor;
    uint32_t kind;      /* KD_KIND_METHOD, ...; may be one that this host does not know */
    size_t config_size; /* bytes of the struct that the options fill */
    const char *id, *version, *summary, *source, *license, *isa;
    int n_options;
    const option *options; /* in the author's order, as config_check_options wants them */
    int n_ops;
    const note_op *ops; /* in the author's order; named "label::word", label the id's last */
} plugin_note;

typedef enum note_outcome {
    NOTE_READ,
    NOTE_ABSENT, /* a readable file of another sort */
    NOTE_BROKEN, /* a shared object that is damaged, or a note in which something is wrong */
} note_outcome;

/* Reads a file with pread only, and bounded: any bytes at all may stand in it.
 *
 * ret      texts and options live in `a`. With NOTE_BROKEN, what was sound before the fault: id is
 *          NULL or right. Options of a plugin for another ABI are not read, for they may have
 *          another form.
 * err      not NULL; written unless NOTE_READ: what is wrong and what to do about it, without the
 * path */
note_outcome note_read(const char *path, arena *a, plugin_note *ret, kd_error *err);

/* True when this host can read a plugin of this ABI. */
bool note_abi_fits(const plugin_note *note);

/* "method", "backbone", "dataset", "eval" or "device"; NULL for another number. */
const char *plugin_kind_name(uint32_t kind);

#endif
