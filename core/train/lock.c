/* SPDX-License-Identifier: Apache-2.0
 * Writes and compares plugins.lock. */
#include "train/lock.h"

#include "train/run_plugins.h"

#include <jansson.h>
#include <stdlib.h>

/* The ops that it brings, and the digests of companions with kernels of them. */
static bool append_ops(json_t *entry, const plugin *p, arena *a, kd_error *err) {
    json_t *ops = json_array();
    for (int i = 0; i < p->note.n_ops; i++) {
        json_array_append_new(ops, json_string(p->note.ops[i].name));
    }
    const char *companions;
    if (p->note.n_ops > 0) {
        json_object_set(entry, "ops", ops);
    }
    json_decref(ops);
    if (!companion_digests(p, a, &companions, err)) {
        return false;
    }
    return !*companions || json_object_set_new(entry, "companions", json_string(companions)) == 0;
}

static bool append(json_t *array, const plugin *p, arena *a, kd_error *err) {
    char digest[65];
    if (!plugin_digest(p, digest, err)) {
        return false;
    }
    json_t *entry = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", plugin_kind_name(p->note.kind), "id", p->note.id,
        "version", p->note.version, "isa", p->note.isa, "sha256", digest, "path", p->path);
    return append_ops(entry, p, a, err) && json_array_append_new(array, entry) == 0;
}

char *lock_text(const assembly *a, kd_error *err) {
    arena memory = {0};
    json_t *array = json_array();
    const plugin_list list = run_plugins(a->run, a->machine.plugin, &memory);
    char *text = NULL;
    bool ok = true;
    for (int i = 0; i < list.n && ok; i++) {
        ok = append(array, list.items[i], &memory, err);
    }
    json_t *root = json_pack("{s:o}", "plugins", array);
    if (ok) {
        text = json_dumps(root, JSON_PRESERVE_ORDER | JSON_INDENT(2));
        const size_t length = strlen(text);
        text = kd_grow(text, length + 2);
        memcpy(text + length, "\n", 2);
    }
    json_decref(root);
    arena_free(&memory);
    return text;
}

/* A line of the lock. */
typedef struct locked {
    const char *kind, *id, *version, *sha256;
    const char *companions; /* "" without */
    bool used;
} locked;

typedef struct comparison {
    const char *file;
    const registry *plugins;
    arena a;
    int n;
    locked *items;
    const char *text;   /* the differences, so far */
    const char *remedy; /* of the first; NULL: none yet */
    kd_error *err;
} comparison;

static bool read_lock(comparison *c) {
    json_error_t why;
    json_t *root = json_load_file(c->file, 0, &why);
    const json_t *array = json_object_get(root, "plugins");
    bool ok = json_is_array(array);
    c->items = arena_alloc(&c->a, (json_array_size(array) + 1) * sizeof *c->items);
    for (size_t i = 0; i < json_array_size(array) && ok; i++) {
        const json_t *entry = json_array_get(array, i);
        const char *keys[] = {"kind", "id", "version", "sha256"}, *texts[4];
        for (int k = 0; k < 4; k++) {
            const char *text = json_string_value(json_object_get(entry, keys[k]));
            ok = ok && text;
            texts[k] = arena_text(&c->a, text ? text : "");
        }
        const char *companions = json_string_value(json_object_get(entry, "companions"));
        c->items[c->n++] = (locked){.kind = texts[0],
                                    .id = texts[1],
                                    .version = texts[2],
                                    .sha256 = texts[3],
                                    .companions = arena_text(&c->a, companions ? companions : "")};
    }
    json_decref(root);
    if (!ok) {
        kd_fail(c->err, KD_E_DATA, "%s: not the plugins.lock of a run%s%s", c->file,
                root ? "" : ": ", root ? "" : why.text);
        kd_hint(c->err, "take the one from the folder of the run that you want to repeat");
    }
    return ok;
}

__attribute__((format(printf, 3, 4))) static void differ(comparison *c, const char *remedy,
                                                         const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->text = arena_print(&c->a, "%s%s%s", c->text, *c->text ? "; " : "", text);
    c->remedy = c->remedy ? c->remedy : remedy;
}

/* A file that this host sees and that is what the lock names. */
static const plugin *find_here(const comparison *c, const locked *l) {
    kd_error ignored = KD_ERROR_INIT;
    char digest[65];
    for (int i = 0; i < registry_count(c->plugins); i++) {
        const plugin *p = registry_at(c->plugins, i);
        if (p->state != PLUGIN_REFUSED && strcmp(p->note.id, l->id) == 0 &&
            strcmp(p->note.version, l->version) == 0 && plugin_digest(p, digest, &ignored) &&
            strcmp(digest, l->sha256) == 0) {
            return p;
        }
    }
    return NULL;
}

static const char *remedy_of(comparison *c, const locked *l, const plugin *now) {
    const plugin *here = find_here(c, l);
    if (here && strcmp(here->note.version, now->note.version) != 0) {
        return arena_print(&c->a, "it is here: write plugin: %s@%s in the YAML file", l->id,
                           l->version);
    }
    return here ? arena_print(&c->a, "it is here: add --plugin %s", here->path)
                : arena_print(&c->a,
                              "install it (kindred plugin install %s-%s.kdpkg), or train "
                              "without --locked",
                              l->id, l->version);
}

static bool is_of(const locked *l, const plugin *p) {
    return strcmp(l->kind, plugin_kind_name(p->note.kind)) == 0 && strcmp(l->id, p->note.id) == 0;
}

/* The lock's entry for a plugin: of its version if there is one, else of its id. */
static locked *find_locked(comparison *c, const plugin *p) {
    locked *found = NULL;
    for (int i = 0; i < c->n; i++) {
        locked *l = &c->items[i];
        if (is_of(l, p) && (!found || strcmp(l->version, p->note.version) == 0)) {
            found = l;
        }
    }
    return found;
}

static bool compare(comparison *c, const plugin *p) {
    char digest[65];
    const plugin_note *note = &p->note;
    const char *kind = plugin_kind_name(note->kind);
    const char *companions;
    locked *l = find_locked(c, p);
    if (!plugin_digest(p, digest, c->err) || !companion_digests(p, &c->a, &companions, c->err)) {
        return false;
    }
    if (!l) {
        differ(c, "name in the YAML file what that run used, or train without --locked",
               "the %s %s %s is not in it", kind, note->id, note->version);
        return true;
    }
    l->used = true;
    if (strcmp(l->version, note->version) != 0) {
        differ(c, remedy_of(c, l, p), "the %s %s is %s and not %s", kind, note->id, note->version,
               l->version);
    } else if (strcmp(l->sha256, digest) != 0) {
        differ(c, remedy_of(c, l, p), "the %s %s %s is another file (sha256 %.12s and not %.12s)",
               kind, note->id, note->version, digest, l->sha256);
    } else if (strcmp(l->companions, companions) != 0) {
        differ(c, "install it as it was, or train without --locked",
               "the kernels beside the %s %s %s are other files", kind, note->id, note->version);
    }
    return true;
}

static void compare_unused(comparison *c, bool with_device) {
    for (int i = 0; i < c->n; i++) {
        const locked *l = &c->items[i];
        if (!l->used && (with_device || strcmp(l->kind, "device") != 0)) {
            differ(c, "name in the YAML file what that run used, or train without --locked",
                   "the %s %s %s is not used", l->kind, l->id, l->version);
        }
    }
}

bool lock_check(const char *file, const run *r, const plugin *device, const registry *plugins,
                kd_error *err) {
    comparison c = {.file = file, .plugins = plugins, .text = "", .err = err};
    bool ok = read_lock(&c);
    const plugin_list list = run_plugins(r, device, &c.a);
    for (int i = 0; i < list.n && ok; i++) {
        ok = compare(&c, list.items[i]);
    }
    if (ok) {
        compare_unused(&c, device != NULL);
        ok = *c.text == 0;
        if (!ok) {
            kd_fail(err, KD_E_INVALID, "not what %s names: %s", file, c.text);
            kd_hint(err, "%s", c.remedy);
        }
    }
    arena_free(&c.a);
    return ok;
}
