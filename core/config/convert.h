/* SPDX-License-Identifier: Apache-2.0
 * From a node to the field of an option's C type. */
#ifndef CORE_CONFIG_CONVERT_H
#define CORE_CONFIG_CONVERT_H

#include "config/tree.h"

/* Bytes of the field of an option of this type; 0 for an unknown type. */
size_t option_bytes(int type);

/* Checks a node against the option's type, range and choices, and writes the value to `field`;
 * texts and lists go to the arena. The hint is the option's help. */
bool option_convert(const config_node *node, const option *o, void *field, arena *a, kd_error *err);

/* The i-th word of "a|b|c", which need not end in 0; NULL behind the last. */
const char *choice_word(const char *choices, int i, int *ret_length);

#endif
