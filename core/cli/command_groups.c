/* SPDX-License-Identifier: Apache-2.0
 * Finding the command that two words name. */
#include "cli/command_groups.h"

#include "cli/cli_data.h"
#include "cli/cli_pairs.h"
#include "cli/cli_plugin.h"

#include "base/suggest.h"

#include <string.h>

const command_group command_groups[] = {
    {"data", "list and download public sets", data_commands},
    {"pairs", "make, find and look through pairs of images", pairs_commands},
    {"plugin", "find, make and check plugins", plugin_commands},
    {.name = NULL},
};

const command_group *find_group(const char *name) {
    for (const command_group *g = command_groups; g->name; g++) {
        if (strcmp(name, g->name) == 0) {
            return g;
        }
    }
    return NULL;
}

static const char *own_name(const command_group *g, const command *c) {
    return c->name + strlen(g->name) + 1;
}

void print_group_help(const command_group *g, FILE *to) {
    fprintf(to, "kindred %s COMMAND ...: %s\n\n", g->name, g->summary);
    for (const command *c = g->commands; c->name; c++) {
        fprintf(to, "  %-9s %s\n", own_name(g, c), c->summary);
    }
    fprintf(to, "\nkindred %s COMMAND --help says more.\n", g->name);
}

const command *find_group_command(const command_group *g, int argc, char **argv, kd_error *err) {
    enum { MOST = 64 };
    const char *names[MOST];
    int count = 0;
    for (const command *c = g->commands; c->name; c++) {
        if (argc > 0 && strcmp(argv[0], own_name(g, c)) == 0) {
            return c;
        }
        if (count < MOST) {
            names[count++] = own_name(g, c);
        }
    }
    const char *near = argc > 0 ? suggest(argv[0], names, count) : NULL;
    if (argc == 0) {
        kd_fail(err, E_USAGE, "%s: which command is missing", g->name);
    } else if (near) {
        kd_fail(err, E_USAGE, "%s %s: unknown command; did you mean %s?", g->name, argv[0], near);
    } else {
        kd_fail(err, E_USAGE, "%s %s: unknown command", g->name, argv[0]);
    }
    kd_hint(err, "kindred %s --help", g->name);
    return NULL;
}
