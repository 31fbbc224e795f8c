/* SPDX-License-Identifier: Apache-2.0
 * The commands about packages of plugins and the keys that sign them. */
#ifndef CORE_CLI_CLI_PLUGIN_PACKAGE_H
#define CORE_CLI_CLI_PLUGIN_PACKAGE_H

#include "cli/cli.h"
#include "package/minisign.h"

bool command_plugin_pack(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_verify(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_install(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_remove(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_outdated(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_key(const command_line *in, int *ret_status, kd_error *err);
bool command_plugin_trust(const command_line *in, int *ret_status, kd_error *err);

/* The folder that --user (the default), --system or --to names, absolute; lives in `a`. name: the
 * command's, for messages. */
bool package_folder(const command_line *in, const char *name, arena *a, const char **ret,
                    kd_error *err);

/* Reads a secret key's file, which nobody else may read; asks the terminal for its password when it
 * has one. */
bool read_secret_key(const char *file, minisign_secret *ret, kd_error *err);

#endif
