/* SPDX-License-Identifier: Apache-2.0
 * Opening dataset plugins; see dataset_kit.h. */
#include "dataset_kit.h"

#include "data/files.h"

static bool try_open(kit *k, const char *id, const char *yaml, opened *ret, kd_error *err) {
    const kd_dataset_host host = {.size = sizeof host, .host = &kit_host, .files = files_api()};
    return kit_plugin_load(k, id, yaml, &ret->plugin, err) &&
           ret->plugin.table->open(ret->plugin.config, &host, &ret->set, err);
}

opened open_set(kit *k, const char *id, const char *yaml) {
    opened o = {.set = NULL};
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(try_open(k, id, yaml, &o, &err), err);
    return o;
}

void close_set(opened *o) {
    o->plugin.table->close(o->set);
    kit_plugin_finish(&o->plugin);
}

void expect_refused(kit *k, const char *id, const char *yaml, const char *message,
                    const char *hint) {
    opened o = {.set = NULL};
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(try_open(k, id, yaml, &o, &err), "%s was opened", yaml);
    EXPECT_IN(message, err.message);
    EXPECT_IN(hint, err.hint);
    kit_plugin_finish(&o.plugin);
}

const char *options(kit *k, const char *path, const char *more) {
    return arena_print(&k->memory, "{path: \"%s\"%s}", path, more);
}
