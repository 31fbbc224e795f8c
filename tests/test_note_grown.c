/* SPDX-License-Identifier: Apache-2.0
 * The reader of notes as a later host has it, whose records have grown by a field: it reads what
 * was built with today's. */
#define isa isa, later
#define help help, later
#include <kindred/note.h>
#undef isa
#undef help
#include "plugin/note.c"
#include "plugin/note_record.c"

#include "plugin_corpus.h"

_Static_assert(sizeof(kd_note_plugin) > KD_END(kd_note_plugin, isa), "has grown");
_Static_assert(sizeof(kd_note_option) > KD_END(kd_note_option, help), "has grown");
_Static_assert(sizeof(kd_note_op) > KD_END(kd_note_op, help), "has grown");

TEST(note_grown, reads_records_of_the_first_minor) {
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    cr_assert_eq(note_read(corpus_file(&a, "good"), &a, &note, &err), NOTE_READ, "%s", err.message);
    cr_assert_str_eq(note.id, "good");
    cr_assert_str_eq(note.license, "Apache-2.0");
    cr_assert_eq(note.n_options, 8);
    cr_assert_str_eq(note.options[0].name, "temperature");
    cr_assert_str_eq(note.options[0].max, "10");
    cr_assert_eq(note_read(corpus_file(&a, "brings_ops"), &a, &note, &err), NOTE_READ, "%s",
                 err.message);
    cr_assert_str_eq(note.ops[0].name, "cubes::cube");
    arena_free(&a);
}

TEST(note_grown, what_is_not_said_reads_zero) {
    const kd_note_op said = {.size = KD_END(kd_note_op, help), .order = 7, .later = 8};
    const note_record r = {.size = said.size, .fixed = (const unsigned char *)&said};
    kd_note_op read;
    fixed_read(&r, &read, sizeof read);
    cr_assert_eq(read.order, 7);
    cr_assert_eq(read.later, 0);
}
