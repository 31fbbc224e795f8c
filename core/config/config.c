/* SPDX-License-Identifier: Apache-2.0
 * Loading a configuration, from a file or a text, and ending it. */
#include "config/config.h"

#include "base/file.h"
#include "config/include.h"

#include <stdlib.h>
#include <sys/stat.h>

config_node *tree_parse_map(config *c, const source *from, const char *text, size_t bytes,
                            kd_error *err) {
    config_node *root = tree_parse(c, from, text, bytes, err);
    if (root && root->kind == CONFIG_NULL) {
        root->kind = CONFIG_MAP;
    }
    if (root && root->kind != CONFIG_MAP) {
        char found[DESCRIPTION_BYTES];
        config_fail(root, err, "expected keys and values, got %s", node_describe(root, found));
        kd_hint(err, "a configuration looks like this: `seed: 1`, one key a line");
        return NULL;
    }
    return root;
}

static bool load_tree(config *c, const char *name, const char *text, size_t bytes, kd_error *err) {
    source *from = arena_alloc(&c->arena, sizeof *from);
    struct stat file;
    from->name = arena_text(&c->arena, name);
    from->is_file = stat(name, &file) == 0;
    if (from->is_file) {
        from->device = file.st_dev;
        from->inode = file.st_ino;
    }
    if (bytes > MAX_FILE_BYTES) {
        kd_fail(err, KD_E_INVALID, "%s: longer than %zu bytes", name, MAX_FILE_BYTES);
        return kd_hint(err, "this is not a configuration");
    }
    c->bytes = bytes;
    c->root = tree_parse_map(c, from, text, bytes, err);
    return c->root && include_resolve(c, c->root, err);
}

config *config_load_text(const char *name, const char *text, size_t bytes,
                         const char *const *overrides, int count, kd_error *err) {
    config *c = kd_alloc(sizeof *c);
    bool done = load_tree(c, name, text, bytes, err);
    for (int i = 0; done && i < count; i++) {
        done = tree_override(c, overrides[i], err);
    }
    if (!done) {
        config_destroy(c);
        return NULL;
    }
    return c;
}

config *config_load(const char *path, const char *const *overrides, int count, kd_error *err) {
    char *text;
    size_t bytes;
    if (!file_read(path, MAX_FILE_BYTES, &text, &bytes, err)) {
        return NULL;
    }
    config *c = config_load_text(path, text, bytes, overrides, count, err);
    free(text);
    return c;
}

void config_destroy(config *c) {
    if (c) {
        arena inside = c->arena;
        arena_free(&inside);
        free(c);
    }
}

const config_node *config_root(const config *c) {
    return c->root;
}
