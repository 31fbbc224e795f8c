/* SPDX-License-Identifier: Apache-2.0
 * Whether a plugin's code may be loaded, by the policy of where it lies. */
#include "package/trust.h"

#include "base/log.h"
#include "package/places.h"
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

/* The digest that the package gives for an installed plugin. */
static const char *wanted_digest(const package *whole, const char *name, arena *a) {
    return package_sha256(whole, arena_print(a, "lib/%s/%s", search_triplet(), name));
}

static bool is_unchanged(const package *whole, const plugin *p, arena *a, kd_error *err) {
    const char *want = wanted_digest(whole, basename(arena_text(a, p->path)), a);
    char is[SHA256_HEX];
    if (!plugin_digest(p, is, err)) {
        return false;
    }
    if (!want || strcmp(want, is) != 0) {
        kd_fail(err, KD_E_DATA,
                want ? "it is not the file that was packed as %s %s"
                     : "it is no file of the package %s %s that it lies with",
                whole->id, whole->version);
        return kd_hint(err, "kindred plugin remove %s@%s, and install the package again", whole->id,
                       whole->version);
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
    if (!package_open(folder, a, &whole, err) || !is_unchanged(&whole, p, a, err)) {
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

bool trust_plugin(const plugin *p, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    const trusted_key *key = NULL;
    trust t;
    bool ok = trust_open(&t, err);
    const int policy = ok ? policy_of(&t, p, &t.memory) : TRUST_OFF;
    if (ok && policy != TRUST_OFF) {
        ok = places_private(p->path, &why) && is_sound(&t, p, &t.memory, &key, &why) &&
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
