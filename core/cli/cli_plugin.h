/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin list [--all] [--json]` and `kindred plugin describe ID [--json]`. */
#ifndef CORE_CLI_CLI_PLUGIN_H
#define CORE_CLI_CLI_PLUGIN_H

#include "plugin/registry.h"

/* argv[0] is "plugin". The options of take_plugin_search are taken here too. Prints to stdout;
 * fails (KD_E_INVALID: a wrong use) leaving it to main to print the error and choose the exit
 * status. */
bool command_plugin(int argc, char **argv, kd_error *err);

/* Takes the options of plugin_search out of argv, for any command: removes --plugin FILE,
 * --plugin-path DIR, --no-user-plugins from argv, lowering *argc. The texts stay argv's, the lists
 * live in `a`. fails on an option without its value. */
bool take_plugin_search(int *argc, char **argv, arena *a, plugin_search *ret, kd_error *err);

#endif
