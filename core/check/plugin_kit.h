/* SPDX-License-Identifier: Apache-2.0
 * What rules that call a plugin share: the plugin loaded beside kindred's own, its options, the
 * reference device, the features and images that it is given. */
#ifndef CORE_CHECK_PLUGIN_KIT_H
#define CORE_CHECK_PLUGIN_KIT_H

#include "check/plugin_rule.h"

#include "graph/engine.h"
#include "plugin/host.h"
#include "plugin/registry.h"

#include <kindred/eval.h>
#include <kindred/method.h>

typedef struct plugin_kit {
    arena memory;
    registry *plugins;
    const plugin *subject; /* the plugin that is checked, loaded */
    const char *options;   /* its own, as YAML; NULL: its defaults */
    plugin_host host;
    const kd_device_plugin *device_table; /* the reference device */
    kd_device *device;
    op_set *ops; /* that the subject brings */
} plugin_kit;

/* Loads; where it cannot, the rule has failed, or is skipped when kindred's own reference device is
 * not to be found. */
bool kit_open(plugin_kit *k, plugin_case *c);

/* A plugin's struct of options from YAML ("{width: 8}"), in the kit; NULL: those that the check was
 * asked to use, else its defaults. NULL when they do not fit. */
const void *kit_config(plugin_kit *k, const plugin *p, const char *yaml, kd_error *err);

/* One of kindred's own plugins, loaded; NULL: it is not to be found. */
const plugin *kit_own(plugin_kit *k, uint32_t kind, const char *id, kd_error *err);

/* True when the plugin has an option of that name. */
bool kit_has_option(const plugin *p, const char *name);

/* In [-1, 1): the i-th draw of a stream. */
double kit_draw(uint64_t seed, uint64_t stream, uint64_t i);

/* The first `bytes` of a table, with that size, whose end is the end of memory: what reads further
 * dies. NULL: no memory. */
const void *kit_at_the_edge(const void *table, size_t bytes);

#endif
