/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin list [--all] [--json]` and `kindred plugin describe ID [--json]`. */
#ifndef CORE_CLI_CLI_PLUGIN_H
#define CORE_CLI_CLI_PLUGIN_H

#include "plugin/registry.h"

/* argv[0] is "plugin". --plugin FILE, --plugin-path DIR and --no-user-plugins are taken here too,
 * anywhere among the arguments. returns the exit status of the process: 0, 1 after an error, 2
 * after a wrong use; errors are already on stderr. */
int command_plugin(int argc, char **argv);

/* Takes the options of plugin_search out of argv, for any command: removes --plugin FILE,
 * --plugin-path DIR, --no-user-plugins from argv, lowering *argc. The texts stay argv's, the lists
 * live in `a`. fails on an option without its value. */
bool take_plugin_search(int *argc, char **argv, arena *a, plugin_search *ret, kd_error *err);

#endif
