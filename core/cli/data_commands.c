/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred data`, and what `--help` says about them. */
#include "cli/cli_data.h"

const command data_commands[] = {
    {"data list", "", NULL, "list public sets",
     "kindred data list\n"
     "\n"
     "Lists the public sets that `kindred data fetch` knows: size of the download, terms of use,\n"
     "and address. Nothing is fetched.\n",
     command_data_list},
    {"data fetch", "to from", "NAME", "download a public set",
     "kindred data fetch NAME [options]\n"
     "\n"
     "Downloads a public set from its publisher and compares it with the published checksum; a "
     "set\n"
     "without one says so. Archives stay as they are: datasets read them in place. Prints the "
     "lines\n"
     "of a YAML file that use it. Whether the terms of use allow yours is for you to see.\n"
     "\n"
     "An interrupted download keeps FILE.part, and the same command goes on from there. What has "
     "a\n"
     "wrong checksum is kept as FILE.wrong.\n"
     "\n"
     "  --to DIR            the folder to fetch into (default: data/NAME)\n"
     "  --from URL          the folder of a mirror that has the same files\n",
     command_data_fetch},
    {.name = NULL},
};
