/* SPDX-License-Identifier: Apache-2.0
 * Lists a run's plugins, and gathers their ops. */
#include "train/run_plugins.h"

#include "base/sha256.h"
#include "graph/op_kernel.h"
#include "plugin/companion.h"

#include <unistd.h>

static void add(plugin_list *list, const plugin *p) {
    for (int i = 0; i < list->n; i++) {
        if (strcmp(list->items[i]->path, p->path) == 0) {
            return;
        }
    }
    list->items[list->n++] = p;
}

plugin_list run_plugins(const run *r, const plugin *device, arena *a) {
    const size_t most = 4 + 3 * (size_t)r->n_evals;
    plugin_list list = {.items = arena_alloc(a, most * sizeof *list.items)};
    if (device) {
        add(&list, device);
    }
    add(&list, r->data.part.plugin);
    add(&list, r->backbone.plugin);
    add(&list, r->method.plugin);
    for (int i = 0; i < r->n_evals; i++) {
        add(&list, r->evals[i].part.plugin);
        add(&list, r->evals[i].train.part.plugin);
        add(&list, r->evals[i].test.part.plugin);
    }
    return list;
}

bool companion_digests(const plugin *p, arena *a, const char **ret, kd_error *err) {
    const char *const *words;
    const char *text = "";
    const int n = companion_words(&p->note, a, &words);
    for (int i = 0; i < n; i++) {
        char digest[SHA256_HEX];
        const char *file = companion_path(p->path, words[i], a);
        if (access(file, R_OK) != 0) {
            continue;
        }
        if (!sha256_file(file, digest, err)) {
            return false;
        }
        text = arena_print(a, "%s%s%s %s", text, *text ? " " : "", words[i], digest);
    }
    *ret = text;
    return true;
}

static bool has_kernel(const plugin *p, const char *op, const char *word) {
    for (int i = 0; i < p->ops.n_kernels; i++) {
        const kd_op_kernel *k = &p->ops.kernels[i];
        if (strcmp(k->op, op) == 0 && strcmp(k->device, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the note says that there are kernels for that device which its own file does not have. */
static bool wants_companion(const plugin *p, const char *word) {
    for (int i = 0; i < p->note.n_ops; i++) {
        const note_op *op = &p->note.ops[i];
        if (words_have(op->devices, word) && !has_kernel(p, op->name, word)) {
            return true;
        }
    }
    return false;
}

static bool add_companion(op_set *ops, registry *plugins, const plugin *p, const char *word,
                          kd_error *err) {
    op_source s = {.plugin = p->note.id};
    return registry_companion(plugins, p, word, &s.kernels, &s.n_kernels, err) &&
           op_set_add(ops, &s, err);
}

static const char *named(const plugin *p, arena *a) {
    return arena_print(a, "%s %s", p->note.id, p->note.version);
}

bool companions_add(op_set *ops, const char *accepts, registry *plugins, const plugin *p,
                    kd_error *err) {
    arena a = {0};
    bool ok = true;
    for (const char *at = accepts; ok && *at;) {
        const size_t length = strcspn(at, " ");
        const char *word = arena_copy(&a, at, length);
        ok = !wants_companion(p, word) || add_companion(ops, plugins, p, word, err);
        at += length + strspn(at + length, " ");
    }
    arena_free(&a);
    return ok;
}

static bool add_ops(op_set *ops, const char *accepts, registry *plugins, const plugin *p, arena *a,
                    kd_error *err) {
    const op_source source = {.plugin = named(p, a),
                              .ops = p->ops.ops,
                              .n_ops = p->ops.n_ops,
                              .kernels = p->ops.kernels,
                              .n_kernels = p->ops.n_kernels};
    return p->ops.n_ops == 0 ||
           (op_set_add(ops, &source, err) && companions_add(ops, accepts, plugins, p, err));
}

static void mention_all(op_set *ops, const registry *plugins, arena *a) {
    for (int i = 0; i < registry_count(plugins); i++) {
        const plugin *p = registry_at(plugins, i);
        for (int k = 0; p->state != PLUGIN_REFUSED && k < p->note.n_ops; k++) {
            const note_op *op = &p->note.ops[k];
            op_set_mention(ops, named(p, a), op->name, op->devices);
        }
    }
}

bool run_ops(const run *r, const machine *m, registry *plugins, op_set **ret, kd_error *err) {
    arena a = {0};
    op_set *ops = op_set_create(registry_host(plugins));
    const op_device on = op_device_of(m->table, m->device, NULL);
    const plugin_list list = run_plugins(r, m->plugin, &a);
    bool ok = true;
    mention_all(ops, plugins, &a);
    for (int i = 0; i < list.n && ok; i++) {
        ok = add_ops(ops, on.accepts, plugins, list.items[i], &a, err);
    }
    arena_free(&a);
    if (!ok) {
        op_set_destroy(ops);
        return false;
    }
    *ret = ops;
    return true;
}
