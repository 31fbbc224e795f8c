/* SPDX-License-Identifier: Apache-2.0
 * `include:`, which puts the maps of other files under a map of this one. */
#include "config/include.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INCLUDE_KEY "include"

typedef struct includer {
    config *config;
    kd_error *err;
} includer;

/* A name relative to the file that names it. */
static const char *beside(arena *a, const source *from, const char *name) {
    const char *slash = strrchr(from->name, '/');
    return *name == '/' || !slash
               ? name
               : arena_print(a, "%.*s%s", (int)(slash - from->name) + 1, from->name, name);
}

static bool is_same_file(const source *from, const struct stat *file) {
    return from->is_file && from->device == file->st_dev && from->inode == file->st_ino;
}

/* A file that is being read already would never end. */
static bool check_circle(const includer *in, const config_node *at, const struct stat *file) {
    int depth = 0;
    for (const source *from = at->source; from; from = from->includer) {
        if (is_same_file(from, file)) {
            config_fail(at, in->err, "%s includes itself", from->name);
            return kd_hint(in->err, "a file must not be reached from itself: keep what both need "
                                    "in a third one");
        }
        if (++depth > MAX_INCLUDES) {
            return config_fail(at, in->err, "files include one another more than %d deep",
                               MAX_INCLUDES);
        }
    }
    return true;
}

/* Told where it is included from. */
static bool cannot_read(const includer *in, const config_node *at, const char *path,
                        const char *why) {
    config_fail(at, in->err, "%s: %s", path, why);
    return kd_hint(in->err, "the path is relative to %s", at->source->name);
}

static bool read_file(includer *in, const config_node *at, const char *path, char **ret,
                      size_t *ret_bytes, struct stat *ret_file) {
    kd_error why = KD_ERROR_INIT;
    if (stat(path, ret_file) != 0) {
        return cannot_read(in, at, path, strerror(errno));
    }
    if (!S_ISREG(ret_file->st_mode)) { /* a pipe might never end */
        return cannot_read(in, at, path, "not a file");
    }
    if (!check_circle(in, at, ret_file)) {
        return false;
    }
    if (!file_read(path, MAX_FILE_BYTES, ret, ret_bytes, &why)) {
        config_fail(at, in->err, "%s", why.message);
        return kd_hint(in->err, "%s", why.hint);
    }
    in->config->bytes += *ret_bytes;
    if (in->config->bytes > MAX_FILE_BYTES) {
        free(*ret);
        return config_fail(at, in->err, "all files together are longer than %zu bytes",
                           MAX_FILE_BYTES);
    }
    return true;
}

/* The map of a file that `map` includes; NULL on failure. */
static config_node *read_map(includer *in, const config_node *map, const config_node *at,
                             const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    struct stat file;
    if (!read_file(in, at, path, &text, &bytes, &file)) {
        return NULL;
    }
    source *from = arena_alloc(&in->config->arena, sizeof *from);
    *from = (source){.name = arena_text(&in->config->arena, path),
                     .includer = at->source,
                     .inner = at->source->inner || map->parent,
                     .is_file = true,
                     .device = file.st_dev,
                     .inode = file.st_ino};
    config_node *root = tree_parse_map(in->config, from, text, bytes, in->err);
    free(text);
    return root;
}

static bool resolve(includer *in, config_node *node, int depth);

/* Puts under `map` what the file that the text `at` names says. */
static bool include(includer *in, config_node *map, const config_node *at, int depth) {
    const char *name = "";
    if (!config_get_text(at, &name, in->err)) {
        return kd_hint(in->err, "include: FILE, or a list of files");
    }
    if (at->source->key) {
        config_fail(at, in->err, "only a file can include others");
        return kd_hint(in->err, "write it into the YAML file");
    }
    config_node *under = read_map(in, map, at, beside(&in->config->arena, at->source, name));
    if (!under || !resolve(in, under, depth)) {
        return false;
    }
    node_merge_under(map, under);
    return true;
}

/* The last of several files wins, so that it comes first here. */
static bool include_all(includer *in, config_node *map, const config_node *list, int depth) {
    if (list->kind != CONFIG_LIST) {
        return include(in, map, list, depth);
    }
    for (int i = list->count - 1; i >= 0; i--) {
        if (!include(in, map, list->item[i], depth)) {
            return false;
        }
    }
    return true;
}

static bool resolve(includer *in, config_node *node, int depth) {
    if (depth > MAX_DEPTH) {
        return config_fail(node, in->err, "nested more than %d deep", MAX_DEPTH);
    }
    const config_node *list = node->kind == CONFIG_MAP ? node_child(node, INCLUDE_KEY) : NULL;
    if (list) {
        node_remove(node, list);
    }
    for (int i = 0; i < node->count; i++) {
        if (!resolve(in, node->item[i], depth + 1)) {
            return false;
        }
    }
    return !list || include_all(in, node, list, depth);
}

bool include_resolve(config *c, config_node *root, kd_error *err) {
    includer in = {.config = c, .err = err};
    return resolve(&in, root, 0);
}
