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
 * should unpack; right packages in wrong places. */
extern const wrong_package wrong_contents[], wrong_archives[], wrong_places[];

/* Packs the sound plugin, signed, as x.kdpkg. */
void pack_sound(void);

#endif
