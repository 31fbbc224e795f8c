/* SPDX-License-Identifier: Apache-2.0
 * Finds and configures what a checked plugin is called with. */
#include "check/plugin_kit.h"

#include "config/config.h"

#include <sys/mman.h>
#include <unistd.h>

static bool bring_ops(plugin_kit *k, plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    const custom_ops *ops = &k->subject->ops;
    const op_source source = {.plugin = k->subject->note.id,
                              .ops = ops->ops,
                              .n_ops = ops->n_ops,
                              .kernels = ops->kernels,
                              .n_kernels = ops->n_kernels};
    k->ops = op_set_create(&k->host.table);
    for (int i = 0; i < k->subject->note.n_ops; i++) {
        const note_op *op = &k->subject->note.ops[i];
        op_set_mention(k->ops, k->subject->note.id, op->name, op->devices);
    }
    if (!op_set_add(k->ops, &source, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
        return false;
    }
    return true;
}

bool kit_open(plugin_kit *k, plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    *k = (plugin_kit){.options = c->options};
    const char **files = arena_alloc(&k->memory, sizeof *files);
    files[0] = c->path;
    const plugin_search search = {.files = files, .n_files = 1};
    plugin_host_init(&k->host);
    k->plugins = registry_open(&search, &err);
    k->subject = k->plugins ? registry_load(k->plugins, c->note->kind, c->note->id, &err) : NULL;
    if (!k->subject) {
        rule_fail(c, "%s; %s", err.message, err.hint);
        return false;
    }
    const plugin *device = kit_own(k, KD_KIND_DEVICE, "reference", &err);
    const void *options = device ? kit_config(k, device, NULL, &err) : NULL;
    k->device_table = device ? device->table : NULL;
    if (!options || !k->device_table->open(options, &k->host.table, &k->device, &err)) {
        rule_skip(c, "kindred's reference device: %s", err.message);
        return false;
    }
    return bring_ops(k, c);
}

const void *kit_config(plugin_kit *k, const plugin *p, const char *yaml, kd_error *err) {
    const char *text = yaml ? yaml : p == k->subject && k->options ? k->options : "{}";
    config *c = config_load_text(p->note.id, text, strlen(text), NULL, 0, err);
    void *into = arena_alloc(&k->memory, p->note.config_size + 1);
    const bool ok = c && config_fill(config_root(c), p->note.options, p->note.n_options, NULL, into,
                                     p->note.config_size, &k->memory, err);
    if (c) {
        config_destroy(c);
    }
    return ok ? into : NULL;
}

const plugin *kit_own(plugin_kit *k, uint32_t kind, const char *id, kd_error *err) {
    return registry_load(k->plugins, kind, id, err);
}

bool kit_has_option(const plugin *p, const char *name) {
    for (int i = 0; i < p->note.n_options; i++) {
        if (strcmp(p->note.options[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

double kit_draw(uint64_t seed, uint64_t stream, uint64_t i) {
    const uint64_t x = mix(mix(seed * 0x9e3779b97f4a7c15u + stream) + i * 0x9e3779b97f4a7c15u);
    return (double)(x >> 11) / 4503599627370496.0 - 1;
}

const void *kit_at_the_edge(const void *table, size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0) {
        return NULL;
    }
    const uint32_t size = (uint32_t)bytes;
    char *copy = memory + page - bytes;
    memcpy(copy, table, bytes);
    memcpy(copy, &size, sizeof size);
    return copy;
}
