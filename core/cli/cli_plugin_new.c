/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin new`: writes a project of a plugin that builds, passes its checks and trains as
 * it stands. */
#include "base/file.h"
#include "base/suggest.h"
#include "cli/cli_plugin.h"
#include "cli/templates.h"
#include "plugin/text.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* What templates call the plugin: its id, and the last part of it, which is a word of C. */
static const char template_id[] = "org.example.my_plugin";
static const char template_word[] = "my_plugin";

enum { MAX_WORD = 48 };

/* Words that a struct, a file or a target of Meson cannot be called. */
static const char *const reserved[] = {
    "auto",   "break",    "case",     "char",   "const",    "continue", "default", "do",
    "double", "else",     "enum",     "extern", "float",    "for",      "goto",    "if",
    "inline", "int",      "long",     "return", "short",    "signed",   "sizeof",  "static",
    "struct", "switch",   "typedef",  "union",  "void",     "while",    "all",     "clean",
    "test",   "install",  "dist",     "main",   "unsigned", "bool",     "true",    "false",
    "class",  "template", "volatile", "build",  "tests",    "register", "restrict"};

static bool is_reserved(const char *word) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(word, reserved[i]) == 0) {
            return true;
        }
    }
    return strncmp(word, "kd_", 3) == 0 || strncmp(word, "kindred", 7) == 0;
}

/* The last part of an id that can be a plugin's, as "mine" of "org.lab.mine". */
static const char *word_of(const char *id, kd_error *err) {
    const char *dot = strrchr(id, '.'), *word = dot ? dot + 1 : id;
    if (!text_is_id(id) || strchr(id, '-') || strstr(id, "..") || !text_is_key(word) ||
        strlen(word) > MAX_WORD) {
        kd_fail(err, E_USAGE, "%s: not a name for a plugin", id);
        kd_hint(err, "lower-case letters, digits and '_', beginning with a letter, and yours in "
                     "front if you like: org.lab.mine");
        return NULL;
    }
    if (is_reserved(word)) {
        kd_fail(err, E_USAGE, "%s: %s has a meaning of its own in C, Meson or kindred", id, word);
        kd_hint(err, "choose another name, as %s_1", word);
        return NULL;
    }
    return word;
}

static bool has_kind(const char *kind) {
    for (const template_file *f = template_files; f->kind; f++) {
        if (strcmp(f->kind, kind) == 0) {
            return strcmp(kind, "common") != 0;
        }
    }
    return false;
}

static bool check_kind(const char *kind, kd_error *err) {
    const char *known[KD_KIND_DEVICE];
    int count = 0;
    for (uint32_t i = KD_KIND_METHOD; i <= KD_KIND_DEVICE; i++) {
        known[count++] = plugin_kind_name(i);
    }
    if (kind && has_kind(kind)) {
        return true;
    }
    const char *near = kind ? suggest(kind, known, count) : NULL;
    if (!kind) {
        kd_fail(err, E_USAGE, "plugin new: --kind is missing");
    } else {
        kd_fail(err, E_USAGE, near ? "%s: no such kind; did you mean %s?" : "%s: no such kind",
                kind, near);
    }
    return kd_hint(err, "--kind method, backbone, dataset, eval or device");
}

/* Every `from` in text by `to`, in the arena. */
static const char *replace(arena *a, const char *text, const char *from, const char *to) {
    const size_t cut = strlen(from), put = strlen(to);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, from)); at += cut) {
        count++;
    }
    char *ret = arena_alloc(a, strlen(text) + count * put + 1), *end = ret;
    for (const char *at; (at = strstr(text, from)); text = at + cut) {
        memcpy(end, text, (size_t)(at - text));
        end += at - text;
        memcpy(end, to, put);
        end += put;
    }
    strcpy(end, text);
    return ret;
}

typedef struct project {
    arena memory;
    const char *kind, *id, *word, *folder;
} project;

static const char *named(project *p, const char *text) {
    return replace(&p->memory, replace(&p->memory, text, template_id, p->id), template_word,
                   p->word);
}

/* A file of every kind gives way to the kind's own. */
static bool belongs(const project *p, const template_file *f) {
    if (strcmp(f->kind, "common") != 0) {
        return strcmp(f->kind, p->kind) == 0;
    }
    for (const template_file *other = template_files; other->kind; other++) {
        if (strcmp(other->kind, p->kind) == 0 && strcmp(other->path, f->path) == 0) {
            return false;
        }
    }
    return true;
}

/* Where files lie that cannot lie so in a source tree. */
static const char *placed(const char *path) {
    return strcmp(path, "gitignore") == 0 ? ".gitignore"
           : strcmp(path, "ci.yml") == 0  ? ".github/workflows/ci.yml"
                                          : path;
}

static bool write_one(project *p, const template_file *f, kd_error *err) {
    const char *path = arena_print(&p->memory, "%s/%s", p->folder, named(p, placed(f->path)));
    const char *text = named(p, f->text);
    char *parent = arena_text(&p->memory, path);
    *strrchr(parent, '/') = 0;
    if (!file_make_directories(parent, err) || !file_write(path, text, strlen(text), err)) {
        return false;
    }
    return !f->executable || chmod(path, 0755) == 0 ||
           kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
}

static bool write_all(project *p, kd_error *err) {
    if (file_exists(p->folder)) {
        kd_fail(err, KD_E_INVALID, "%s is there already", p->folder);
        return kd_hint(err, "remove it, or name another folder: --to DIR");
    }
    for (const template_file *f = template_files; f->kind; f++) {
        if (belongs(p, f) && !write_one(p, f, err)) {
            return kd_while(err, "plugin new");
        }
    }
    return true;
}

bool command_plugin_new(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    project p = {.kind = in->kind, .id = in->subject};
    if (!check_kind(in->kind, err) || !(p.word = word_of(in->subject, err))) {
        return false;
    }
    p.folder = in->to ? in->to : p.word;
    const bool ok = write_all(&p, err);
    if (ok) {
        printf("%s: a plugin (%s) that builds and passes its tests as it is\n\n"
               "  cd %s\n"
               "  meson setup build && meson test -C build\n\n"
               "Then change %s.c.\n",
               p.folder, p.kind, p.folder, p.word);
    }
    arena_free(&p.memory);
    return ok;
}
