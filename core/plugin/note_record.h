/* SPDX-License-Identifier: Apache-2.0
 * The records of a plugin's note, between the file that they stand in and what they say. */
#ifndef CORE_PLUGIN_NOTE_RECORD_H
#define CORE_PLUGIN_NOTE_RECORD_H

#include "plugin/note.h"

/* One record: a fixed part of `size` bytes, then texts. */
typedef struct note_record {
    uint32_t type, size;
    const unsigned char *fixed;
    const char *texts;
    size_t text_bytes;
} note_record;

typedef struct note_records {
    int n, capacity;
    note_record *items;
} note_records;

/* What all records together say, as note_read gives it; puts them in the author's order. */
note_outcome note_records_read(note_records *list, arena *a, plugin_note *ret, kd_error *err);

/* A note that is damaged, whatever its author wrote. Returns false. */
bool note_broken(kd_error *err, const char *what);

#endif
