/* SPDX-License-Identifier: Apache-2.0
 * Reading the parts of a run: maps that name a plugin, with its options beside the host's keys. */
#include "train/run_internal.h"

#include "data/pairs.h"

#include <errno.h>
#include <stdlib.h>

/* The keys of both lists and "plugin", ending in NULL. */
static const char **all_keys(arena *a, const option *options, int count, const char *const *more) {
    int n_more = 0;
    while (more && more[n_more]) {
        n_more++;
    }
    const char **keys = arena_alloc(a, sizeof *keys * (size_t)(count + n_more + 2));
    int n = 0;
    keys[n++] = "plugin";
    for (int i = 0; i < count; i++) {
        keys[n++] = options[i].name;
    }
    for (int i = 0; i < n_more; i++) {
        keys[n++] = more[i];
    }
    return keys;
}

bool read_section(run_reader *reader, const config_node *map, const char *path,
                  const char *const *others, void *keys, size_t size) {
    const section *s = run_section(path);
    return config_fill(map, s->options, s->count, others, keys, size, &reader->run->memory,
                       reader->err);
}

/* A key that means two things would be read by both. */
static bool check_names(const config_node *map, const plugin *p, const char *const *taken,
                        kd_error *err) {
    for (int i = 0; i < p->note.n_options; i++) {
        for (const char *const *key = taken; *key; key++) {
            if (strcmp(p->note.options[i].name, *key) == 0) {
                return config_fail(map, err, "plugin %s has an option '%s', which is kindred's own",
                                   p->note.id, *key);
            }
        }
    }
    return true;
}

static bool find_plugin(run_reader *reader, const config_node *map, uint32_t kind, part *ret) {
    const config_node *name = config_child(map, "plugin");
    if (!name) {
        config_fail(map, reader->err, "names no plugin");
        return kd_hint(reader->err,
                       "add `plugin: NAME`; `kindred plugin list` shows what there is");
    }
    if (!config_get_text(name, &ret->name, reader->err)) {
        return false;
    }
    ret->plugin = registry_find(reader->plugins, kind, ret->name, reader->err);
    if (!ret->plugin) {
        return kd_while(reader->err, "%s: %s", config_where(name), config_path(name));
    }
    return true;
}

bool read_part(run_reader *reader, const config_node *map, const char *path,
               const char *const *inner, part *ret, void *keys, size_t size) {
    const section *s = run_section(path);
    arena *a = &reader->run->memory;
    part p = {.node = map};
    if (!find_plugin(reader, map, s->kind, &p)) {
        return false;
    }
    const plugin_note *note = &p.plugin->note;
    const char **own = all_keys(a, s->options, s->count, inner);
    const char **theirs = all_keys(a, note->options, note->n_options, inner);
    p.config = arena_alloc(a, note->config_size);
    if (!check_names(map, p.plugin, own, reader->err) ||
        !config_fill(map, note->options, note->n_options, own, p.config, note->config_size, a,
                     reader->err) ||
        !config_fill(map, s->options, s->count, theirs, keys, size, a, reader->err)) {
        return false;
    }
    *ret = p;
    return true;
}

/* `store.size`: a number of pixels, or "full". */
static bool read_size(const config_node *map, const char *text, int32_t *ret, kd_error *err) {
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (strcmp(text, "full") == 0) {
        *ret = 0;
    } else if (errno || !*text || *end || value < 8 || value > 4096) {
        const config_node *node = config_child(map, "size");
        return config_fail(node ? node : map, err,
                           "'%s' is neither a number of pixels from 8 to 4096 nor full", text);
    } else {
        *ret = (int32_t)value;
    }
    return true;
}

static bool check_fraction(const config_node *map, double fraction, kd_error *err) {
    if (fraction > 0) {
        return true;
    }
    config_fail(config_child(map, "fraction"), err, "must be above 0");
    return kd_hint(err, "0.1 takes a tenth of the samples, 1 all of them");
}

bool read_data(run_reader *reader, const config_node *map, const data_part *base, data_part *ret) {
    static const char *const inner[] = {"store", "pairs", NULL};
    data_part d = {.keys.on_error = 0};
    if (!read_part(reader, map, "data", inner, &d.part, &d.keys, sizeof d.keys) ||
        !check_fraction(map, d.keys.fraction, reader->err)) {
        return false;
    }
    const config_node *packed = config_section(map, "store"), *pairs = config_section(map, "pairs");
    if (!read_section(reader, packed, "data.store", NULL, &d.store, sizeof d.store) ||
        !read_size(packed, d.store.size, &d.store_size, reader->err) ||
        !read_section(reader, pairs, "data.pairs", NULL, &d.pairs, sizeof d.pairs)) {
        return false;
    }
    if (base && !config_child(map, "store")) {
        d.store = base->store;
        d.store_size = base->store_size;
    }
    if (base && !config_child(map, "on_error")) {
        d.keys.on_error = base->keys.on_error;
    }
    *ret = d;
    return true;
}

/* Sets a text or a choice that is not the user's to set. False when the word is not among the
 * choices. */
static bool set_word(const option *o, void *into, const char *word) {
    void *field = (char *)into + o->offset;
    if (o->type == KD_OPTION_TEXT) {
        memcpy(field, &word, sizeof word);
        return true;
    }
    const char *choice = o->choices;
    for (int index = 0; o->type == KD_OPTION_CHOICE && choice; index++) {
        const size_t length = strcspn(choice, "|");
        if (length == strlen(word) && memcmp(choice, word, length) == 0) {
            memcpy(field, &index, sizeof index);
            return true;
        }
        choice = choice[length] ? choice + length + 1 : NULL;
    }
    return false;
}

bool read_split(run_reader *reader, const config_node *eval, const char *split, data_part *ret) {
    const data_part *data = &reader->run->data;
    const plugin_note *note = &data->part.plugin->note;
    data_part d = *data;
    d.keys.factors = "";
    d.keys.fraction = 1; /* what is measured, and on what, is the same for all fractions */
    d.pairs = (pairs_keys){.manifest = "", .reject = "", .arm = ARM_AUTO};
    d.part.config = arena_alloc(&reader->run->memory, note->config_size);
    memcpy(d.part.config, data->part.config, note->config_size);
    for (int i = 0; i < note->n_options; i++) {
        if (strcmp(note->options[i].name, "split") == 0 &&
            set_word(&note->options[i], d.part.config, split)) {
            *ret = d;
            return true;
        }
    }
    config_fail(eval, reader->err, "dataset %s has no split '%s' to measure on", note->id, split);
    return kd_hint(reader->err, "say what to use: %s: {plugin: ..., ...}", split);
}
