/* SPDX-License-Identifier: Apache-2.0
 * Who signed a package, and whether that is enough. */
#include "package/trust.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define SECONDS_OF_DAY (24 * 60 * 60)

/* Whether an id is one of "org.example.* org.lab.one". */
static bool covers(const char *ids, const char *id) {
    bool any = *ids == 0;
    while (*ids && !any) {
        const size_t length = strcspn(ids, " ,");
        const bool prefix = length > 0 && ids[length - 1] == '*';
        any = prefix ? strncmp(ids, id, length - 1) == 0
                     : length == strlen(id) && strncmp(ids, id, length) == 0;
        ids += length + strspn(ids + length, " ,");
    }
    return any;
}

/* When a signature was made, by its trusted comment; 0: it does not say. */
static int64_t signed_at(const minisign_signature *s) {
    const char *at = strstr(s->comment, "timestamp:");
    return at ? strtoll(at + strlen("timestamp:"), NULL, 10) : 0;
}

static int64_t end_of_day(const char *date) {
    struct tm day = {0};
    return strptime(date, "%Y-%m-%d", &day) ? timegm(&day) + SECONDS_OF_DAY - 1 : 0;
}

static bool in_time(const trusted_key *key, const package *p, int64_t today, kd_error *err) {
    const int64_t end = *key->until ? end_of_day(key->until) : INT64_MAX,
                  made = signed_at(&p->signature);
    char id[MINISIGN_ID_TEXT];
    minisign_id_text(key->key.id, id);
    if (*key->until && (today > end || made > end || made == 0)) {
        kd_fail(err, KD_E_INVALID, "the key %s was good until %s only (%s)%s", id, key->until,
                key->file, made ? "" : ", and the signature has no date");
        return kd_hint(err, "ask its owner for a newer key, or for the same with a later end");
    }
    return true;
}

static bool in_ids(const trusted_key *key, const char *id, kd_error *err) {
    if (!covers(key->ids, id)) {
        char text[MINISIGN_ID_TEXT];
        minisign_id_text(key->key.id, text);
        kd_fail(err, KD_E_INVALID, "the key %s is trusted for %s, and this is %s (%s)", text,
                key->ids, id, key->file);
        return kd_hint(err,
                       "its owner should not sign this; if you trust them to, add %s to the "
                       "line \"ids:\" of the key's file",
                       id);
    }
    return true;
}

static bool in_all_ids(const trusted_key *key, const package *p, kd_error *err) {
    bool ok = in_ids(key, p->id, err);
    for (int i = 0; ok && i < p->n_plugins; i++) {
        ok = in_ids(key, p->plugins[i].id, err);
    }
    return ok;
}

/* The signature is for this package by name, too: a comment of ours says which. */
static bool named(const package *p, kd_error *err) {
    arena a = {0};
    const char *at = strstr(p->signature.comment, "package:");
    const char *want = arena_print(&a, "package:%s@%s", p->id, p->version);
    const bool ok =
        !at || (strncmp(at, want, strlen(want)) == 0 && strcspn(at, " \t") == strlen(want));
    if (!ok) {
        kd_fail(err, KD_E_DATA, "the signature is for another package (%.100s)", at);
        kd_hint(err, "fetch the package again, from a place that its author names");
    }
    arena_free(&a);
    return ok;
}

static bool not_revoked(const trust *t, const char *kind, const char *what, kd_error *err) {
    for (int i = 0; i < t->n_revoked; i++) {
        const revocation *r = &t->revoked[i];
        if (strcasecmp(r->what, what) == 0) {
            kd_fail(err, KD_E_INVALID, "%s %s was revoked: %s (%s)", kind, what, r->why, r->file);
            return kd_hint(err, "do not use it; ask its author for a later version");
        }
    }
    return true;
}

static bool nothing_revoked(const trust *t, const package *p, kd_error *err) {
    bool ok = true;
    for (int i = 0; ok && i < p->n_sums; i++) {
        ok = not_revoked(t, "the file with sha256", p->sums[i].sha256, err);
    }
    return ok;
}

static void fail_unknown(const package *p, const char *id, kd_error *err) {
    const char *dot = strrchr(p->id, '.');
    kd_fail(err, KD_E_INVALID, "signed by the key %s, which you do not trust", id);
    kd_hint(err,
            "get the author's .pub file by another way than the package, then: kindred plugin "
            "trust FILE.pub --ids '%.*s%s'",
            dot ? (int)(dot - p->id) + 1 : (int)strlen(p->id), p->id, dot ? "*" : "");
}

static const trusted_key *find_key(const trust *t, const package *p, int64_t today, kd_error *err) {
    char id[MINISIGN_ID_TEXT];
    minisign_id_text(p->signature.id, id);
    fail_unknown(p, id, err);
    for (int i = 0; i < t->n_keys; i++) {
        const trusted_key *key = &t->keys[i];
        if (memcmp(key->key.id, p->signature.id, sizeof key->key.id) == 0 &&
            minisign_verify(&key->key, &p->signature, p->sums_text, p->sums_bytes, err) &&
            in_time(key, p, today, err) && in_all_ids(key, p, err)) {
            return key;
        }
    }
    return NULL;
}

const trusted_key *trust_signer(const trust *t, const package *p, int64_t today, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    char id[MINISIGN_ID_TEXT];
    if (!p->is_signed) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s %s is not signed", p->id, p->version);
        kd_hint(err, "ask its author to pack it with --key; a folder whose plugins you make "
                     "yourself can have `policy: off` in trust.yaml");
        return NULL;
    }
    minisign_id_text(p->signature.id, id);
    if (!not_revoked(t, "the key", id, err) || !nothing_revoked(t, p, err)) {
        return NULL;
    }
    const trusted_key *key = find_key(t, p, today, &why);
    if (!key) {
        kd_fail(err, why.code, "%s", why.message);
        kd_hint(err, "%s", why.hint);
    }
    return key && named(p, err) ? key : NULL;
}

static bool is_below(const char *path, const char *folder) {
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/') {
        length--;
    }
    return strncmp(path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
}

int trust_policy_given(const trust *t, const char *path) {
    size_t longest = 0;
    int policy = -1;
    for (int i = 0; i < t->n_policies; i++) {
        const folder_policy *f = &t->policies[i];
        if (is_below(path, f->folder) && strlen(f->folder) >= longest) {
            longest = strlen(f->folder);
            policy = f->policy;
        }
    }
    return policy;
}

const char *trust_policy_name(int policy) {
    static const char *const names[] = {"off", "warn", "require"};
    return names[policy];
}
