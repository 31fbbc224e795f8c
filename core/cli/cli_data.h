/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred data`. */
#ifndef CORE_CLI_CLI_DATA_H
#define CORE_CLI_CLI_DATA_H

#include "cli/cli.h"

/* Names are whole: "data list". Ends in a name of NULL. */
extern const command data_commands[];

bool command_data_list(const command_line *in, int *ret_status, kd_error *err);
bool command_data_fetch(const command_line *in, int *ret_status, kd_error *err);

#endif
