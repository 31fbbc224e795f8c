/* SPDX-License-Identifier: Apache-2.0
 * Whether a package is what it says, and by whom. */
#include "package/install_internal.h"

#include "base/file.h"
#include "plugin/note.h"
#include "plugin/search.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FETCH_AGAIN "fetch the package again, from a place that its author names"

/* Digests: what was unpacked is what was packed, no more and no less. */

static bool is_sealed(const char *path) {
    return strcmp(path, PACKAGE_SUMS) == 0 || strcmp(path, PACKAGE_SIGNATURE) == 0;
}

static bool digests_fit(const archive_contents *c, const package *p, kd_error *err) {
    int seen = 0;
    for (int i = 0; i < c->n_items; i++) {
        const archive_item *item = &c->items[i];
        const char *want = package_sha256(p, item->path);
        if (is_sealed(item->path)) {
            continue;
        }
        if (!want || strcmp(want, item->sha256) != 0) {
            kd_fail(err, KD_E_DATA,
                    want ? "%s was changed after it was packed"
                         : "%s was added after it was packed",
                    item->path);
            return kd_hint(err, FETCH_AGAIN);
        }
        seen++;
    }
    for (int i = 0; i < p->n_sums && seen < p->n_sums; i++) {
        bool there = false;
        for (int k = 0; k < c->n_items; k++) {
            there = there || strcmp(c->items[k].path, p->sums[i].path) == 0;
        }
        if (!there) {
            kd_fail(err, KD_E_DATA, "%s is missing from the package", p->sums[i].path);
            return kd_hint(err, FETCH_AGAIN);
        }
    }
    return true;
}

static bool name_fits(const archive_contents *c, const package *p, kd_error *err) {
    arena a = {0};
    const bool ok = strcmp(c->folder, arena_print(&a, "%s-%s", p->id, p->version)) == 0;
    arena_free(&a);
    if (!ok) {
        kd_fail(err, KD_E_DATA, "its folder is %s, but its manifest says %s %s", c->folder, p->id,
                p->version);
        return kd_hint(err, FETCH_AGAIN);
    }
    return true;
}

/* Notes: what the manifest says of plugins is what they say. */

static bool differs(const package_plugin *named, const char *what, const char *manifest,
                    const char *note, kd_error *err) {
    kd_fail(err, KD_E_DATA, "%s: the manifest says %s %s, and its note says %s", named->file, what,
            manifest, note);
    return kd_hint(err, "manifests are made from the notes: ask its author to pack again");
}

static bool note_fits(const package_plugin *named, const plugin_note *note, arena *a,
                      kd_error *err) {
    const char *kind = plugin_kind_name(note->kind);
    const char *abi = arena_print(a, "%d.%d", note->abi_major, note->abi_minor);
    const struct {
        const char *what, *manifest, *note;
    } texts[] = {{"id", named->id, note->id},
                 {"version", named->version, note->version},
                 {"kind", named->kind, kind ? kind : ""},
                 {"isa", named->isa, note->isa},
                 {"ABI", named->abi, abi}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].manifest, texts[i].note) != 0) {
            return differs(named, texts[i].what, texts[i].manifest, texts[i].note, err);
        }
    }
    return true;
}

static bool can_be_used(const package_plugin *named, const plugin_note *note, kd_error *err) {
    if (note->machine) {
        kd_fail(err, KD_E_DATA, "%s: built for %s, and lies among the builds for %s", named->file,
                note->machine, search_triplet());
        return kd_hint(err, "folders are made from the notes: ask its author to pack again");
    }
    if (!note_abi_fits(note)) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: made for plugin ABI %d.%d, and this kindred has %d.%d",
                named->file, note->abi_major, note->min_host_minor, KD_ABI_MAJOR,
                KD_ABI_MINOR_LATEST);
        return kd_hint(err, "ask its author for a build with this kindred's headers, or use a "
                            "kindred with that ABI");
    }
    return true;
}

static bool plugin_fits(const unpacked *u, const package_plugin *named, arena *a, bool *ret_here,
                        kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    plugin_note note = {0};
    const char *file = arena_print(a, "%s/%s", u->folder, named->file);
    const char *here = arena_print(a, "lib/%s/", search_triplet());
    if (!package_sha256(&u->package, named->file)) {
        kd_fail(err, KD_E_DATA, "the manifest names %s, which is not in the package", named->file);
        return kd_hint(err, FETCH_AGAIN);
    }
    if (note_read(file, a, &note, &why) != NOTE_READ) {
        kd_fail(err, why.code, "%s: %s", named->file, why.message);
        return kd_hint(err, "%s", *why.hint ? why.hint : "ask its author to pack again");
    }
    if (!note_fits(named, &note, a, err) || !companions_fit(&u->package, named, &note, a, err)) {
        return false;
    }
    if (strncmp(named->file, here, strlen(here)) != 0) {
        return true;
    }
    *ret_here = true;
    return can_be_used(named, &note, err) &&
           (!u->check || u->check(file, err) || kd_while(err, "%s", named->file));
}

static bool is_of(const package_plugin *named, const char *path) {
    bool is = strcmp(named->file, path) == 0;
    for (int i = 0; i < named->n_companions; i++) {
        is = is || strcmp(named->companions[i].file, path) == 0;
    }
    return is;
}

static bool has_place(const package *p, const char *path) {
    bool known = strcmp(path, PACKAGE_MANIFEST) == 0 || strncmp(path, "LICENSES/", 9) == 0 ||
                 strncmp(path, "share/", 6) == 0;
    for (int i = 0; i < p->n_plugins && !known; i++) {
        known = is_of(&p->plugins[i], path);
    }
    return known;
}

/* A plugin that the manifest does not name would be loaded without its id having been judged. */
static bool all_have_places(const package *p, kd_error *err) {
    for (int i = 0; i < p->n_sums; i++) {
        if (!has_place(p, p->sums[i].path)) {
            kd_fail(err, KD_E_DATA, "%s is neither in the manifest nor in LICENSES/ or share/",
                    p->sums[i].path);
            return kd_hint(err, "manifests are made from the notes: ask its author to pack again");
        }
    }
    return true;
}

static bool plugins_fit(const unpacked *u, arena *a, bool *ret_here, kd_error *err) {
    bool ok = all_have_places(&u->package, err);
    for (int i = 0; i < u->package.n_plugins && ok; i++) {
        ok = plugin_fits(u, &u->package.plugins[i], a, ret_here, err);
    }
    return ok;
}

bool unpacked_verify(unpacked *u, const char *file, const trust *t, int policy, arena *a,
                     verification *ret, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    verification v = {0};
    archive_contents contents;
    if (!archive_file_unpack(file, u->folder, a, &contents, err)) {
        return false;
    }
    if (!package_open(u->folder, a, &u->package, err) || !name_fits(&contents, &u->package, err) ||
        !digests_fit(&contents, &u->package, err)) {
        return kd_while(err, "%s", file);
    }
    v.key = trust_signer(t, &u->package, (int64_t)time(NULL), &why);
    if (!v.key && policy == TRUST_REQUIRE) {
        kd_fail(err, why.code, "%s: %s", file, why.message);
        return kd_hint(err, "%s", why.hint);
    }
    v.doubt = why;
    if (!plugins_fit(u, a, &v.fits, err)) {
        return kd_while(err, "%s", file);
    }
    v.package = u->package;
    *ret = v;
    return true;
}

bool package_verify(const char *file, const trust *t, int policy, package_check check, arena *a,
                    verification *ret, kd_error *err) {
    const char *temporary = getenv("TMPDIR");
    char *folder = arena_print(a, "%s/kindred-XXXXXX", temporary ? temporary : "/tmp");
    kd_error ignored = KD_ERROR_INIT;
    if (!mkdtemp(folder)) {
        kd_fail(err, KD_E_IO, "cannot make a folder in %s", temporary ? temporary : "/tmp");
        return kd_hint(err, "set TMPDIR to a folder that you can write to");
    }
    unpacked u = {.folder = folder, .check = check};
    const bool ok = unpacked_verify(&u, file, t, policy, a, ret, err);
    file_remove_tree(folder, &ignored);
    return ok;
}
