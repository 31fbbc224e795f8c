/* SPDX-License-Identifier: Apache-2.0
 * Reads what a plugin says of itself in its ELF note, without running any of its code. */
#ifndef CORE_PLUGIN_NOTE_H
#define CORE_PLUGIN_NOTE_H

#include "base/arena.h"
#include "config/option.h"

#include <kindred/error.h>
#include <kindred/note.h>

typedef struct plugin_note {
    int abi_major, abi_minor, min_host_minor;
    uint32_t kind;      /* KD_KIND_METHOD, ...; may be one that this host does not know */
    size_t config_size; /* bytes of the struct that the options fill */
    const char *id, *version, *summary, *source, *license, *isa;
    int n_options;
    const option *options; /* in the author's order; inside config_size, apart from each other */
} plugin_note;

typedef enum note_outcome {
    NOTE_READ,
    NOTE_ABSENT, /* not an ELF file for this kind of machine, or no kindred note in it */
    NOTE_BROKEN, /* bears our note, and something in it is wrong */
} note_outcome;

/* Reads a file with pread only, and bounded: any bytes at all may stand in it.
 *
 * ret    texts and options live in `a`. With NOTE_BROKEN, what was read so far (id may be NULL).
 * err    written with NOTE_ABSENT and NOTE_BROKEN: what is wrong, and what to do about it */
note_outcome note_read(const char *path, arena *a, plugin_note *ret, kd_error *err);

/* "method", "backbone", "dataset", "eval" or "device"; NULL for another number. */
const char *plugin_kind_name(uint32_t kind);

#endif
