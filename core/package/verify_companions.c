/* SPDX-License-Identifier: Apache-2.0
 * Whether a package has the companions that its plugins' notes speak of, as its manifest says. */
#include "package/install_internal.h"

#include "plugin/companion.h"

/* What of the manifest's list has been compared. */
typedef struct listing {
    const package *package;
    const package_plugin *named;
    int seen;
    kd_error *err;
} listing;

static bool ask_again(const listing *l) {
    return kd_hint(l->err, "manifests are made from the notes: ask its author to pack again");
}

static bool is_listed(listing *l, const char *word, const char *file, const char *sha256) {
    const package_companion *c =
        l->seen < l->named->n_companions ? &l->named->companions[l->seen] : NULL;
    if (!c || strcmp(c->file, file) != 0 || strcmp(c->device, word) != 0) {
        kd_fail(l->err, KD_E_DATA, "%s: the manifest does not list %s, its kernels for %s",
                l->named->file, file, word);
        return ask_again(l);
    }
    if (strcmp(c->sha256, sha256) != 0) {
        kd_fail(l->err, KD_E_DATA, "%s: the manifest gives it another SHA-256 than " PACKAGE_SUMS,
                file);
        return ask_again(l);
    }
    l->seen++;
    return true;
}

static bool companion_fits(listing *l, const char *word, arena *a) {
    const char *file = companion_path(l->named->file, word, a);
    const char *sha256 = package_sha256(l->package, file);
    if (sha256) {
        return is_listed(l, word, file, sha256);
    }
    if (companion_is_needed(word)) {
        kd_fail(l->err, KD_E_DATA, "%s: its note says kernels for %s, and the package has no %s",
                l->named->file, word, file);
        return ask_again(l);
    }
    return true;
}

bool companions_fit(const package *p, const package_plugin *named, const plugin_note *note,
                    arena *a, kd_error *err) {
    const char *const *words;
    const int n = companion_words(note, a, &words);
    listing l = {.package = p, .named = named, .err = err};
    for (int i = 0; i < n; i++) {
        if (!companion_fits(&l, words[i], a)) {
            return false;
        }
    }
    if (l.seen < named->n_companions) {
        const package_companion *extra = &named->companions[l.seen];
        kd_fail(err, KD_E_DATA, "%s: the manifest lists %s for %s, %s", named->file, extra->file,
                extra->device,
                package_sha256(p, extra->file) ? "which its note does not speak of"
                                               : "which is not in the package");
        return ask_again(&l);
    }
    return true;
}
