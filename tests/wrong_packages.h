/* SPDX-License-Identifier: Apache-2.0
 * Ways in which a package is wrong: each makes x.kdpkg in the kit's folder, and keys or policies as
 * it needs them. */
#ifndef TESTS_WRONG_PACKAGES_H
#define TESTS_WRONG_PACKAGES_H

#include "package_kit.h"

typedef struct wrong_package {
    const char *what;
    void (*make)(arena *a);
} wrong_package;

/* Lists that end in a `what` of NULL: who signed what, and what was changed; archives that nobody
 * should unpack; companions that are not their plugin's; right packages in wrong places. */
extern const wrong_package wrong_contents[], wrong_archives[], wrong_companions[], wrong_places[];

/* Packs the sound plugin, signed, as x.kdpkg. */
void pack_sound(void);

/* Packs a file of the corpus, signed by a trusted key, and unpacks it to x; the caller changes x,
 * and x.kdpkg is made of it again: by kit_repack(c, "x", a) as it is, or by wrong_seal, which makes
 * new sums and a signature. */
archive_contents wrong_open(const char *name, arena *a);
void wrong_seal(archive_contents *c, const char *comment, arena *a);

/* Changes a byte of a file; puts one text for another in x/manifest.json. */
void wrong_byte(const char *path);
void wrong_manifest(const char *from, const char *to, arena *a);

#endif
