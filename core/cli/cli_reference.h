/* SPDX-License-Identifier: Apache-2.0
 * Pages of docs/reference, to standard output. */
#ifndef CORE_CLI_CLI_REFERENCE_H
#define CORE_CLI_CLI_REFERENCE_H

#include "plugin/registry.h"

/* A table of them. */
void print_options(const option *options, int count);
void print_plugin_page(const plugin *p);
/* The host's own keys, and the named recipes. */
void print_run_page(void);

#endif
