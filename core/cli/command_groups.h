/* SPDX-License-Identifier: Apache-2.0
 * Words that several commands go under: `kindred plugin list`, `kindred pairs build`. */
#ifndef CORE_CLI_COMMAND_GROUPS_H
#define CORE_CLI_COMMAND_GROUPS_H

#include "cli/cli.h"

typedef struct command_group {
    const char *name;        /* "plugin" */
    const char *summary;     /* a line */
    const command *commands; /* whose names are whole: "plugin list"; ends in a name of NULL */
} command_group;

/* Ends in a name of NULL. */
extern const command_group command_groups[];

/* The group of that name, or NULL. */
const command_group *find_group(const char *name);

/* `kindred plugin --help`. */
void print_group_help(const command_group *g, FILE *to);

/* The command that argv[0] names ("list"). fails with E_USAGE, suggesting one */
const command *find_group_command(const command_group *g, int argc, char **argv, kd_error *err);

#endif
