/* SPDX-License-Identifier: Apache-2.0
 * Whether a plugin's code may be loaded, by the policy of where it lies. */
#include "package/trust.h"

#include "base/file.h"
#include "base/log.h"
#include "package/places.h"
#include "plugin/companion.h"
#include "plugin/search.h"

#include <libgen.h>

static bool is_below(const char *path, const char *folder) {
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/';
}

static int policy_of(const trust *t, const plugin *p, arena *a) {
    const char *user = search_user_folder(a);
    const int given = trust_policy_given(t, p->path);
    if (strcmp(p->level, "--plugin") == 0) {
        return TRUST_OFF;
    }
    if (given >= 0) {
        return given;
    }
    return user && is_below(p->path, user) ? TRUST_REQUIRE : TRUST_WARN;
}

/* Where the package has a file that now lies at `path`. */
static const char *packed_path(const char *path, arena *a) {
    return arena_print(a, "lib/%s/%s", search_triplet(), basename(arena_text(a, path)));
}

static bool install_again(const package *whole, kd_error *err) {
    return kd_hint(err, "kindred plugin remove %s@%s, and install the package again", whole->id,
                   whole->version);
}

static bool is_unchanged(const package *whole, const plugin *p, arena *a, kd_error *err) {
    const char *want = package_sha256(whole, packed_path(p->path, a));
    char is[SHA256_HEX];
    if (!plugin_digest(p, is, err)) {
        return false;
    }
    if (!want || strcmp(want, is) != 0) {
        kd_fail(err, KD_E_DATA,
                want ? "it is not the file that was packed as %s %s"
                     : "it is no file of the package %s %s that it lies with",
                whole->id, whole->version);
        return install_again(whole, err);
    }
    return true;
}

/* Its companions lie beside it, as they were packed. */
static bool companions_are_unchanged(const package *whole, const plugin *p, arena *a,
                                     kd_error *err) {
    const char *file = packed_path(p->path, a);
    for (int i = 0; i < whole->n_plugins; i++) {
        const package_plugin *packed = &whole->plugins[i];
        for (int k = 0; k < packed->n_companions && strcmp(packed->file, file) == 0; k++) {
            const package_companion *c = &packed->companions[k];
            const char *path = companion_path(p->path, c->device, a);
            char is[SHA256_HEX];
            kd_error ignored = KD_ERROR_INIT;
            if (!sha256_file(path, is, &ignored) || strcmp(is, c->sha256) != 0) {
                kd_fail(err, KD_E_DATA, "its companion %s is %s", path,
                        file_exists(path) ? "not the file that was packed with it" : "not there");
                return install_again(whole, err);
            }
        }
    }
    return true;
}

/* Signed, by whom, and unchanged since. ret_key NULL: not in a package, or unsigned. */
static bool is_sound(const trust *t, const plugin *p, arena *a, const trusted_key **ret_key,
                     kd_error *err) {
    package whole = {0};
    const char *folder = dirname(arena_text(a, p->path));
    *ret_key = NULL;
    if (!package_is(folder)) {
        return true;
    }
    if (!package_open(folder, a, &whole, err) || !is_unchanged(&whole, p, a, err) ||
        !companions_are_unchanged(&whole, p, a, err)) {
        return false;
    }
    if (whole.is_signed) {
        *ret_key = trust_signer(t, &whole, 0, err);
    }
    return !whole.is_signed || *ret_key;
}

static bool is_required(const trusted_key *key, const plugin *p, kd_error *err) {
    if (!key) {
        kd_fail(err, KD_E_INVALID, "it is not from a signed package");
        return kd_hint(err,
                       "install it from one (kindred plugin install FILE.kdpkg), name it by "
                       "--plugin %s, or write `policy: off` for its folder in trust.yaml",
                       p->path);
    }
    return true;
}

/* Nobody else may write to it or to a companion that it could load. */
static bool is_private(const plugin *p, arena *a, kd_error *err) {
    const char *const *words;
    const int n = companion_words(&p->note, a, &words);
    bool ok = places_private(p->path, err);
    for (int i = 0; i < n && ok; i++) {
        const char *path = companion_path(p->path, words[i], a);
        ok = !file_exists(path) || places_private(path, err);
    }
    return ok;
}

bool trust_plugin(const plugin *p, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    const trusted_key *key = NULL;
    trust t;
    bool ok = trust_open(&t, err);
    const int policy = ok ? policy_of(&t, p, &t.memory) : TRUST_OFF;
    if (ok && policy != TRUST_OFF) {
        ok = is_private(p, &t.memory, &why) && is_sound(&t, p, &t.memory, &key, &why) &&
             (policy != TRUST_REQUIRE || is_required(key, p, &why));
        if (!ok && policy == TRUST_WARN) {
            log_line(KD_LOG_WARN, "%s: %s (%s)", p->path, why.message, why.hint);
            ok = true;
        } else if (!ok) {
            kd_fail(err, why.code, "%s is not trusted: %s", p->path, why.message);
            kd_hint(err, "%s", why.hint);
        }
    }
    trust_close(&t);
    return ok;
}

const char *trust_word(const plugin *p, arena *a) {
    kd_error why = KD_ERROR_INIT;
    const trusted_key *key = NULL;
    char id[MINISIGN_ID_TEXT];
    trust t;
    const char *word = NULL;
    if (package_is(dirname(arena_text(a, p->path)))) {
        word = "installed from a package that is not signed";
        if (!trust_open(&t, &why) || !is_sound(&t, p, &t.memory, &key, &why)) {
            word = arena_print(a, "not trusted: %s (%s)", why.message, why.hint);
        } else if (key) {
            minisign_id_text(key->key.id, id);
            word = arena_print(a, "signed by the key %s", id);
        }
        trust_close(&t);
    }
    return word;
}
