/* SPDX-License-Identifier: Apache-2.0
 * Where keys, revocations, policies and known locks lie: the system's place first, then the user's.
 * No variable of kindred's own names such a place, so nothing but the owner of HOME moves them. */
#ifndef CORE_PACKAGE_PLACES_H
#define CORE_PACKAGE_PLACES_H

#include "base/arena.h"

#include <kindred/error.h>

/* Folders of configuration, first to last; returns how many, at most 2. Texts live in `a`. The last
 * is where the user's own keys go. */
int places_config(arena *a, const char *ret[2]);

const char *places_system_config(void);

/* The user's folder of configuration or state ("locks" is below it); NULL: there is no home. */
const char *places_user_config(arena *a);
const char *places_user_state(arena *a);

/* Whether only root, this user and the program's owner may write to a file or folder, and to every
 * folder above it; who may rename a folder may replace what is in it. fails naming the first that
 * is open to others, and the command that closes it. */
bool places_private(const char *path, kd_error *err);

#endif
