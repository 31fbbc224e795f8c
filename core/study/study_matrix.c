/* SPDX-License-Identifier: Apache-2.0
 * A study's axes and their values. */
#include "study/study_reader.h"
#include "study/study_words.h"

static bool check_twice(const study_axis *axis, const config_node *node, const char *name,
                        kd_error *err) {
    for (int i = 0; i < axis->n_values; i++) {
        if (strcmp(axis->value[i].name, name) == 0) {
            config_fail(node, err, "axis %s has the value %s twice", axis->keys.axis, name);
            return kd_hint(err, "the first is at %s", config_where(axis->value[i].node));
        }
    }
    return true;
}

/* Words of a key's values name folders too; in a map any value goes under a name that does. */
static bool check_value(study_reader *in, const study_axis *axis, const config_node *node,
                        const char *name) {
    if (study_check_word(node, name, in->err)) {
        return true;
    }
    if (!*axis->keys.key) {
        return false;
    }
    arena *a = &in->study->memory;
    char *key = arena_text(a, axis->keys.key);
    const char *map = name;
    for (char *dot; (dot = strrchr(key, '.')); *dot = 0) {
        map = arena_print(a, "{%s: %s}", dot + 1, map);
    }
    return kd_hint(in->err, "name the values, in place of `key`: values: {first: {%s: %s}, ...}",
                   key, map);
}

static bool read_value(study_reader *in, study_axis *axis, const config_node *values, int i) {
    const config_node *node = config_item(values, i);
    const char *name = config_key(values, i);
    if (!name && !config_get_text(node, &name, in->err)) {
        return false;
    }
    if (!*axis->keys.key && config_kind(node) != CONFIG_MAP && config_kind(node) != CONFIG_NULL) {
        config_fail(node, in->err, "must be a map of keys of the run");
        return kd_hint(in->err,
                       "as in {data: {pairs: {arm: %s}}}; where all values are of one "
                       "key: {axis: %s, key: KEY, values: [...]}",
                       name, axis->keys.axis);
    }
    if (!check_value(in, axis, node, name) || !check_twice(axis, node, name, in->err) ||
        (!*axis->keys.key && !study_take_given(node, in->err))) {
        return false;
    }
    axis->value[axis->n_values++] = (axis_value){.name = name, .node = node};
    return true;
}

static bool read_axis(study_reader *in, const config_node *node, study_axis *ret) {
    static const char *const others[] = {"values", NULL};
    study_axis axis = {.node = node};
    if (!study_read_keys(in, node, "matrix[]", others, &axis.keys, sizeof axis.keys) ||
        !study_check_word(config_child(node, "axis"), axis.keys.axis, in->err) ||
        !study_check_given(config_child(node, "key"), axis.keys.key, in->err)) {
        return false;
    }
    const config_node *values = config_child(node, "values");
    const int wanted = *axis.keys.key ? CONFIG_LIST : CONFIG_MAP;
    if (config_kind(values) != wanted || config_count(values) == 0) {
        config_fail(values ? values : node, in->err, "axis %s needs values: %s", axis.keys.axis,
                    *axis.keys.key ? "a list, for it has a key" : "a map of names");
        return kd_hint(in->err, "values: %s",
                       *axis.keys.key ? "[semantic, augmented]"
                                      : "{simclr: {include: simclr.yaml}, byol: {...}}");
    }
    axis.value = arena_alloc(&in->study->memory, sizeof *axis.value * (size_t)config_count(values));
    for (int i = 0; i < config_count(values); i++) {
        if (!read_value(in, &axis, values, i)) {
            return false;
        }
    }
    *ret = axis;
    return true;
}

bool study_read_matrix(study_reader *in) {
    study *s = in->study;
    const config_node *list;
    if (!study_read_list(in, "matrix", &list)) {
        return false;
    }
    s->axis = arena_alloc(&s->memory, sizeof *s->axis * (size_t)(config_count(list) + 1));
    for (int i = 0; i < config_count(list); i++) {
        study_axis *axis = &s->axis[i];
        if (!read_axis(in, config_item(list, i), axis)) {
            return false;
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(s->axis[k].keys.axis, axis->keys.axis) == 0) {
                return config_fail(axis->node, in->err, "another axis is named '%s' already",
                                   axis->keys.axis);
            }
        }
        s->n_axes++;
    }
    if (study_rows(s) > MAX_ROWS) {
        return config_fail(list, in->err, "makes more than %d rows", MAX_ROWS);
    }
    return true;
}
