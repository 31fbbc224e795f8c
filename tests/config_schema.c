/* SPDX-License-Identifier: Apache-2.0
 * The tables of that configuration, read and written section by section. */
#include "config_schema.h"

static const option run_options[] = {
    OPTION_TEXT(struct run_keys, name, "run", "names the run's folder"),
    OPTION_INT(struct run_keys, seed, 1, 0, , "of everything random"),
    OPTION_CHOICE(struct run_keys, precision, "auto", "auto|f32|bf16", "type of layers' products"),
};
static const option data_options[] = {
    OPTION_REQUIRED_PATH(struct data_keys, path, "a folder or an archive of images"),
    OPTION_CHOICE(struct data_keys, on_error, "fail", "fail|skip", "what a broken image does"),
};
static const option store_options[] = {
    OPTION_INT(struct store_keys, size, 96, 8, 4096, "longest side of a stored image, in pixels"),
};
static const option method_options[] = {
    OPTION_FLOAT(struct method_keys, temperature, 0.2, 1e-3, 10, "divides cosine similarities"),
    OPTION_FLOAT(struct method_keys, weight, 1e-6, 0, , "of the penalty"),
    OPTION_BOOL(struct method_keys, symmetric, true, "both directions"),
    OPTION_INT(struct method_keys, hidden, 2048, 1, 65536, "width of the hidden layer"),
    OPTION_FLOATS(struct method_keys, crop, "[0.08, 1]", 0, 1, "smallest and largest area"),
    OPTION_INTS(struct method_keys, blocks, "[2, 2, 2, 2]", 1, 100, "blocks of each stage"),
};
static const option view_options[] = {
    OPTION_TEXT(struct view_keys, recipe, "simclr", "what is done to an image"),
    OPTION_INT(struct view_keys, size, 64, 8, 1024, "side in pixels"),
    OPTION_INT(struct view_keys, count, 2, 1, 16, "views of this kind"),
};

#define FILL(map, options, others, into)                                                           \
    config_fill(map, options, OPTION_COUNT(options), others, &(into), sizeof(into), a, err)

bool schema_read(const config *c, struct schema *ret, arena *a, kd_error *err) {
    static const char *const sections[] = {"data", "views", "method", "base", NULL};
    static const char *const data_others[] = {"plugin", "store", NULL};
    static const char *const method_others[] = {"plugin", NULL};
    const config_node *root = config_root(c);
    const config_node *data = config_section(root, "data"), *views = config_child(root, "views");
    *ret = (struct schema){0};
    if (!FILL(root, run_options, sections, ret->run) ||
        !FILL(data, data_options, data_others, ret->data) ||
        !FILL(config_child(data, "store"), store_options, NULL, ret->store) ||
        !FILL(config_child(root, "method"), method_options, method_others, ret->method)) {
        return false;
    }
    for (; ret->views < config_count(views) && ret->views < SCHEMA_VIEWS; ret->views++) {
        if (!FILL(config_item(views, ret->views), view_options, NULL, ret->view[ret->views])) {
            return false;
        }
    }
    return true;
}

yaml_writer *schema_write(const struct schema *s) {
    yaml_writer *w = yaml_writer_create();
    yaml_write_options(w, run_options, OPTION_COUNT(run_options), &s->run);
    yaml_begin_map(w, "data");
    yaml_write_options(w, data_options, OPTION_COUNT(data_options), &s->data);
    yaml_begin_map(w, "store");
    yaml_write_options(w, store_options, OPTION_COUNT(store_options), &s->store);
    yaml_end(w);
    yaml_end(w);
    yaml_begin_map(w, "method");
    yaml_write_options(w, method_options, OPTION_COUNT(method_options), &s->method);
    yaml_end(w);
    yaml_begin_list(w, "views");
    for (int i = 0; i < s->views; i++) {
        yaml_begin_map(w, NULL);
        yaml_write_options(w, view_options, OPTION_COUNT(view_options), &s->view[i]);
        yaml_end(w);
    }
    yaml_end(w);
    return w;
}
