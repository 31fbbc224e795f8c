/* SPDX-License-Identifier: Apache-2.0
 * The plugins that this host can see: files -> notes -> an ordered list -> one loaded on demand. */
#include "plugin/registry_list.h"

#include "base/log.h"
#include "base/sha256.h"
#include "plugin/companion.h"
#include "plugin/isa.h"
#include "plugin/loader.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool seen(const registry *r, const struct stat *status) {
    for (int i = 0; i < r->n; i++) {
        if (r->list[i].device == status->st_dev && r->list[i].inode == status->st_ino) {
            return true;
        }
    }
    return false;
}

/* Reads one file's note. fails only for a file that --plugin names: that one must be a plugin. */
static bool examine(registry *r, const search_hit *hit, const char *isa, kd_error *err) {
    struct stat status = {0};
    kd_error why = KD_ERROR_INIT;
    if (stat(hit->path, &status) == 0 && seen(r, &status)) {
        return true;
    }
    candidate c = {
        .rank = hit->rank, .named = hit->named, .device = status.st_dev, .inode = status.st_ino};
    note_outcome outcome = note_read(hit->path, &r->a, &c.plugin.note, &why);
    if (outcome != NOTE_READ && hit->named) {
        kd_fail(err, why.code, "--plugin %s: %s", hit->path, why.message);
        return kd_hint(err, "%s", why.hint[0] ? why.hint : "give the .so file of a plugin");
    }
    if (outcome == NOTE_ABSENT) {
        return true;
    }
    c.plugin.path = hit->path;
    c.plugin.level = hit->level;
    if (outcome == NOTE_READ) {
        candidate_judge(&c, isa, &r->a);
    } else {
        candidate_refuse(&c, arena_text(&r->a, why.message), arena_text(&r->a, why.hint));
    }
    r->list[r->n++] = c;
    return true;
}

registry *registry_open(const plugin_search *search, kd_error *err) {
    registry *r = kd_alloc(sizeof *r);
    const char *isa = search->isa ? search->isa : isa_of_this_cpu();
    plugin_host_init(&r->host);
    r->trusts = search->trusts;
    if (!search_files(search, &r->a, &r->places, err)) {
        goto fail;
    }
    r->list = arena_alloc(&r->a, ((size_t)r->places.n_hits + 1) * sizeof *r->list);
    for (int i = 0; i < r->places.n_hits; i++) {
        if (!examine(r, &r->places.hits[i], isa, err)) {
            goto fail;
        }
    }
    candidates_order(r->list, r->n, &r->a);
    return r;

fail:
    registry_close(r);
    return NULL;
}

void registry_close(registry *r) {
    if (r) {
        plugin_host_finish(&r->host);
        arena_free(&r->a);
        free(r);
    }
}

int registry_count(const registry *r) {
    return r->n;
}

const plugin *registry_at(const registry *r, int i) {
    return &r->list[i].plugin;
}

/* A refused file that would have gone first is worth a word: its owner expects it to be used. */
static void warn_of_better(const registry *r, const candidate *chosen) {
    for (int i = 0; i < r->n; i++) {
        const candidate *c = &r->list[i];
        if (c->plugin.state == PLUGIN_REFUSED && c->rank < chosen->rank && c->plugin.note.id &&
            c->plugin.note.kind == chosen->plugin.note.kind &&
            strcmp(c->plugin.note.id, chosen->plugin.note.id) == 0) {
            log_line(KD_LOG_WARN, "%s is passed over for %s: %s", c->plugin.path,
                     chosen->plugin.path, c->plugin.reason);
        }
    }
}

const plugin *registry_load(registry *r, uint32_t kind, const char *name, kd_error *err) {
    const plugin *found = registry_find(r, kind, name, err);
    if (!found || found->table) {
        return found;
    }
    candidate *c = &r->list[(const candidate *)found - r->list];
    warn_of_better(r, c);
    if (r->trusts && !r->trusts(found, err)) {
        return NULL;
    }
    c->plugin.table = loader_open(found->path, &found->note, &r->host, &r->a, &c->plugin.ops, err);
    return c->plugin.table ? &c->plugin : NULL;
}

bool registry_companion(registry *r, const plugin *p, const char *word, const kd_op_kernel **ret,
                        int *ret_count, kd_error *err) {
    plugin companion = *p;
    companion.path = companion_path(p->path, word, &r->a);
    return (!r->trusts || access(companion.path, R_OK) != 0 || r->trusts(&companion, err)) &&
           companion_open(p->path, &p->note, word, &r->a, ret, ret_count, err);
}

const kd_host *registry_host(const registry *r) {
    return &r->host.table;
}

bool plugin_digest(const plugin *p, char ret_hex[65], kd_error *err) {
    return sha256_file(p->path, ret_hex, err);
}
