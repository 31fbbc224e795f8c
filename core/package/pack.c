/* SPDX-License-Identifier: Apache-2.0
 * Packs plugins. */
#include "package/pack_internal.h"

#include "base/file.h"
#include "package/package.h"
#include "plugin/companion.h"
#include "plugin/search.h"

#include <jansson.h>
#include <stdlib.h>

#define MAX_FILE ((size_t)1 << 30)
enum { MOST_FILES = PACKAGE_MAX_FILES - 3 /* manifest, sums and signature */ };

static bool is_shared_object(const char *file) {
    const size_t length = strlen(file);
    return length > 3 && strcmp(file + length - 3, ".so") == 0;
}

static const char *name_of(const char *file) {
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

const char *packing_triplet(const char *machine) {
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

packed_file *packing_find(const packing *p, const char *path) {
    for (int i = 0; i < p->n_files; i++) {
        if (strcmp(p->files[i].source.path, path) == 0) {
            return &p->files[i];
        }
    }
    return NULL;
}

packed_file *packing_add(packing *p, const char *file, const char *path) {
    char *data = NULL;
    size_t bytes = 0;
    if (!archive_path_is_plain(path)) {
        kd_fail(p->err, KD_E_INVALID, "%s: its name cannot be in a package", file);
        kd_hint(p->err, "rename it to letters, digits and ._+@- only");
        return NULL;
    }
    if (packing_find(p, path)) {
        kd_fail(p->err, KD_E_INVALID, "two files would be %s in the package", path);
        kd_hint(p->err, "rename one of them, as simclr.x86-64-v3.so");
        return NULL;
    }
    if (p->n_files == MOST_FILES) {
        kd_fail(p->err, KD_E_INVALID, "a package has at most %d files", MOST_FILES);
        kd_hint(p->err, "divide it into packages with ids of their own: --id ID");
        return NULL;
    }
    if (!file_read(file, MAX_FILE, &data, &bytes, p->err)) {
        return NULL;
    }
    packed_file *added = &p->files[p->n_files++];
    *added = (packed_file){.source = {.path = path, .data = data, .bytes = bytes}, .file = file};
    return added;
}

static bool add_plugin(packing *p, const char *file, const plugin_note *note) {
    const char *triplet = packing_triplet(note->machine);
    if (!triplet) {
        kd_fail(p->err, KD_E_UNSUPPORTED, "%s: built for %s, which packages do not know", file,
                note->machine);
        return kd_hint(p->err, "pack builds for x86-64, arm64 and riscv64");
    }
    if (p->in->check && !p->in->check(file, p->err)) {
        return kd_while(p->err, "%s", file);
    }
    packed_file *added =
        packing_add(p, file, arena_print(p->a, "lib/%s/%s", triplet, name_of(file)));
    if (added) {
        added->note = *note;
    }
    return added != NULL;
}

static bool add_shared_object(packing *p, const char *file) {
    plugin_note note;
    kd_error why = KD_ERROR_INIT;
    const note_outcome outcome = note_read(file, p->a, &note, &why);
    if (outcome == NOTE_READ) {
        return add_plugin(p, file, &note);
    }
    if (outcome == NOTE_ABSENT) {
        return packing_add_companion(p, file);
    }
    kd_fail(p->err, why.code, "%s: %s", file, why.message);
    return kd_hint(p->err, "%s", *why.hint ? why.hint : "give .so files of plugins");
}

static bool add_other(packing *p, const char *file) {
    const char *name = name_of(file);
    const bool license = strncmp(name, "LICEN", 5) == 0 || strncmp(name, "COPYING", 7) == 0;
    return packing_add(p, file, arena_print(p->a, "%s/%s", license ? "LICENSES" : "share", name));
}

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
    for (int i = 0; i < p->n_files; i++) {
        if (p->files[i].note.id && !agree(p, &p->files[i].note)) {
            return false;
        }
    }
    if (!p->id) {
        kd_fail(p->err, KD_E_INVALID, "no file of a plugin is among those to be packed");
        return kd_hint(p->err, "give at least one .so");
    }
    return true;
}

static void add_text(packing *p, const char *path, const char *text) {
    p->sources[p->n++] =
        (archive_source){.path = path, .data = arena_text(p->a, text), .bytes = strlen(text)};
}

/* Its companions, in the order in which the note names devices; NULL: it has none. */
static json_t *companions_json(const packing *p, const packed_file *of) {
    const char *const *words;
    const int n = companion_words(&of->note, p->a, &words);
    json_t *list = NULL;
    for (int i = 0; i < n; i++) {
        char digest[SHA256_HEX];
        const packed_file *c = packing_find(p, companion_path(of->source.path, words[i], p->a));
        if (c) {
            sha256_bytes(c->source.data, c->source.bytes, digest);
            list = list ? list : json_array();
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "file", c->source.path,
                                                  "device", words[i], "sha256", digest));
        }
    }
    return list;
}

static json_t *plugin_json(const packing *p, const packed_file *of) {
    const plugin_note *note = &of->note;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o*}", "file", of->source.path,
                     "kind", plugin_kind_name(note->kind) ? plugin_kind_name(note->kind) : "", "id",
                     note->id, "version", note->version, "summary", note->summary, "source",
                     note->source, "license", note->license, "isa", note->isa, "abi",
                     json_sprintf("%d.%d", note->abi_major, note->abi_minor), "companions",
                     companions_json(p, of));
}

/* By path, so that the order in which files were named makes no difference. */
static int files_by_path(const void *left, const void *right) {
    const packed_file *a = left, *b = right;
    return strcmp(a->source.path, b->source.path);
}

static void add_manifest(packing *p) {
    json_t *plugins = json_array();
    for (int i = 0; i < p->n_files; i++) {
        if (p->files[i].note.id) {
            json_array_append_new(plugins, plugin_json(p, &p->files[i]));
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

static bool add_files(packing *p) {
    for (int i = 0; i < p->in->n_files; i++) {
        const char *file = p->in->files[i];
        if (!(is_shared_object(file) ? add_shared_object : add_other)(p, file)) {
            return false;
        }
    }
    return packing_claim_companions(p) && identify(p);
}

static bool add_texts(packing *p) {
    qsort(p->files, (size_t)p->n_files, sizeof *p->files, files_by_path);
    for (int i = 0; i < p->n_files; i++) {
        p->sources[p->n++] = p->files[i].source;
    }
    add_manifest(p);
    add_sums(p);
    return add_signature(p);
}

bool package_pack(const pack_request *in, arena *a, const char **ret_to, const char **ret_name,
                  kd_error *err) {
    packing p = {.in = in, .a = a, .err = err};
    p.files = arena_alloc(a, MOST_FILES * sizeof *p.files);
    p.sources = arena_alloc(a, PACKAGE_MAX_FILES * sizeof *p.sources);
    bool ok = add_files(&p) && add_texts(&p);
    if (ok) {
        const char *folder = arena_print(a, "%s-%s", p.id, p.version);
        *ret_to = in->to ? in->to : arena_print(a, "%s.kdpkg", folder);
        *ret_name = arena_print(a, "%s %s", p.id, p.version);
        ok = archive_file_write(*ret_to, folder, p.sources, p.n, err);
    }
    for (int i = 0; i < p.n_files; i++) {
        free((void *)p.files[i].source.data);
    }
    return ok;
}
