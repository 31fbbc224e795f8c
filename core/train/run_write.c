/* SPDX-License-Identifier: Apache-2.0
 * From a run to YAML with nothing left out, and the comparison of two such texts. */
#include "train/run_internal.h"

#include "base/file.h"
#include "config/yaml_writer.h"

#include <stdlib.h>

static void write_section(yaml_writer *w, const char *path, const void *keys) {
    const section *s = run_section(path);
    yaml_write_options(w, s->options, s->count, keys);
}

static void write_map(yaml_writer *w, const char *path, const void *keys) {
    const char *dot = strrchr(path, '.');
    yaml_begin_map(w, dot ? dot + 1 : path);
    write_section(w, path, keys);
    yaml_end(w);
}

static void write_part(yaml_writer *w, const part *p) {
    yaml_write_text(w, "plugin", p->name);
    yaml_write_options(w, p->plugin->note.options, p->plugin->note.n_options, p->config);
}

static void write_data(yaml_writer *w, const char *key, const data_part *d) {
    yaml_begin_map(w, key);
    write_part(w, &d->part);
    write_section(w, "data", &d->keys);
    write_map(w, "data.store", &d->store);
    write_map(w, "data.pairs", &d->pairs);
    yaml_end(w);
}

static void write_plugin(yaml_writer *w, const char *key, const part *p) {
    yaml_begin_map(w, key);
    write_part(w, p);
    yaml_end(w);
}

static void write_evals(yaml_writer *w, const run *r) {
    yaml_begin_list(w, "evals");
    for (int i = 0; i < r->n_evals; i++) {
        const eval_part *eval = &r->evals[i];
        yaml_begin_map(w, NULL);
        write_part(w, &eval->part);
        write_section(w, "evals[]", &eval->keys);
        write_data(w, "train", &eval->train);
        write_data(w, "test", &eval->test);
        yaml_end(w);
    }
    yaml_end(w);
}

static void write_run(yaml_writer *w, const run *r) {
    write_section(w, "", &r->keys);
    if (r->device.plugin) {
        write_plugin(w, "device", &r->device);
    } else {
        yaml_write_text(w, "device", "auto");
    }
    write_data(w, "data", &r->data);
    yaml_write_node(w, "views", r->views);
    write_plugin(w, "backbone", &r->backbone);
    write_plugin(w, "method", &r->method);
    write_map(w, "optimizer", &r->optimizer);
    write_map(w, "schedule", &r->schedule);
    write_map(w, "train", &r->train);
    write_map(w, "probe", &r->probe);
    write_map(w, "checkpoint", &r->checkpoint);
    write_evals(w, r);
}

char *run_resolved(const run *r, kd_error *err) {
    yaml_writer *w = yaml_writer_create();
    write_run(w, r);
    const char *text = yaml_finish(w, err);
    char *ret = text ? strdup(text) : NULL;
    yaml_writer_destroy(w);
    return ret;
}

bool part_text(const part *p, arena *a, const char **ret, kd_error *err) {
    yaml_writer *w = yaml_writer_create();
    yaml_write_options(w, p->plugin->note.options, p->plugin->note.n_options, p->config);
    const char *text = yaml_finish(w, err);
    if (text) {
        *ret = arena_text(a, text);
    }
    yaml_writer_destroy(w);
    return text != NULL;
}
