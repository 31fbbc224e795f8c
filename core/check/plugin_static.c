/* SPDX-License-Identifier: Apache-2.0
 * Level 0: what a plugin's file says, without running any of its code. */
#include "check/plugin_elf.h"
#include "check/plugin_rule.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The oldest C library that kindred itself is built for. */
enum { BASE_MAJOR = 2, BASE_MINOR = 36 };

static const char entry_prefix[] = "kindred_plugin_entry_v";

/* Libraries that every machine with kindred has. */
static const char *const everywhere[] = {"libc.so.6",     "libm.so.6",     "libpthread.so.0",
                                         "libdl.so.2",    "librt.so.1",    "ld-linux",
                                         "libgcc_s.so.1", "libstdc++.so.6"};

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_everywhere(const char *library) {
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        if (begins(library, everywhere[i])) {
            return true;
        }
    }
    return false;
}

/* Runs a rule's body with the file open. */
static void with_elf(plugin_case *c, void (*look)(plugin_case *c, const elf_view *v)) {
    elf_view v;
    if (elf_view_open(c->path, &v)) {
        look(c, &v);
    } else {
        rule_fail(c, "its sections cannot be read; do not strip them (sstrip)");
    }
    elf_view_close(&v);
}

#define ELF_RULE(name)                                                                             \
    static void look_##name(plugin_case *c, const elf_view *v);                                    \
    static void name(plugin_case *c) {                                                             \
        with_elf(c, look_##name);                                                                  \
    }                                                                                              \
    static void look_##name(plugin_case *c, const elf_view *v)

/* A note whose id can be read has its fault in the options (S12). */
static void note_is_sound(plugin_case *c) {
    if (c->outcome != NOTE_READ && !c->note->id) {
        rule_fail(c, "%s; %s", c->note_error->message, c->note_error->hint);
    } else if (!note_abi_fits(c->note)) {
        rule_fail(c, "made for plugin ABI %d.%d, this kindred has %d.%d", c->note->abi_major,
                  c->note->min_host_minor, KD_ABI_MAJOR, KD_ABI_MINOR_LATEST);
    } else if (c->note->machine) {
        rule_warn(c, "made for %s: only level 0 can be checked here", c->note->machine);
    }
}

static bool is_entry(const elf_symbol *s) {
    return begins(s->name, entry_prefix) && isdigit((unsigned char)s->name[strlen(entry_prefix)]);
}

ELF_RULE(exports_entry_alone) {
    int entries = 0;
    for (int i = 0; i < v->n_symbols; i++) {
        const elf_symbol *s = &v->symbols[i];
        if (s->defined && is_entry(s)) {
            entries++;
        } else if (s->defined && !s->is_hidden && s->binding != STB_GNU_UNIQUE) {
            rule_fail(c,
                      "exports %s; link with kindred's version script (pkg-config --libs "
                      "kindred-plugin), or make it static",
                      s->name);
        }
    }
    if (entries == 0) {
        rule_fail(c, "exports no %sN; end the file with KD_METHOD(...) or its like", entry_prefix);
    }
}

/* Every symbol of the C library has a version, so one without is some other library's, or nobody's.
 */
ELF_RULE(finds_its_symbols) {
    bool others = false;
    for (int i = 0; i < v->n_needed; i++) {
        others |= !is_everywhere(v->needed[i]);
    }
    for (int i = 0; i < v->n_symbols; i++) {
        const elf_symbol *s = &v->symbols[i];
        if (s->defined || s->binding == STB_WEAK || s->version) {
            continue;
        }
        if (begins(s->name, "__asan_") || begins(s->name, "__ubsan_")) {
            rule_warn(c,
                      "was built with a sanitizer, so it loads only into a program that was too");
        } else if (!others) {
            rule_fail(c,
                      "needs %s, which no library that it names has; a plugin imports nothing from "
                      "kindred: link with -Wl,-z,defs to see what is missing",
                      s->name);
        }
    }
}

ELF_RULE(has_no_static_tls) {
    if (v->flags & DF_STATIC_TLS) {
        rule_fail(c, "takes static thread-local storage, of which a process has little; build all "
                     "of it with -fPIC and without -ftls-model=initial-exec");
    }
}

ELF_RULE(has_no_unique_symbol) {
    for (int i = 0; i < v->n_symbols; i++) {
        if (v->symbols[i].binding == STB_GNU_UNIQUE) {
            rule_fail(c,
                      "%s is shared by all plugins that have one; compile with -fno-gnu-unique "
                      "-fvisibility-inlines-hidden",
                      v->symbols[i].name);
        }
    }
}

ELF_RULE(is_hardened) {
    if (!(v->flags & DF_BIND_NOW) && !(v->flags_1 & DF_1_NOW)) {
        rule_fail(c, "binds lazily, so that a missing symbol shows in the middle of a run; link "
                     "with -Wl,-z,now");
    }
    if (!v->relro) {
        rule_fail(c, "has no RELRO; link with -Wl,-z,relro");
    }
    if (v->exec_stack || !v->stack_header) {
        rule_fail(c, "asks for an executable stack; link with -Wl,-z,noexecstack");
    }
    if (v->text_relocations) {
        rule_fail(c, "has relocations in its code; compile with -fPIC");
    }
}

/* A part of a path that a stranger may write to, or that differs with the working directory. */
ELF_RULE(looks_beside_itself) {
    const char *at = v->runpath;
    while (at && *at) {
        const int length = (int)strcspn(at, ":");
        if (length == 0 || (*at != '/' && !begins(at, "$ORIGIN"))) {
            rule_fail(c,
                      "RUNPATH has \"%.*s\", which depends on the working directory; use "
                      "$ORIGIN/lib",
                      length, at);
        } else if (*at == '/') {
            rule_warn(c, "RUNPATH has %.*s, which other machines need not have; use $ORIGIN/lib",
                      length, at);
        }
        at += length + (at[length] == ':');
    }
}

ELF_RULE(needs_what_machines_have) {
    for (int i = 0; i < v->n_needed; i++) {
        if (strchr(v->needed[i], '/')) {
            rule_fail(c, "needs %s by its path; link to it by its soname", v->needed[i]);
        } else if (begins(v->needed[i], "libkindred")) {
            rule_fail(c, "needs %s; a plugin links to nothing of kindred's", v->needed[i]);
        } else if (!is_everywhere(v->needed[i]) && c->note->kind != KD_KIND_DEVICE) {
            rule_warn(c,
                      "needs %s, which its users must install; better linked statically, with "
                      "-Wl,--exclude-libs,ALL",
                      v->needed[i]);
        }
    }
}

ELF_RULE(runs_on_the_baseline) {
    for (int i = 0; i < v->n_symbols; i++) {
        const elf_symbol *s = &v->symbols[i];
        int major = 0, minor = 0;
        if (s->version && sscanf(s->version, "GLIBC_%d.%d", &major, &minor) == 2 &&
            (major > BASE_MAJOR || (major == BASE_MAJOR && minor > BASE_MINOR))) {
            rule_warn(c,
                      "%s is of glibc %d.%d; kindred runs from %d.%d on, so build it on an older "
                      "system to reach all its users",
                      s->name, major, minor, BASE_MAJOR, BASE_MINOR);
        }
    }
}

ELF_RULE(has_no_fast_math_start) {
    if (v->fast_math) {
        rule_fail(c, "sets denormals off for the whole process when it is loaded; do not pass "
                     "-ffast-math or -Ofast when linking");
    }
}

/* Compilers put one of their own there. */
ELF_RULE(has_no_constructors) {
    const int expected = 1 + v->fast_math; /* which S10 is about */
    const int count = (int)(v->constructors / sizeof(void *)) - expected;
    if (count > 0) {
        rule_warn(c, "has %d constructors, which run before kindred has decided to use it", count);
    }
}

static void schema_is_sound(plugin_case *c) {
    if (c->outcome != NOTE_READ && c->note->id) {
        rule_fail(c, "%s; %s", c->note_error->message, c->note_error->hint);
        return;
    }
    for (int i = 0; i < c->note->n_options; i++) {
        if (!*c->note->options[i].help) {
            rule_fail(c, "option %s has no help", c->note->options[i].name);
        }
    }
}

/* SPDX's form: names with AND, OR or WITH between them, and parentheses. */
static bool is_spdx(const char *at) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-+:";
    bool wants_name = true;
    int depth = 0;
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        const size_t length = strspn(at, letters);
        const bool joins = (length == 3 && begins(at, "AND")) ||
                           (length == 2 && begins(at, "OR")) || (length == 4 && begins(at, "WITH"));
        if (length == 0 && (*at == '(') == wants_name && (*at == '(' || *at == ')')) {
            depth += *at++ == '(' ? 1 : -1;
        } else if (length > 0 && joins != wants_name && depth >= 0) {
            wants_name = joins;
            at += length;
        } else {
            return false;
        }
    }
    return !wants_name && depth == 0;
}

static void license_is_spdx(plugin_case *c) {
    if (!c->note->license || !is_spdx(c->note->license)) {
        rule_fail(c,
                  "\"%s\" is no SPDX licence expression, as Apache-2.0 or \"MIT OR BSD-3-Clause\"",
                  c->note->license ? c->note->license : "");
    }
}

ELF_RULE(has_a_build_id) {
    if (!v->build_id) {
        rule_warn(c, "has no build id, by which a debugger finds its symbols; link with "
                     "-Wl,--build-id");
    }
}

const plugin_rule plugin_rules_static[] = {
    {"S01", "its note can be read and is for this kindred", 0, 0, note_is_sound},
    {"S02", "it exports its entry and nothing else", 0, 0, exports_entry_alone},
    {"S03", "every symbol it needs is a named library's", 0, 0, finds_its_symbols},
    {"S04", "it takes no static thread-local storage", 0, 0, has_no_static_tls},
    {"S05", "no symbol of it is shared between plugins", 0, 0, has_no_unique_symbol},
    {"S06", "it is bound when loaded, and hardened", 0, 0, is_hardened},
    {"S07", "libraries are looked for beside it", 0, 0, looks_beside_itself},
    {"S08", "it needs only libraries that machines have", 0, 0, needs_what_machines_have},
    {"S09", "it runs with the oldest C library that kindred does", 0, 0, runs_on_the_baseline},
    {"S10", "it was not linked with -ffast-math", 0, 0, has_no_fast_math_start},
    {"S11", "it runs nothing before its entry is called", 0, 0, has_no_constructors},
    {"S12", "every option has a sound default, range and help", 0, 0, schema_is_sound},
    {"S13", "its licence is an SPDX expression", 0, 0, license_is_spdx},
    {"S17", "it has a build id", 0, 0, has_a_build_id},
    {.id = NULL},
};
