/* SPDX-License-Identifier: Apache-2.0
 * Loads dataset plugins of this build for tests. */
#include "config/config.h"
#include "data_kit.h"
#include "plugin/registry.h"

#include <stdlib.h>

bool kit_plugin_load(kit *k, const char *id, const char *yaml, kit_plugin *ret, kd_error *err) {
    const char *folder = getenv("KINDRED_TEST_PLUGINS");
    cr_assert(folder, "KINDRED_TEST_PLUGINS names no folder");
    const char *file = arena_print(&k->memory, "%s/datasets/%s.so", folder, id);
    const plugin_search search = {.files = &file, .n_files = 1, .no_user_plugins = true};
    registry *r = registry_open(&search, err);
    cr_assert(r, "%s", err->message);
    const plugin *p = registry_load(r, KD_KIND_DATASET, id, err);
    cr_assert(p, "%s", err->message);
    config *c = config_load_text("options", yaml, strlen(yaml), NULL, 0, err);
    cr_assert(c, "%s", err->message);
    void *filled = arena_alloc(&k->memory, p->note.config_size);
    const bool good = config_fill(config_root(c), p->note.options, p->note.n_options, NULL, filled,
                                  p->note.config_size, &k->memory, err);
    config_destroy(c);
    *ret = (kit_plugin){p->table, filled, p->note.id, p->note.version, r};
    return good;
}

void kit_plugin_finish(kit_plugin *p) {
    registry_close(p->plugins);
}
