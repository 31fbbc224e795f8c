/* SPDX-License-Identifier: Apache-2.0
 * From argv to a command's command_line. */
#include "cli/cli.h"

#include "base/suggest.h"
#include "package/trust.h"

#include <stdlib.h>

/* What an option sets: a flag, or the word that follows. */
typedef struct flag {
    const char *name;
    size_t offset;
    bool has_value;
} flag;

static const flag flags[] = {
    {"resume", offsetof(command_line, resume), false},
    {"overwrite", offsetof(command_line, overwrite), false},
    {"markdown", offsetof(command_line, markdown), false},
    {"text", offsetof(command_line, text), false},
    {"all", offsetof(command_line, all), false},
    {"json", offsetof(command_line, json), false},
    {"quick", offsetof(command_line, quick), false},
    {"plan", offsetof(command_line, plan), false},
    {"study", offsetof(command_line, study), false},
    {"device", offsetof(command_line, device), true},
    {"op", offsetof(command_line, op), true},
    {"user", offsetof(command_line, user), false},
    {"system", offsetof(command_line, system), false},
    {"locked", offsetof(command_line, locked), false},
    {"level", offsetof(command_line, level), true},
    {"seed", offsetof(command_line, seed), true},
    {"classes", offsetof(command_line, classes), true},
    {"per-class", offsetof(command_line, per_class), true},
    {"encoder", offsetof(command_line, encoder), true},
    {"k", offsetof(command_line, k), true},
    {"min-similarity", offsetof(command_line, min_similarity), true},
    {"max-similarity", offsetof(command_line, max_similarity), true},
    {"per-image", offsetof(command_line, per_image), true},
    {"count", offsetof(command_line, count), true},
    {"rejected", offsetof(command_line, rejected), true},
    {"allow-fewer", offsetof(command_line, allow_fewer), false},
    {"tap", offsetof(command_line, tap), false},
    {"kind", offsetof(command_line, kind), true},
    {"key", offsetof(command_line, key), true},
    {"id", offsetof(command_line, id), true},
    {"ids", offsetof(command_line, ids), true},
    {"until", offsetof(command_line, until), true},
    {"from", offsetof(command_line, from), true},
    {"runs", offsetof(command_line, runs), true},
    {"run", offsetof(command_line, run), true},
    {"to", offsetof(command_line, to), true},
    {"drop", 0, true}, /* one more of them */
    {"step", offsetof(command_line, step), true},
    {"data", 0, false}, /* what follows is the data's */
};
enum { N_FLAGS = sizeof flags / sizeof *flags };

static bool takes(const command *c, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = c->takes; (at = strstr(at, name)); at += length) {
        if ((at == c->takes || at[-1] == ' ') && (at[length] == 0 || at[length] == ' ')) {
            return true;
        }
    }
    return false;
}

static bool wrong(const command *c, kd_error *err) {
    err->code = E_USAGE;
    return kd_hint(err, "kindred %s --help", c->name);
}

static const flag *find_flag(const command *c, const char *name, size_t length) {
    for (int i = 0; i < N_FLAGS; i++) {
        if (strlen(flags[i].name) == length && strncmp(flags[i].name, name, length) == 0 &&
            takes(c, flags[i].name)) {
            return &flags[i];
        }
    }
    return NULL;
}

static bool unknown(const command *c, const char *word, kd_error *err) {
    const char *known[N_FLAGS];
    for (int i = 0; i < N_FLAGS; i++) {
        known[i] = takes(c, flags[i].name) ? flags[i].name : NULL;
    }
    const char *near = suggest(word + 2, known, N_FLAGS);
    kd_fail(err, E_USAGE, near ? "%s: unknown option; did you mean --%s?" : "%s: unknown option",
            word, near);
    return wrong(c, err);
}

/* Where parsing stands. */
typedef struct parser {
    const command *command;
    char **argv;
    int argc, at;
    bool in_data;
    const char **keys, **data, **drop, **more;
    command_line *ret;
} parser;

static bool take_option(parser *p, kd_error *err) {
    const char *word = p->argv[p->at], *equals = strchr(word, '=');
    const size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const flag *f = find_flag(p->command, word + 2, length);
    if (!f) {
        return unknown(p->command, word, err);
    }
    p->in_data = strcmp(f->name, "data") == 0;
    if (p->in_data) {
        return true;
    }
    void *field = (char *)p->ret + f->offset;
    if (!f->has_value) {
        *(bool *)field = true;
        return true;
    }
    const char *value = equals ? equals + 1 : p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
    if (!value) {
        kd_fail(err, E_USAGE, "%s: its value is missing", word);
        return wrong(p->command, err);
    }
    if (strcmp(f->name, "drop") == 0) {
        p->drop[p->ret->n_drop++] = value;
    } else {
        memcpy(field, &value, sizeof value);
    }
    return true;
}

static bool takes_several(const command *c) {
    return c->subject && strstr(c->subject, "...");
}

static bool take_word(parser *p, kd_error *err) {
    const char *word = p->argv[p->at];
    command_line *a = p->ret;
    if (p->command->subject && !a->subject && !p->in_data) {
        a->subject = word;
    } else if (takes_several(p->command)) {
        p->more[a->n_more++] = word;
    } else if (!strchr(word, '=') || !strstr(p->command->help, "key=value")) {
        kd_fail(err, E_USAGE, "%s: %s", word,
                strstr(p->command->help, "key=value") ? "neither an option nor key=value"
                                                      : "one word too many");
        return wrong(p->command, err);
    } else if (p->in_data) {
        p->data[a->n_data++] = word;
    } else {
        p->keys[a->n_keys++] = word;
    }
    return true;
}

bool command_line_parse(const command *c, int argc, char **argv, command_line *ret, kd_error *err) {
    if (!take_plugin_search(&argc, argv, &ret->memory, &ret->search, err)) {
        return wrong(c, err);
    }
    ret->search.trusts = trust_plugin;
    parser p = {.command = c, .argc = argc, .argv = argv, .ret = ret};
    p.keys = arena_alloc(&ret->memory, sizeof *p.keys * (size_t)(argc + 1));
    p.data = arena_alloc(&ret->memory, sizeof *p.data * (size_t)(argc + 1));
    p.drop = arena_alloc(&ret->memory, sizeof *p.drop * (size_t)(argc + 1));
    p.more = arena_alloc(&ret->memory, sizeof *p.more * (size_t)(argc + 1));
    ret->more = p.more;
    ret->keys = p.keys;
    ret->drop = p.drop;
    ret->data = p.data;
    for (; p.at < argc; p.at++) {
        const bool is_option = strncmp(argv[p.at], "--", 2) == 0;
        if (!(is_option ? take_option(&p, err) : take_word(&p, err))) {
            return false;
        }
    }
    if (c->subject && *c->subject != '[' && !ret->subject) {
        kd_fail(err, E_USAGE, "%s: %s is missing", c->name, c->subject);
        return wrong(c, err);
    }
    return true;
}
