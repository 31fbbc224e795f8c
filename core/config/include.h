/* SPDX-License-Identifier: Apache-2.0
 * `include: FILE` or `include: [FILE, ...]` in any map of a file. */
#ifndef CORE_CONFIG_INCLUDE_H
#define CORE_CONFIG_INCLUDE_H

#include "config/tree.h"

/* Replaces every `include` in the tree by the maps of the files, which lie under what their
 * includer says: config.h tells the rules. fails at the key that names the file. */
bool include_resolve(config *c, config_node *root, kd_error *err);

#endif
