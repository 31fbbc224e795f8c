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

/* `kindred plugin --help`. */
void print_plugin_help(FILE *to);

/* The command that argv[0] names ("list"). fails with E_USAGE, suggesting one */
const command *find_plugin_command(int argc, char **argv, kd_error *err);

#endif
