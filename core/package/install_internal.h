/* SPDX-License-Identifier: Apache-2.0
 * What verifying and installing share: a package that was unpacked into a folder of its own. */
#ifndef CORE_PACKAGE_INSTALL_INTERNAL_H
#define CORE_PACKAGE_INSTALL_INTERNAL_H

#include "package/archive_file.h"
#include "package/install.h"

typedef struct unpacked {
    const char *folder; /* there and empty before */
    package_check check;
    package package;
} unpacked;

/* Unpacks and verifies as package_verify does; what was unpacked is the caller's. */
bool unpacked_verify(unpacked *u, const char *file, const trust *t, int policy, arena *a,
                     verification *ret, kd_error *err);

#endif
