/* SPDX-License-Identifier: Apache-2.0
 * What `kindred plugin list` and `describe` call things alike. */
#ifndef CORE_CLI_CLI_PLUGIN_WORDS_H
#define CORE_CLI_CLI_PLUGIN_WORDS_H

#include "plugin/registry.h"

#include <jansson.h>

/* "ok", "shadowed", "tied", "refused" */
const char *plugin_state_word(plugin_state state);

/* "method", ...; "-" where the note could not be read. */
const char *plugin_kind_word(const plugin *p);

/* "-" for what is not said. */
const char *text_or_dash(const char *text);

/* A plugin as an object; the caller decrefs. */
json_t *plugin_json(const plugin *p, bool with_options);

/* Prints a value and takes it over. */
void print_json(json_t *value);

#endif
