/* SPDX-License-Identifier: Apache-2.0
 * The forms of texts that plugins bring: what may be shown, ids, keys, versions and pins. */
#ifndef CORE_PLUGIN_TEXT_H
#define CORE_PLUGIN_TEXT_H

#include <stdbool.h>

bool text_is_plain(const char *text); /* UTF-8 without control characters */
bool text_is_id(const char *text);    /* "simclr", "org.example.simclr": [a-z0-9][a-z0-9_.-]* */
bool text_is_key(const char *text);   /* [a-z_][a-z0-9_]* */

/* "simclr" of "org.example.simclr"; and whether a name is "simclr::" and a key, for that id. */
const char *text_label(const char *id);
bool text_is_op(const char *name, const char *id);

/* Versions are semver's "1.2.3" or "1.2.3-rc.1"; a build tag "+..." is allowed and means nothing.
 */
bool version_parses(const char *version);
int version_compare(const char *a, const char *b); /* < 0: a is older. Both must parse. */

/* pin: "" any, "1.2.0" that one, "^1.2" the same major (of 0.x: the same minor) and no older.
 * Parts that a caret leaves out read 0. */
bool pin_parses(const char *pin);
bool pin_accepts(const char *pin, const char *version);

#endif
