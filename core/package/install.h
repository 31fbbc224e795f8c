/* SPDX-License-Identifier: Apache-2.0
 * Verifies, installs and removes packages.
 *
 * A package is installed as FOLDER/ID-VERSION: the plugins of this machine, beside manifest, sums
 * and signature. It is filled under another name and renamed, so that a process killed at any
 * instant leaves it whole or not there; installs into one folder wait for one another. Versions
 * stand side by side; the newest goes first when a plugin is looked for. */
#ifndef CORE_PACKAGE_INSTALL_H
#define CORE_PACKAGE_INSTALL_H

#include "package/pack.h"
#include "package/trust.h"

/* What was found about a package's file. Texts live in the arena that was given. */
typedef struct verification {
    package package;        /* its folder is gone */
    const trusted_key *key; /* NULL: unsigned or not trusted, where the policy allows it */
    kd_error doubt;         /* then: what is not right with the signature */
    bool fits;              /* has a build for this machine */
} verification;

/* Unpacks into a temporary folder, compares all digests, and checks notes against the manifest and
 * the signature against t.
 *
 * policy  TRUST_REQUIRE: fails when no trusted key signed it. Below: that is only its doubt
 * check   of every plugin for this machine; NULL: the notes only */
bool package_verify(const char *file, const trust *t, int policy, package_check check, arena *a,
                    verification *ret, kd_error *err);

typedef struct install_request {
    const char *file, *folder;
    bool prunes; /* remove older versions that no known lock names */
    package_check check;
} install_request;

typedef struct installation {
    verification what;
    const char *path; /* FOLDER/ID-VERSION */
    bool was_there;
    const char *newer;     /* a newer version in this folder, which goes first; NULL: none */
    int n_removed, n_kept; /* older versions; kept for a lock */
    const char **removed;  /* "1.0.0" */
    const char **kept;     /* "1.0.0, which runs/x/plugins.lock names" */
} installation;

/* Under the policy that trust.yaml gives the folder, else TRUST_REQUIRE. Makes the folder. */
bool package_install(const install_request *in, const trust *t, arena *a, installation *ret,
                     kd_error *err);

/* The packages in a folder, by id and then oldest first; those that cannot be read are left out. */
int packages_in(const char *folder, arena *a, const package **ret);

/* Removes FOLDER/ID-VERSION. version NULL: the only one. fails when it is not there, when there are
 * several, or when a known lock names it. ret_path lives in `a`. */
bool package_remove(const char *folder, const char *id, const char *version, arena *a,
                    const char **ret_path, kd_error *err);

#endif
