/* SPDX-License-Identifier: Apache-2.0
 * Makes a package of plugins: manifest from their notes, digests, signature, archive. */
#ifndef CORE_PACKAGE_PACK_H
#define CORE_PACKAGE_PACK_H

#include "package/minisign.h"

/* A check of one plugin's file without running it; messages do not name the file. */
typedef bool (*package_check)(const char *file, kd_error *err);

typedef struct pack_request {
    /* .so files of plugins, of any machine; their companions, where those do not lie beside them;
     * others go to LICENSES/ or share/ */
    const char *const *files;
    int n_files;
    const char *id;                /* of the package; NULL: the one that all its plugins have */
    const char *to;                /* NULL: ID-VERSION.kdpkg here */
    const minisign_secret *secret; /* NULL: unsigned */
    int64_t date;                  /* of the signature, in seconds since 1970 */
    package_check check;           /* of plugins; NULL: the notes only */
    package_check check_companion; /* NULL: none */
} pack_request;

/* The same request and files make the same bytes. ret_to, ret_name ("ID VERSION") live in `a`. */
bool package_pack(const pack_request *in, arena *a, const char **ret_to, const char **ret_name,
                  kd_error *err);

#endif
