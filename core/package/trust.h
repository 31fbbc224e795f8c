/* SPDX-License-Identifier: Apache-2.0
 * Whom this user trusts: keys, revocations and policies, and what they say of a package or plugin.
 *
 *     keys.d/NAME.pub     a public key in minisign's format; lines may follow: "ids: org.example.*"
 *                         (it signs no others), "until: 2027-12-31" (it signs no later)
 *     revoked.d/NAME      lines "key 654D8C87A76D31A3 why" or "sha256 DIGEST why" of a plugin
 *     trust.yaml          policies: [{folder: /opt/lab/plugins, policy: require}]
 *
 * in /etc/kindred and $XDG_CONFIG_HOME/kindred (~/.config/kindred).
 *
 * Policies: `require` refuses what is not in a package signed by a trusted key, or lies where
 * others may write. `warn` says what is wrong with a signature, a file or a folder, and goes on;
 * having no signature is not wrong. `off` looks at nothing. Where trust.yaml says nothing:
 * `require` in the user's folder of plugins, `off` for --plugin FILE, `warn` elsewhere. */
#ifndef CORE_PACKAGE_TRUST_H
#define CORE_PACKAGE_TRUST_H

#include "package/package.h"
#include "plugin/registry.h"

#define TRUST_OFF 0
#define TRUST_WARN 1
#define TRUST_REQUIRE 2

typedef struct trusted_key {
    minisign_key key;
    const char *file;
    const char *ids;   /* "org.example.* org.lab.one"; "": any */
    const char *until; /* "2027-12-31"; "": for good */
} trusted_key;

typedef struct revocation {
    const char *what; /* a key's id or a file's sha256 */
    const char *why, *file;
} revocation;

typedef struct folder_policy {
    const char *folder; /* absolute */
    int policy;
} folder_policy;

typedef struct trust {
    arena memory;
    int n_keys, n_revoked, n_policies;
    trusted_key *keys;
    revocation *revoked;
    folder_policy *policies;
} trust;

/* Reads all of it. fails when a file is not what it should be, or others may write there. The
 * caller closes it, also after a failure. */
bool trust_open(trust *t, kd_error *err);
void trust_close(trust *t);

/* Reads one key file with its further lines; texts live in `a`. */
bool trusted_key_read(const char *file, arena *a, trusted_key *ret, kd_error *err);

/* The key that signed a package, whose ids and files nothing speaks against.
 *
 * today    seconds since 1970: the key must still be good then. 0: only when it was signed
 * returns  NULL: unsigned (KD_E_UNSUPPORTED), or an unknown, revoked, expired or limited key, or a
 *          wrong signature. Files are not looked at: compare their digests with its sums. */
const trusted_key *trust_signer(const trust *t, const package *p, int64_t today, kd_error *err);

/* The policy for a folder or a file in it, by the longest folder of trust.yaml; -1: none is given.
 */
int trust_policy_given(const trust *t, const char *path);

const char *trust_policy_name(int policy);

/* What plugin_search.trusts wants: whether a plugin's code may be loaded. Logs what `warn` says. */
bool trust_plugin(const plugin *p, kd_error *err);

/* What a list says of a plugin that was installed from a package: its signer, or what is wrong.
 * Lives in `a`; NULL: it was not. */
const char *trust_word(const plugin *p, arena *a);

#endif
