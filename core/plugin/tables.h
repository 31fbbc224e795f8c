/* SPDX-License-Identifier: Apache-2.0
 * The five kinds' tables: their sizes, and the slots that must be there. */
#ifndef CORE_PLUGIN_TABLES_H
#define CORE_PLUGIN_TABLES_H

#include "base/arena.h"

#include <kindred/error.h>

/* A copy of a plugin's table in `a`, of this host's size: what the plugin's is shorter by reads
 * zero, and optional functions that are absent are replaced by ones that give their documented
 * nothing (kd_dataset.class_name: NULL; kd_device_plugin.overhead: 0). fails naming the slot that
 * is missing or wrong. */
const void *table_copy(uint32_t kind, const void *table, arena *a, kd_error *err);

#endif
