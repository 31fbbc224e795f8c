/* SPDX-License-Identifier: Apache-2.0
 * The plugins that this host can see: found in a fixed order, judged by their notes, loaded on
 * demand.
 *
 *     const plugin_search search = {.files = files, .n_files = 1};
 *     registry *r = registry_open(&search, &err);
 *     const plugin *p = registry_load(r, KD_KIND_METHOD, "simclr", &err);
 *     const kd_method *method = p->table;
 *
 * Invariants:
 *  1. opening a registry, listing and finding run no code of a plugin; registry_load does;
 *  2. a file that bears a note is in the list, with the reason when it was refused or shadowed;
 *  3. one file is one plugin, by whatever path it is reached;
 *  4. of one kind and id at most one plugin is chosen, unless two files tie: then finding it fails.
 *
 * Where it looks, first to last: files named by --plugin, folders named by --plugin-path,
 * KINDRED_PLUGIN_PATH, $XDG_DATA_HOME/kindred/plugins/<triplet>, folders beside the program
 * (../<libdir>/kindred/plugins, plugins), /usr/local/lib/<triplet>/kindred/plugins and
 * the plugindir of the build. Never the current directory and never a path from a configuration. */
#ifndef CORE_PLUGIN_REGISTRY_H
#define CORE_PLUGIN_REGISTRY_H

#include "plugin/custom_ops.h"
#include "plugin/note.h"

#include <kindred/plugin.h>

struct plugin;
typedef struct plugin_search {
    const char *const *files; /* --plugin FILE */
    int n_files;
    const char *const *folders; /* --plugin-path DIR */
    int n_folders;
    bool no_user_plugins; /* --no-user-plugins: neither KINDRED_PLUGIN_PATH nor the home folder */
    const char *isa; /* suppose this one instead of the CPU's own; NULL: the CPU's. For tests */
    /* Whether code of the plugin may run, asked when it is loaded; NULL: it may. */
    bool (*trusts)(const struct plugin *p, kd_error *err);
} plugin_search;

typedef enum plugin_state {
    PLUGIN_CHOSEN,
    PLUGIN_SHADOWED, /* another file of its kind and id goes before it */
    PLUGIN_TIED,     /* another file claims the same id with equal right: neither can be used */
    PLUGIN_REFUSED,
} plugin_state;

typedef struct plugin {
    plugin_note note;  /* id, version, kind, options and so on; id may be NULL when refused */
    const char *path;  /* absolute */
    const char *level; /* where it was found: "--plugin", "KINDRED_PLUGIN_PATH", a folder */
    plugin_state state;
    const char *reason, *remedy; /* "" when chosen */
    /* kd_method, kd_backbone, kd_dataset, kd_eval or kd_device_plugin, of this host's full size:
     * slots that the plugin does not know read zero, and arrays inside are still stepped by their
     * stride. NULL until registry_load. */
    const void *table;
    custom_ops ops; /* that it brings; none until it is loaded */
} plugin;

typedef struct registry registry;

/* Scans. NULL when a file of --plugin bears no note, or KINDRED_PLUGIN_PATH is malformed; anything
 * less (a folder that is not there, a refused file) is no error here. Lives until after the last
 * use of any of its plugins: they own no memory themselves. */
registry *registry_open(const plugin_search *search, kd_error *err);
void registry_close(registry *r);

/* Every file with a note, sorted by kind, id, and then the best first. */
int registry_count(const registry *r);
const plugin *registry_at(const registry *r, int i);

/* The chosen plugin, not loaded. name: an id, or an id pinned to a version: "simclr@1.2.0" that
 * one, "simclr@^1.2" the same major and no older. kind 0: any. fails with a suggestion for a
 * misspelt id, and with each refused file's reason when there are only such. */
const plugin *registry_find(const registry *r, uint32_t kind, const char *name, kd_error *err);

/* The same, loaded. The second time it is the same plugin. [main thread] */
const plugin *registry_load(registry *r, uint32_t kind, const char *name, kd_error *err);

/* The kernels of a loaded plugin's ops for a device's word that are not in its own file but in a
 * companion's; asked of `trusts` as the plugin itself. [main thread] */
bool registry_companion(registry *r, const plugin *p, const char *word, const kd_op_kernel **ret,
                        int *ret_count, kd_error *err);

/* What devices and datasets are opened with; lives as long as the registry. */
const kd_host *registry_host(const registry *r);

/* What plugins.lock records beside id, version, kind, isa and path: the file's sha256, in hex. */
bool plugin_digest(const plugin *p, char ret_hex[65], kd_error *err);

#endif
