/* SPDX-License-Identifier: Apache-2.0
 * Which plugins.lock files of runs name an installed package, so that it is kept for them.
 *
 * A run that uses a plugin of a package has the path of its lock written down in
 * $XDG_STATE_HOME/kindred/locks; a lock that is gone is forgotten. Locks of other users and of
 * other machines are not known. */
#ifndef CORE_PACKAGE_LOCKS_H
#define CORE_PACKAGE_LOCKS_H

#include "package/package.h"

/* Writes down a lock, if a plugin of it lies in a package. */
bool locks_remember(const char *lock, kd_error *err);

/* A known lock that names a file of the package by its digest; NULL: none does. In `a`. */
const char *locks_naming(const package *p, arena *a);

#endif
