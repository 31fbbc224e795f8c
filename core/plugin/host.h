/* SPDX-License-Identifier: Apache-2.0
 * What the host hands to every plugin: log, threads, extensions. */
#ifndef CORE_PLUGIN_HOST_H
#define CORE_PLUGIN_HOST_H

#include "base/threads.h"

#include <kindred/plugin.h>

/* Its address is the kd_host that plugins get, so `table` comes first. */
typedef struct plugin_host {
    kd_host table;
    pool *workers; /* made by the first parallel_for */
} plugin_host;

void plugin_host_init(plugin_host *host);
void plugin_host_finish(plugin_host *host);

#endif
