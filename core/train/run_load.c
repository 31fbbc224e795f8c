/* SPDX-License-Identifier: Apache-2.0
 * From YAML to a run. */
#include "train/run_internal.h"

#include "base/file.h"

#include <stdlib.h>

/* `include` is never there any more, but may have been meant. */
static const char *const root_keys[] = {"device",    "data",     "views", "backbone", "method",
                                        "optimizer", "schedule", "train", "probe",    "checkpoint",
                                        "evals",     "include",  NULL};

/* "examples/tiny.yaml" -> "tiny" */
static const char *stem(arena *a, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return arena_copy(a, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

/* A name is a folder's, so it has no slashes and no way out. */
static bool check_name(const run *r, const config_node *root, kd_error *err) {
    const char *name = r->keys.name;
    const config_node *node = config_child(root, "name");
    if (!*name || *name == '.' || strchr(name, '/')) {
        return config_fail(node ? node : root, err, "'%s' cannot be the name of a folder", name);
    }
    if (file_is_beside(name)) {
        config_fail(node ? node : root, err, "'%s' is a name of what is left over", name);
        return kd_hint(err, "NAME.tmp-NUMBER is what a process that is killed leaves, and the next "
                            "one removes");
    }
    return true;
}

static bool read_device(run_reader *reader, const config_node *root) {
    const config_node *node = config_child(root, "device");
    const char *word = "auto";
    if (config_kind(node) == CONFIG_MAP) {
        return read_part(reader, node, "device", NULL, &reader->run->device, NULL, 0);
    }
    if (node && !config_get_text(node, &word, reader->err)) {
        return false;
    }
    if (strcmp(word, "auto") != 0) {
        config_fail(node, reader->err, "'%s' is neither auto nor a map", word);
        return kd_hint(reader->err, "for a device by name: device: {plugin: %s}", word);
    }
    return true;
}

static bool read_views(run_reader *reader, const config_node *root) {
    run *r = reader->run;
    const config_node *list = config_child(root, "views");
    if (config_kind(list) != CONFIG_LIST || config_count(list) == 0) {
        config_fail(list ? list : root, reader->err, "%s",
                    list ? "must be a list of views" : "views: missing");
        return kd_hint(reader->err, "for example: views: [{recipe: simclr, size: 64, count: 2}]");
    }
    /* What the images are is not known yet; how the views are written can be checked already. */
    const recipe_source any = {.channels = 3, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    r->views = list;
    return recipe_parse(list, &any, &r->memory, &r->view_list, reader->err);
}

static bool read_rest(run_reader *reader, const config_node *root) {
    run *r = reader->run;
    return read_section(reader, config_section(root, "optimizer"), "optimizer", NULL, &r->optimizer,
                        sizeof r->optimizer) &&
           read_section(reader, config_section(root, "schedule"), "schedule", NULL, &r->schedule,
                        sizeof r->schedule) &&
           read_section(reader, config_section(root, "train"), "train", NULL, &r->train,
                        sizeof r->train) &&
           read_section(reader, config_section(root, "probe"), "probe", NULL, &r->probe,
                        sizeof r->probe) &&
           read_section(reader, config_section(root, "checkpoint"), "checkpoint", NULL,
                        &r->checkpoint, sizeof r->checkpoint);
}

static bool read_run(run_reader *reader, const char *name) {
    run *r = reader->run;
    const config_node *root = config_root(r->source);
    if (!read_section(reader, root, "", root_keys, &r->keys, sizeof r->keys)) {
        return false;
    }
    if (!*r->keys.name) {
        r->keys.name = arena_text(&r->memory, name);
    }
    return check_name(r, root, reader->err) && read_device(reader, root) &&
           read_data(reader, config_section(root, "data"), NULL, &r->data) &&
           read_views(reader, root) &&
           read_part(reader, config_section(root, "backbone"), "backbone", NULL, &r->backbone, NULL,
                     0) &&
           read_part(reader, config_section(root, "method"), "method", NULL, &r->method, NULL, 0) &&
           read_rest(reader, root) && read_evals(reader, root) && run_check(r, reader->err);
}

bool run_load_config(const registry *plugins, config *source, const char *name, run **ret,
                     kd_error *err) {
    run *r = kd_alloc(sizeof *r);
    r->source = source;
    run_reader reader = {.run = r, .plugins = plugins, .err = err};
    if (!read_run(&reader, name)) {
        run_destroy(r);
        return false;
    }
    *ret = r;
    return true;
}

bool run_load(const registry *plugins, const char *path, const char *const *overrides, int count,
              run **ret, kd_error *err) {
    config *source = config_load(path, overrides, count, err);
    arena names = {0};
    const bool ok = source && run_load_config(plugins, source, stem(&names, path), ret, err);
    arena_free(&names);
    return ok;
}

void run_destroy(run *r) {
    if (r) {
        config_destroy(r->extra);
        config_destroy(r->source);
        arena_free(&r->memory);
        free(r);
    }
}

bool run_load_data(run *r, const registry *plugins, const char *const *keys, int count,
                   data_part *ret, kd_error *err) {
    config *source = config_load_text("--data", "", 0, keys, count, err);
    if (!source) {
        return false;
    }
    config_destroy(r->extra);
    r->extra = source;
    run_reader reader = {.run = r, .plugins = plugins, .err = err};
    return read_data(&reader, config_root(source), &r->data, ret);
}

bool run_of_data(const registry *plugins, const char *const *keys, int count, run **ret,
                 kd_error *err) {
    config *source = config_load_text("--data", "", 0, keys, count, err);
    if (!source) {
        return false;
    }
    run *r = kd_alloc(sizeof *r);
    r->source = source;
    run_reader reader = {.run = r, .plugins = plugins, .err = err};
    if (!read_data(&reader, config_root(source), NULL, &r->data)) {
        run_destroy(r);
        return false;
    }
    *ret = r;
    return true;
}
