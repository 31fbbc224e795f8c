/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred plugin`. */
#ifndef CORE_CLI_CLI_PLUGIN_H
#define CORE_CLI_CLI_PLUGIN_H

#include "cli/cli.h"

/* Names are whole: "plugin list". Ends in a name of NULL. */
extern const command plugin_commands[];

bool command_plugin_list(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_describe(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_check(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_new(const command_line *in, int *ret_status, kd_error *err);

#endif
