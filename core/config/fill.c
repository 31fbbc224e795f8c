/* SPDX-License-Identifier: Apache-2.0
 * A struct from a map: declarations are checked before anything is written, keys before values. */
#include "base/suggest.h"
#include "config/config.h"
#include "config/convert.h"

#include <stdlib.h>

static bool is_required(const option *o) {
    return (o->flags & KD_OPTION_REQUIRED) != 0;
}

/* What a wrong plugin could do harm with: a field outside of its struct. */
static bool check_fields(const option *options, int count, size_t into_size, kd_error *err) {
    for (int i = 0; i < count; i++) {
        const option *o = &options[i];
        if (!o->name || !*o->name) {
            return kd_fail(err, KD_E_INTERNAL, "option %d has no name", i);
        }
        if (option_bytes(o->type) == 0 || option_bytes(o->type) != o->size) {
            return kd_fail(err, KD_E_INTERNAL, "option %s: type %d in %zu bytes", o->name, o->type,
                           o->size);
        }
        if (o->offset > into_size || o->size > into_size - o->offset) {
            return kd_fail(err, KD_E_INTERNAL,
                           "option %s: bytes %zu to %zu of a struct that has %zu", o->name,
                           o->offset, o->offset + o->size, into_size);
        }
        for (int j = 0; j < i; j++) {
            if (strcmp(options[j].name, o->name) == 0) {
                return kd_fail(err, KD_E_INTERNAL, "option %s is declared twice", o->name);
            }
        }
    }
    return true;
}

/* A default goes the same way as a value that a user wrote: texts as they are, lists as YAML. */
static bool convert_default(const option *o, void *field, arena *a, kd_error *err) {
    config scratch = {0};
    const source from = {.name = "its default", .key = ""};
    const char *text = o->value ? o->value : "";
    kd_error why = KD_ERROR_INIT;
    config_node *node;
    if (o->type == KD_OPTION_FLOATS || o->type == KD_OPTION_INTS) {
        node = tree_parse(&scratch, &from, text, strlen(text), &why);
    } else {
        node = node_create(&scratch, &from, NULL, NULL);
        node->kind = CONFIG_SCALAR;
        node->plain = true;
        node->text = text;
    }
    const bool done = node && option_convert(node, o, field, a, &why);
    arena_free(&scratch.arena);
    return done || kd_fail(err, KD_E_INTERNAL, "option %s: %s", o->name, why.message);
}

bool config_check_options(const char *whose, const option *options, int count, size_t into_size,
                          kd_error *err) {
    unsigned char field[sizeof(kd_floats)];
    arena scratch = {0};
    bool right = check_fields(options, count, into_size, err);
    for (int i = 0; right && i < count; i++) {
        right = is_required(&options[i]) || convert_default(&options[i], field, &scratch, err);
    }
    arena_free(&scratch);
    return right || kd_while(err, "%s", whose);
}

/* The known keys of a map: those of the options, then those that others read. */
typedef struct known_keys {
    const char **key;
    int count;
} known_keys;

static known_keys collect_keys(const option *options, int count, const char *const *other_keys) {
    int others = 0;
    while (other_keys && other_keys[others]) {
        others++;
    }
    known_keys known = {.key = kd_alloc((size_t)(count + others) * sizeof *known.key)};
    for (int i = 0; i < count; i++) {
        known.key[known.count++] = options[i].name;
    }
    for (int i = 0; i < others; i++) {
        known.key[known.count++] = other_keys[i];
    }
    return known;
}

static bool is_known(const known_keys *known, const char *key) {
    for (int i = 0; i < known->count; i++) {
        if (strcmp(known->key[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool hint_keys(const known_keys *known, kd_error *err) {
    char all[sizeof err->hint] = "";
    for (int i = 0; i < known->count; i++) {
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", known->key[i]);
    }
    return known->count ? kd_hint(err, "known keys: %.480s", all)
                        : kd_hint(err, "no keys belong here");
}

static bool unknown_key(const config_node *map, const config_node *entry, const known_keys *known,
                        kd_error *err) {
    const char *near = suggest(entry->name, known->key, known->count);
    const char *path = config_path(map);
    if (near) {
        fail_at_key(entry, err, "unknown key; did you mean %s%s%s?", path, *path ? "." : "", near);
    } else {
        fail_at_key(entry, err, "unknown key");
    }
    return hint_keys(known, err);
}

static bool check_keys(const config_node *map, const known_keys *known, kd_error *err) {
    if (config_kind(map) == CONFIG_NULL) {
        return true;
    }
    if (map->kind != CONFIG_MAP) {
        char found[DESCRIPTION_BYTES];
        config_fail(map, err, "expected a map of keys, got %s", node_describe(map, found));
        return hint_keys(known, err);
    }
    for (int i = 0; i < map->count; i++) {
        if (!is_known(known, map->item[i]->name)) {
            return unknown_key(map, map->item[i], known, err);
        }
    }
    return true;
}

static bool fill_fields(const config_node *map, const option *options, int count,
                        unsigned char *into, arena *a, kd_error *err) {
    for (int i = 0; i < count; i++) {
        const option *o = &options[i];
        const config_node *given = config_child(map, o->name);
        if (!given && is_required(o)) {
            config_fail(map, err, "%s is required", o->name);
            return kd_hint(err, "%s: %s", o->name, o->help ? o->help : "");
        }
        if (given ? !option_convert(given, o, into + o->offset, a, err)
                  : !convert_default(o, into + o->offset, a, err)) {
            return false;
        }
    }
    return true;
}

bool config_fill(const config_node *map, const option *options, int count,
                 const char *const *other_keys, void *into, size_t into_size, arena *a,
                 kd_error *err) {
    if (!check_fields(options, count, into_size, err)) {
        return false;
    }
    const known_keys known = collect_keys(options, count, other_keys);
    bool done = check_keys(map, &known, err);
    free(known.key);
    if (!done) {
        return false;
    }
    if (into_size == 0) {
        return true; /* no options, and perhaps no struct */
    }
    unsigned char *filled = kd_alloc(into_size);
    memcpy(filled, into, into_size);
    done = fill_fields(map, options, count, filled, a, err);
    if (done) {
        memcpy(into, filled, into_size);
    }
    free(filled);
    return done;
}
