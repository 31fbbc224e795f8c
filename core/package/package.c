/* SPDX-License-Identifier: Apache-2.0
 * Opens a package that was unpacked or installed. */
#include "package/package.h"

#include "base/file.h"

#include <stdlib.h>

#define MAX_TEXT ((size_t)1 << 20)

bool package_is(const char *folder) {
    arena a = {0};
    const bool is = file_exists(arena_print(&a, "%s/" PACKAGE_MANIFEST, folder));
    arena_free(&a);
    return is;
}

/* A text of the package, into `a`. */
static bool read_text(const char *folder, const char *name, arena *a, const char **ret,
                      size_t *ret_bytes, kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    if (!file_exists(arena_print(a, "%s/%s", folder, name))) {
        kd_fail(err, KD_E_DATA, "%s is not in the package", name);
        return kd_hint(err, "pack it by `kindred plugin pack`");
    }
    if (!file_read(arena_print(a, "%s/%s", folder, name), MAX_TEXT, &text, &bytes, err)) {
        return false;
    }
    *ret = arena_copy(a, text, bytes);
    *ret_bytes = bytes;
    free(text);
    if (strlen(*ret) != bytes) {
        kd_fail(err, KD_E_DATA, "%s is not text", name);
        return kd_hint(err, "fetch the package again");
    }
    return true;
}

const char *package_sha256(const package *p, const char *path) {
    for (int i = 0; i < p->n_sums; i++) {
        if (strcmp(p->sums[i].path, path) == 0) {
            return p->sums[i].sha256;
        }
    }
    return NULL;
}

static bool open_sums(package *p, arena *a, kd_error *err) {
    const char *signature;
    size_t bytes;
    p->is_signed = file_exists(arena_print(a, "%s/" PACKAGE_SIGNATURE, p->folder));
    if (!read_text(p->folder, PACKAGE_SUMS, a, &p->sums_text, &p->sums_bytes, err) ||
        !package_sums_read(p->sums_text, a, p, err)) {
        return false;
    }
    return !p->is_signed || (read_text(p->folder, PACKAGE_SIGNATURE, a, &signature, &bytes, err) &&
                             (minisign_signature_read(signature, a, &p->signature, err) ||
                              kd_while(err, PACKAGE_SIGNATURE)));
}

static bool open_manifest(package *p, arena *a, kd_error *err) {
    const char *text, *want = package_sha256(p, PACKAGE_MANIFEST);
    char is[SHA256_HEX];
    size_t bytes;
    if (!read_text(p->folder, PACKAGE_MANIFEST, a, &text, &bytes, err)) {
        return false;
    }
    sha256_bytes(text, bytes, is);
    if (!want || strcmp(want, is) != 0) {
        kd_fail(err, KD_E_DATA, PACKAGE_MANIFEST " is not the file that " PACKAGE_SUMS " names");
        return kd_hint(err, "it was changed after it was packed: fetch the package again");
    }
    return package_manifest_read(text, bytes, a, p, err);
}

bool package_open(const char *folder, arena *a, package *ret, kd_error *err) {
    package p = {.folder = arena_text(a, folder)};
    if (!open_sums(&p, a, err) || !open_manifest(&p, a, err)) {
        return false;
    }
    *ret = p;
    return true;
}
