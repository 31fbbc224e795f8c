/* SPDX-License-Identifier: Apache-2.0
 * A package on disk, unpacked or installed: its manifest, the digests of its files, its signature.
 *
 *     manifest.json        what its plugins' notes say, by `kindred plugin pack`
 *     SHA256SUMS           a line for every file but this one and the next
 *     SHA256SUMS.minisig   the signature of SHA256SUMS; not there when unsigned
 *     lib/TRIPLET/NAME.so  plugins; when installed, those of this machine lie beside the manifest
 *     lib/TRIPLET/NAME.WORD.so  a plugin's companion: its kernels for the device WORD
 *     LICENSES/, share/    other files
 *
 * One signature covers all machines, and the digests can be checked without kindred. */
#ifndef CORE_PACKAGE_PACKAGE_H
#define CORE_PACKAGE_PACKAGE_H

#include "base/sha256.h"
#include "package/minisign.h"

#define PACKAGE_MANIFEST "manifest.json"
#define PACKAGE_SUMS "SHA256SUMS"
#define PACKAGE_SIGNATURE "SHA256SUMS.minisig"

typedef struct package_companion {
    const char *file; /* "lib/x86_64-linux-gnu/tico.cuda.so" */
    const char *device, *sha256;
} package_companion;

typedef struct package_plugin {
    const char *file; /* "lib/x86_64-linux-gnu/simclr.so" */
    const char *kind, *id, *version, *isa, *abi;
    int n_companions;
    const package_companion *companions; /* in the order in which its note names devices */
} package_plugin;

typedef struct package_sum {
    const char *sha256, *path;
} package_sum;

typedef struct package {
    const char *folder;
    const char *id, *version;
    int n_plugins;
    const package_plugin *plugins;
    int n_sums;
    const package_sum *sums;
    const char *sums_text; /* what is signed */
    size_t sums_bytes;
    bool is_signed;
    minisign_signature signature;
} package;

/* Whether the folder holds a package at all. */
bool package_is(const char *folder);

/* Reads manifest, sums and signature; texts live in `a`. The digest of the manifest is compared;
 * those of other files and the signature are not. fails (KD_E_DATA) naming the file. */
bool package_open(const char *folder, arena *a, package *ret, kd_error *err);

/* The digest that a path of the package should have; NULL: the package has no such file. */
const char *package_sha256(const package *p, const char *path);

/* Reads what manifest.json says into the fields id, version and plugins. */
bool package_manifest_read(const char *text, size_t bytes, arena *a, package *ret, kd_error *err);

/* Reads what SHA256SUMS says into the field sums. */
bool package_sums_read(const char *text, arena *a, package *ret, kd_error *err);

#endif
