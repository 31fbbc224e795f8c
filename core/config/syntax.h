/* SPDX-License-Identifier: Apache-2.0
 * What libyaml says about a text that is no YAML, in one line and with advice. */
#ifndef CORE_CONFIG_SYNTAX_H
#define CORE_CONFIG_SYNTAX_H

#include "config/tree.h"

#include <yaml.h>

/* Returns false. */
bool syntax_fail(const yaml_parser_t *parser, const source *from, kd_error *err);

#endif
