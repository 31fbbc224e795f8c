/* SPDX-License-Identifier: Apache-2.0
 * Level 0 for companions: the files beside a plugin that hold its kernels for other devices, read
 * without running any of their code. */
#include "check/plugin_elf.h"
#include "check/plugin_rule.h"

#include "plugin/companion.h"
#include "plugin/shared_object.h"

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

static const char kernels_prefix[] = "kindred_kernels_v";

/* Rules of a plugin's own file that are its companions' too. A companion may need its vendor's
 * libraries (S08) and run their start-up code (S11). */
static const char *const shared_rules[] = {"S03", "S04", "S05", "S06", "S07", "S09", "S10"};

static const char *name_of(const char *path, arena *a) {
    return basename(arena_text(a, path));
}

static bool is_kernels(const elf_symbol *s) {
    const size_t length = strlen(kernels_prefix);
    return strncmp(s->name, kernels_prefix, length) == 0 && isdigit((unsigned char)s->name[length]);
}

static void exports_kernels_alone(plugin_case *c) {
    elf_view v;
    bool found = false;
    if (!elf_view_open(c->path, &v)) {
        rule_fail(c, "its sections cannot be read; do not strip them (sstrip)");
    }
    for (int i = 0; i < v.n_symbols; i++) {
        const elf_symbol *s = &v.symbols[i];
        if (!s->defined || s->is_hidden || s->binding == STB_GNU_UNIQUE) {
            continue;
        }
        found |= is_kernels(s);
        if (!is_kernels(s)) {
            rule_fail(c,
                      "exports %s; link with kindred's version script (pkg-config "
                      "--variable=version_script kindred-plugin), or make it static",
                      s->name);
        }
    }
    if (!found) {
        rule_fail(c, "exports no %sN; end the file with KD_COMPANION(...)", kernels_prefix);
    }
    elf_view_close(&v);
}

/* A companion is known by its name alone, so a note in it would make two plugins of one. */
static void is_a_companion_of(plugin_case *c, const char *machine) {
    elf_file elf;
    plugin_note note;
    kd_error err = KD_ERROR_INIT, ignored = KD_ERROR_INIT;
    if (!elf_open(c->path, &elf, &err)) {
        rule_fail(c, "%s", err.message);
        return;
    }
    if (machine ? !elf.machine || strcmp(elf.machine, machine) != 0 : elf.machine != NULL) {
        rule_fail(c, "is built for another machine than the plugin");
    }
    elf_close(&elf);
    if (note_read(c->path, c->memory, &note, &ignored) != NOTE_ABSENT) {
        rule_fail(c, "has a note of its own; KD_PLUGIN(...) belongs in the plugin alone");
    }
}

static void check_file(plugin_case *c) {
    exports_kernels_alone(c);
    for (size_t i = 0; i < sizeof shared_rules / sizeof *shared_rules; i++) {
        for (const plugin_rule *rule = plugin_rules_static; rule->id; rule++) {
            if (strcmp(rule->id, shared_rules[i]) == 0) {
                rule->run(c);
            }
        }
    }
}

bool plugin_check_companion(const char *file, kd_error *err) {
    arena memory = {0};
    plugin_note none = {0};
    plugin_case c = {.path = file, .note = &none, .memory = &memory};
    check_file(&c);
    arena_free(&memory);
    if (c.verdict == VERDICT_FAIL) {
        kd_fail(err, KD_E_INVALID, "%s", c.why);
        return kd_hint(err, "docs/custom-ops.md says how a companion is built");
    }
    return true;
}

static void say_of(plugin_case *c, const char *file, const plugin_case *found) {
    if (found->verdict == VERDICT_FAIL) {
        rule_fail(c, "%s: %s", name_of(file, c->memory), found->why);
    } else if (found->verdict == VERDICT_WARN) {
        rule_warn(c, "%s: %s", name_of(file, c->memory), found->why);
    }
}

static void check_word(plugin_case *c, const char *word) {
    const char *file = companion_path(c->path, word, c->memory);
    plugin_case one = {.path = file, .note = c->note, .memory = c->memory};
    if (access(file, F_OK) != 0) {
        if (companion_is_needed(word)) {
            rule_warn(c, "its note says kernels for %s, and %s is not beside it", word,
                      name_of(file, c->memory));
        }
        return;
    }
    is_a_companion_of(&one, c->note->machine);
    if (one.verdict == VERDICT_PASS) {
        check_file(&one);
    }
    say_of(c, file, &one);
}

/* The WORD of a file's name that is STEM.WORD.so; NULL: it is another. */
static const char *word_in(const char *name, const char *stem, arena *a) {
    const size_t length = strlen(name), begin = strlen(stem) + 1;
    if (length < begin + 4 || strncmp(name, stem, begin - 1) != 0 || name[begin - 1] != '.' ||
        strcmp(name + length - 3, ".so") != 0) {
        return NULL;
    }
    const char *word = arena_copy(a, name + begin, length - 3 - begin);
    return strchr(word, '.') ? NULL : word;
}

static bool is_among(const char *const *words, int n, const char *word) {
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* A file that nobody will load: its author should know. Other builds of the plugin have a note. */
static void find_stray(plugin_case *c, const char *name, const char *const *words, int n) {
    const char *own = name_of(c->path, c->memory);
    const char *stem = arena_copy(c->memory, own, strlen(own) - 3);
    const char *word = word_in(name, stem, c->memory);
    const char *folder = dirname(arena_text(c->memory, c->path));
    plugin_note note;
    kd_error why = KD_ERROR_INIT;
    if (word && !is_among(words, n, word) &&
        note_read(arena_print(c->memory, "%s/%s", folder, name), c->memory, &note, &why) ==
            NOTE_ABSENT) {
        rule_warn(c,
                  "%s lies beside it as a companion does, and its note names no op with kernels "
                  "for %s",
                  name, word);
    }
}

static void companions_are_sound(plugin_case *c) {
    const char *const *words;
    struct dirent **entries;
    const int n = companion_words(c->note, c->memory, &words);
    for (int i = 0; i < n; i++) {
        check_word(c, words[i]);
    }
    const int count = scandir(dirname(arena_text(c->memory, c->path)), &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        find_stray(c, entries[i]->d_name, words, n);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

const plugin_rule plugin_rules_companions[] = {
    {"S18", "its companions export their kernels alone, and keep S03 to S07, S09 and S10", 0,
     KINDS_WITH_OPS, companions_are_sound},
    {.id = NULL},
};
