/* SPDX-License-Identifier: Apache-2.0
 * A registry from inside: its files in their order. */
#ifndef CORE_PLUGIN_REGISTRY_LIST_H
#define CORE_PLUGIN_REGISTRY_LIST_H

#include "plugin/registry.h"

#include "plugin/choice.h"
#include "plugin/host.h"
#include "plugin/search.h"

struct registry {
    arena a;
    int n;
    candidate *list;
    search_result places;
    plugin_host host;
    bool (*trusts)(const plugin *p, kd_error *err);
};

#endif
