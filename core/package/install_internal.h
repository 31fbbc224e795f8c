/* SPDX-License-Identifier: Apache-2.0
 * What verifying and installing share: a package that was unpacked into a folder of its own. */
#ifndef CORE_PACKAGE_INSTALL_INTERNAL_H
#define CORE_PACKAGE_INSTALL_INTERNAL_H

#include "package/archive_file.h"
#include "package/install.h"
#include "plugin/note.h"

typedef struct unpacked {
    const char *folder; /* there and empty before */
    package_check check;
    package package;
} unpacked;

/* Unpacks and verifies as package_verify does; what was unpacked is the caller's. */
bool unpacked_verify(unpacked *u, const char *file, const trust *t, int policy, arena *a,
                     verification *ret, kd_error *err);

/* Whether the companions that the manifest lists for a plugin are those that its note speaks of and
 * the package has, none more and none less. */
bool companions_fit(const package *p, const package_plugin *named, const plugin_note *note,
                    arena *a, kd_error *err);

#endif
