/* SPDX-License-Identifier: Apache-2.0
 * Packs plugins. */
#include "package/pack.h"

#include "base/file.h"
#include "package/archive_file.h"
#include "package/package.h"
#include "plugin/note.h"
#include "plugin/search.h"

#include <jansson.h>
#include <stdlib.h>

#define MAX_FILE ((size_t)1 << 30)

/* A package that is being made. */
typedef struct packing {
    const pack_request *in;
    arena *a;
    int n; /* of sources: the files, then manifest, sums and signature */
    archive_source *sources;
    plugin_note *notes; /* [n_files], beside the sources; id NULL: no plugin */
    const char *id, *version;
    kd_error *err;
} packing;

static bool is_plugin(const char *file) {
    const size_t length = strlen(file);
    return length > 3 && strcmp(file + length - 3, ".so") == 0;
}

static const char *name_of(const char *file) {
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

/* ---- its files ---- */

/* What folders for a machine are called; NULL: not known. */
static const char *triplet_of(const char *machine) {
    static const char *const known[][2] = {{"x86-64", "x86_64-linux-gnu"},
                                           {"arm64", "aarch64-linux-gnu"},
                                           {"riscv64", "riscv64-linux-gnu"}};
    for (size_t i = 0; machine && i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i][0], machine) == 0) {
            return known[i][1];
        }
    }
    return machine ? NULL : search_triplet();
}

static bool read_note(packing *p, const char *file, plugin_note *ret) {
    kd_error why = KD_ERROR_INIT;
    if (note_read(file, p->a, ret, &why) != NOTE_READ) {
        kd_fail(p->err, why.code, "%s: %s", file, why.message);
        return kd_hint(p->err, "%s", *why.hint ? why.hint : "give .so files of plugins");
    }
    if (!triplet_of(ret->machine)) {
        kd_fail(p->err, KD_E_UNSUPPORTED, "%s: built for %s, which packages do not know", file,
                ret->machine);
        return kd_hint(p->err, "pack builds for x86-64, arm64 and riscv64");
    }
    return !p->in->check || p->in->check(file, p->err) || kd_while(p->err, "%s", file);
}

static const char *path_of(packing *p, const char *file, const plugin_note *note) {
    const char *name = name_of(file);
    if (note->id) {
        return arena_print(p->a, "lib/%s/%s", triplet_of(note->machine), name);
    }
    const bool license = strncmp(name, "LICEN", 5) == 0 || strncmp(name, "COPYING", 7) == 0;
    return arena_print(p->a, "%s/%s", license ? "LICENSES" : "share", name);
}

static bool add_file(packing *p, const char *file) {
    char *data = NULL;
    size_t bytes = 0;
    plugin_note *note = &p->notes[p->n];
    if ((is_plugin(file) && !read_note(p, file, note)) ||
        !file_read(file, MAX_FILE, &data, &bytes, p->err)) {
        return false;
    }
    archive_source *source = &p->sources[p->n];
    *source = (archive_source){.path = path_of(p, file, note), .data = data, .bytes = bytes};
    p->n++;
    if (!archive_path_is_plain(source->path)) {
        kd_fail(p->err, KD_E_INVALID, "%s: its name cannot be in a package", file);
        return kd_hint(p->err, "rename it to letters, digits and ._+@- only");
    }
    for (int i = 0; i < p->n - 1; i++) {
        if (strcmp(p->sources[i].path, source->path) == 0) {
            kd_fail(p->err, KD_E_INVALID, "two files would be %s in the package", source->path);
            return kd_hint(p->err, "rename one of them, as simclr.x86-64-v3.so");
        }
    }
    return true;
}

/* ---- what they are together ---- */

static bool agree(packing *p, const plugin_note *note) {
    const char *id = p->in->id ? p->in->id : note->id;
    if (!p->id) {
        p->id = id;
        p->version = note->version;
    }
    if (strcmp(p->id, id) != 0) {
        kd_fail(p->err, KD_E_INVALID, "the files are of two plugins, %s and %s", p->id, id);
        return kd_hint(p->err, "give the package an id of its own: --id ID; or pack each alone");
    }
    if (strcmp(p->version, note->version) != 0) {
        kd_fail(p->err, KD_E_INVALID, "the files have two versions, %s and %s", p->version,
                note->version);
        return kd_hint(p->err, "build all of them from one version of their source");
    }
    return true;
}

static bool identify(packing *p) {
    for (int i = 0; i < p->n; i++) {
        if (p->notes[i].id && !agree(p, &p->notes[i])) {
            return false;
        }
    }
    if (!p->id) {
        kd_fail(p->err, KD_E_INVALID, "no file of a plugin is among those to be packed");
        return kd_hint(p->err, "give at least one .so");
    }
    return true;
}

/* ---- its texts ---- */

static void add_text(packing *p, const char *path, const char *text) {
    p->sources[p->n++] =
        (archive_source){.path = path, .data = strdup(text), .bytes = strlen(text)};
}

static json_t *plugin_json(const packing *p, int i) {
    const plugin_note *note = &p->notes[i];
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "file", p->sources[i].path,
                     "kind", plugin_kind_name(note->kind) ? plugin_kind_name(note->kind) : "", "id",
                     note->id, "version", note->version, "summary", note->summary, "source",
                     note->source, "license", note->license, "isa", note->isa, "abi",
                     json_sprintf("%d.%d", note->abi_major, note->abi_minor));
}

/* By path, so that the order in which files were named makes no difference. */
static void sort_files(packing *p) {
    for (int i = 1; i < p->n; i++) {
        const archive_source source = p->sources[i];
        const plugin_note note = p->notes[i];
        int k = i;
        for (; k > 0 && strcmp(p->sources[k - 1].path, source.path) > 0; k--) {
            p->sources[k] = p->sources[k - 1];
            p->notes[k] = p->notes[k - 1];
        }
        p->sources[k] = source;
        p->notes[k] = note;
    }
}

static void add_manifest(packing *p) {
    json_t *plugins = json_array();
    for (int i = 0; i < p->n; i++) {
        if (p->notes[i].id) {
            json_array_append_new(plugins, plugin_json(p, i));
        }
    }
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:o}", "format", 1, "id", p->id, "version", p->version,
                  "packed_by", "kindred " KINDRED_VERSION, "plugins", plugins);
    char *text = json_dumps(root, JSON_PRESERVE_ORDER | JSON_INDENT(2));
    add_text(p, PACKAGE_MANIFEST, arena_print(p->a, "%s\n", text));
    free(text);
    json_decref(root);
}

static int by_path(const void *left, const void *right) {
    const archive_source *a = left, *b = right;
    return strcmp(a->path, b->path);
}

static void add_sums(packing *p) {
    char *text = NULL, digest[SHA256_HEX];
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    qsort(p->sources, (size_t)p->n, sizeof *p->sources, by_path);
    for (int i = 0; i < p->n; i++) {
        sha256_bytes(p->sources[i].data, p->sources[i].bytes, digest);
        fprintf(out, "%s  %s\n", digest, p->sources[i].path);
    }
    fclose(out);
    add_text(p, PACKAGE_SUMS, text);
    free(text);
}

static bool add_signature(packing *p) {
    const archive_source *sums = &p->sources[p->n - 1];
    const char *comment = arena_print(p->a, "timestamp:%lld package:%s@%s", (long long)p->in->date,
                                      p->id, p->version);
    const char *text;
    if (!p->in->secret) {
        return true;
    }
    if (!minisign_sign(p->in->secret, sums->data, sums->bytes, comment, p->a, &text, p->err)) {
        return false;
    }
    add_text(p, PACKAGE_SIGNATURE, text);
    return true;
}

static bool add_all(packing *p) {
    for (int i = 0; i < p->in->n_files; i++) {
        if (!add_file(p, p->in->files[i])) {
            return false;
        }
    }
    if (!identify(p)) {
        return false;
    }
    sort_files(p);
    add_manifest(p);
    add_sums(p);
    return add_signature(p);
}

bool package_pack(const pack_request *in, arena *a, const char **ret_to, const char **ret_name,
                  kd_error *err) {
    const size_t room = (size_t)in->n_files + 3;
    packing p = {.in = in, .a = a, .err = err};
    if (room > PACKAGE_MAX_FILES) {
        return kd_fail(err, KD_E_INVALID, "a package has at most %d files", PACKAGE_MAX_FILES);
    }
    p.sources = arena_alloc(a, room * sizeof *p.sources);
    p.notes = arena_alloc(a, room * sizeof *p.notes);
    bool ok = add_all(&p);
    if (ok) {
        const char *folder = arena_print(a, "%s-%s", p.id, p.version);
        *ret_to = in->to ? in->to : arena_print(a, "%s.kdpkg", folder);
        *ret_name = arena_print(a, "%s %s", p.id, p.version);
        ok = archive_file_write(*ret_to, folder, p.sources, p.n, err);
    }
    for (int i = 0; i < p.n; i++) {
        free((void *)p.sources[i].data);
    }
    return ok;
}
