/* SPDX-License-Identifier: Apache-2.0
 * Notes: what a sound file says, what a contradictory one is told, and that no bytes whatever make
 * the reader do more than refuse. */
#include "base/file.h"
#include "plugin/text.h"
#include "plugin_corpus.h"

#include <elf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static note_outcome read_corpus(arena *a, const char *name, plugin_note *ret, kd_error *err) {
    return note_read(corpus_file(a, name), a, ret, err);
}

TEST(plugin_note, says_all_that_the_file_says) {
    static const struct {
        const char *name, *value, *min, *max, *choices;
        int type;
        unsigned flags;
    } expected[] = {
        {"temperature", "0.1", "1e-3", "10", "", KD_OPTION_FLOAT, 0},
        {"hidden", "2048", "1", "65536", "", KD_OPTION_INT, 0},
        {"symmetric", "true", "", "", "", KD_OPTION_BOOL, 0},
        {"note", "", "", "", "", KD_OPTION_TEXT, 0},
        {"weights", "", "", "", "", KD_OPTION_PATH, KD_OPTION_REQUIRED},
        {"head", "v1", "", "", "none|v1|v2", KD_OPTION_CHOICE, 0},
        {"momentum", "[0.9, 0.999]", "0", "1", "", KD_OPTION_FLOATS, 0},
        {"widths", "[]", "1", "4096", "", KD_OPTION_INTS, 0},
    };
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    cr_assert_eq(read_corpus(&a, "good", &note, &err), NOTE_READ, "%s", err.message);
    cr_assert_str_eq(note.id, "good");
    cr_assert_str_eq(note.version, "1.2.3");
    cr_assert_str_eq(note.summary, "does nothing, soundly");
    cr_assert_str_eq(note.source, "no paper at all");
    cr_assert_str_eq(note.license, "Apache-2.0");
    cr_assert_str_eq(note.isa, "");
    cr_assert_null(note.machine);
    cr_assert_eq(note.kind, KD_KIND_METHOD);
    cr_assert_eq(note.abi_major, KD_ABI_MAJOR);
    cr_assert_eq(note.n_options, 8);
    for (int i = 0; i < note.n_options; i++) {
        const option *o = &note.options[i];
        cr_assert_str_eq(o->name, expected[i].name);
        cr_assert_str_eq(o->value, expected[i].value, "%s", o->name);
        cr_assert_str_eq(o->min, expected[i].min, "%s", o->name);
        cr_assert_str_eq(o->max, expected[i].max, "%s", o->name);
        cr_assert_str_eq(o->choices, expected[i].choices, "%s", o->name);
        cr_assert_eq(o->type, expected[i].type, "%s", o->name);
        cr_assert_eq(o->flags, expected[i].flags, "%s", o->name);
        cr_assert_gt(strlen(o->help), 4);
    }
    arena_free(&a);
}

TEST(plugin_note, runs_no_constructor) {
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    cr_assert_eq(read_corpus(&a, "aborts", &note, &err), NOTE_READ, "%s", err.message);
    cr_assert_str_eq(note.id, "aborts");
    cr_assert_eq(note.n_options, 1);
    cr_assert_str_eq(note.options[0].name, "fuse");
    arena_free(&a);
}

TEST(plugin_note, refuses_options_that_contradict_themselves) {
    static const struct {
        const char *file, *message;
    } cases[] = {
        {"option_outside", "option far"},        {"option_size", "option rate"},
        {"option_default", "option hidden"},     {"option_unparsed", "option rate"},
        {"option_choice", "option head"},        {"option_twice", "declared twice"},
        {"option_name", "\"plugin\" cannot be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        plugin_note note;
        kd_error err = KD_ERROR_INIT;
        cr_assert_eq(read_corpus(&a, cases[i].file, &note, &err), NOTE_BROKEN, "%s", cases[i].file);
        cr_assert_str_eq(note.id, cases[i].file);
        cr_assert_eq(note.n_options, 0);
        EXPECT_IN(cases[i].message, err.message);
        cr_assert_neq(err.hint[0], 0, "%s has no hint", cases[i].file);
        arena_free(&a);
    }
}

TEST(plugin_note, leaves_other_files_alone) {
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    const char *scratch = scratch_create(&a);
    const char *path = arena_print(&a, "%s/text.so", scratch);

    cr_assert_eq(read_corpus(&a, "no_note", &note, &err), NOTE_ABSENT);
    EXPECT_IN("no kindred note", err.message);
    write_bytes(path, "INPUT(libm.so.6)\n", 17);
    cr_assert_eq(note_read(path, &a, &note, &err), NOTE_ABSENT);
    cr_assert_eq(note_read(scratch, &a, &note, &err), NOTE_ABSENT);
    cr_assert_eq(note_read("/dev/null", &a, &note, &err), NOTE_ABSENT);
    cr_assert_eq(note_read("/nowhere.so", &a, &note, &err), NOTE_BROKEN);
    scratch_remove(scratch);
    arena_free(&a);
}

typedef struct image {
    char *bytes;
    size_t size;
} image;

static image load(arena *a, const char *name) {
    image file;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(corpus_file(a, name), 0, &file.bytes, &file.size, &err));
    return file;
}

/* The end of what a dynamic linker maps, and the place of our notes. */
static size_t mapped_end(const image *file, size_t *ret_note, size_t *ret_note_bytes) {
    Elf64_Ehdr header;
    size_t end = 0;
    memcpy(&header, file->bytes, sizeof header);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr s;
        memcpy(&s, file->bytes + header.e_phoff + (size_t)i * sizeof s, sizeof s);
        if (s.p_type == PT_LOAD && s.p_offset + s.p_filesz > end) {
            end = s.p_offset + s.p_filesz;
        }
        if (s.p_type == PT_NOTE && s.p_align == 4 && s.p_filesz > *ret_note_bytes) {
            *ret_note = s.p_offset;
            *ret_note_bytes = s.p_filesz;
        }
    }
    return end;
}

TEST(plugin_note, refuses_a_file_cut_off_anywhere) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    const char *path = corpus_put(&a, "good", scratch);
    image file = load(&a, "good");
    size_t note = 0, note_bytes = 0;
    size_t end = mapped_end(&file, &note, &note_bytes);
    cr_assert_gt(note_bytes, 600);
    for (size_t i = end; i-- > 0; i -= i > note + note_bytes + 64 && i > 61 ? 61 : 0) {
        arena one = {0};
        plugin_note ret;
        kd_error err = KD_ERROR_INIT;
        cr_assert_eq(truncate(path, (off_t)i), 0);
        cr_assert_eq(note_read(path, &one, &ret, &err), NOTE_BROKEN, "%zu bytes", i);
        EXPECT_IN(i ? "cut off" : "empty", err.message);
        cr_assert_neq(err.hint[0], 0);
        arena_free(&one);
    }
    free(file.bytes);
    scratch_remove(scratch);
    arena_free(&a);
}

/* What is read, of whatever bytes, keeps the promises of note.h. */
static void expect_promises(note_outcome outcome, const plugin_note *note, const kd_error *err) {
    cr_assert(outcome == NOTE_READ || err->message[0]);
    if (outcome != NOTE_READ) {
        return;
    }
    cr_assert(text_is_id(note->id) && version_parses(note->version));
    cr_assert(text_is_plain(note->summary) && text_is_plain(note->source) &&
              text_is_plain(note->license) && text_is_plain(note->isa));
    for (int i = 0; i < note->n_options; i++) {
        const option *o = &note->options[i];
        cr_assert(text_is_key(o->name) && text_is_plain(o->help) && text_is_plain(o->value));
        cr_assert_leq(o->offset + o->size, note->config_size);
    }
}

static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Flips `flips` bits in a stretch of a file's bytes, and reads the note of what that gives. */
static note_outcome read_damaged(int fd, const image *file, size_t from, size_t bytes, int flips,
                                 uint32_t *state) {
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    char *copy = arena_copy(&a, file->bytes, file->size);
    for (int i = 0; i < flips; i++) {
        copy[from + draw(state) % bytes] ^= (char)(1 << draw(state) % 8);
    }
    cr_assert_eq(pwrite(fd, copy, file->size, 0), (ssize_t)file->size);
    const char *path = arena_print(&a, "/proc/self/fd/%d", fd);
    note_outcome outcome = note_read(path, &a, &note, &err);
    expect_promises(outcome, &note, &err);
    arena_free(&a);
    return outcome;
}

TEST(plugin_note, survives_any_damage) {
    arena a = {0};
    image file = load(&a, "good");
    size_t note = 0, note_bytes = 0;
    int outcomes[3] = {0}, fd = memfd_create("damaged", MFD_CLOEXEC);
    uint32_t state = 20251123;
    mapped_end(&file, &note, &note_bytes);
    for (int i = 0; i < 6000; i++) {
        bool header = i % 3 == 0;
        outcomes[read_damaged(fd, &file, header ? 0 : note, header ? 900 : note_bytes, 1 + i % 5,
                              &state)]++;
    }
    cr_assert_gt(outcomes[NOTE_READ], 100); /* a letter of a help text */
    cr_assert_gt(outcomes[NOTE_BROKEN], 1000);
    cr_assert_gt(outcomes[NOTE_ABSENT], 5);
    close(fd);
    free(file.bytes);
    arena_free(&a);
}

TEST(plugin_note, takes_only_texts_that_can_be_shown) {
    cr_assert(text_is_plain("") && text_is_plain("Zürich \xe2\x82\xac \xf0\x9f\x90\x98"));
    static const char *const wrong[] = {"\x1b[31m", "a\nb",         "\xff",     "\xc0\xaf",
                                        "\xe2\x82", "\xed\xa0\x80", "\xc2\x85", "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_not(text_is_plain(wrong[i]), "case %zu", i);
    }
    cr_assert(text_is_id("org.example.sim-clr_2") && !text_is_id("") && !text_is_id("Sim") &&
              !text_is_id("../x") && !text_is_id(".x"));
}

TEST(plugin_note, orders_versions_as_semver_does) {
    static const char *const rising[] = {
        "0.9.9",      "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0",       "1.0.10",        "1.2.0",      "10.0.0"};
    for (size_t i = 1; i < sizeof rising / sizeof *rising; i++) {
        cr_assert(version_parses(rising[i]));
        cr_assert_lt(version_compare(rising[i - 1], rising[i]), 0, "%s", rising[i]);
        cr_assert_gt(version_compare(rising[i], rising[i - 1]), 0, "%s", rising[i]);
    }
    cr_assert_eq(version_compare("1.0.0+a", "1.0.0+b"), 0);
    cr_assert(!version_parses("1.0") && !version_parses("1.0.0-") && !version_parses("v1.0.0") &&
              !version_parses("1.0.0 ") && !version_parses("99999999999.0.0"));
    cr_assert(pin_accepts("", "3.0.0") && pin_accepts("1.2.0", "1.2.0") &&
              !pin_accepts("1.2.0", "1.2.1"));
    cr_assert(pin_accepts("^1.2", "1.9.0") && !pin_accepts("^1.2", "1.1.9") &&
              !pin_accepts("^1.2", "2.0.0"));
    cr_assert(pin_accepts("^0.2", "0.2.7") && !pin_accepts("^0.2", "0.3.0"));
    cr_assert(pin_parses("^1") && pin_parses("1.2.3") && !pin_parses("1.2") && !pin_parses("^"));
}
