/* SPDX-License-Identifier: Apache-2.0
 * What a plain scalar means under YAML 1.2's core schema.
 *
 * source  YAML 1.2.2, 10.3.2 "Tag Resolution" */
#ifndef CORE_CONFIG_SCALAR_H
#define CORE_CONFIG_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#define SCALAR_NULL 1 /* "", "~", "null" */
#define SCALAR_BOOL 2
#define SCALAR_INT 3   /* 12, -3, 0x1f, 0o17 */
#define SCALAR_FLOAT 4 /* 1.5, .5, 1e-3, .inf, .nan */
#define SCALAR_TEXT 5
int scalar_kind(const char *text);

/* False when it is of another kind, or too large for 64 bits. A float may be written whole. */
bool scalar_bool(const char *text, bool *ret);
bool scalar_int(const char *text, int64_t *ret);
bool scalar_float(const char *text, double *ret);

#endif
