/* SPDX-License-Identifier: Apache-2.0
 * From YAML to a study: its axes, what is compared, and what was published. */
#include "study/study.h"

#include "base/suggest.h"
#include "study/study_words.h"

#include <stdlib.h>

static const char *const root_keys[] = {"run",       "matrix",  "compare", "paper",
                                        "overrides", "include", NULL};

typedef struct study_reader {
    study *study;
    kd_error *err;
} study_reader;

static bool read_keys(study_reader *in, const config_node *map, const char *path,
                      const char *const *others, void *keys, size_t size) {
    const section *s = study_section(path);
    return config_fill(map, s->options, s->count, others, keys, size, &in->study->memory, in->err);
}

static bool read_list(study_reader *in, const char *key, const config_node **ret) {
    const config_node *list = config_child(config_root(in->study->source), key);
    *ret = list;
    return config_kind(list) == CONFIG_NULL || config_kind(list) == CONFIG_LIST ||
           config_fail(list, in->err, "must be a list");
}

/* ---- axes ---- */

/* Words become names of folders. */
static bool check_word(const config_node *node, const char *word, kd_error *err) {
    if (!*word || *word == '.' || *word == '-' ||
        word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")]) {
        config_fail(node, err, "'%s' cannot be part of a folder's name", word);
        return kd_hint(err, "letters, digits, '.', '_' and '-'");
    }
    return true;
}

/* What the study itself gives its runs: an axis of it would be overwritten. */
static bool check_given(const config_node *node, const char *key, kd_error *err) {
    if (strcmp(key, "seed") == 0 || strcmp(key, "name") == 0) {
        config_fail(node, err, "%s: the study names its runs and gives them seeds", key);
        return kd_hint(err, "seeds: [1, 2, 3]");
    }
    return true;
}

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
    if (!check_word(node, name, in->err) || !check_twice(axis, node, name, in->err)) {
        return false;
    }
    axis->value[axis->n_values++] = (axis_value){.name = name, .node = node};
    return true;
}

static bool read_axis(study_reader *in, const config_node *node, study_axis *ret) {
    static const char *const others[] = {"values", NULL};
    study_axis axis = {.node = node};
    if (!read_keys(in, node, "matrix[]", others, &axis.keys, sizeof axis.keys) ||
        !check_word(config_child(node, "axis"), axis.keys.axis, in->err) ||
        !check_given(config_child(node, "key"), axis.keys.key, in->err)) {
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

static bool read_matrix(study_reader *in) {
    study *s = in->study;
    const config_node *list;
    if (!read_list(in, "matrix", &list)) {
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

/* ---- words that name an axis or a value ---- */

static bool find_axis(study_reader *in, const config_node *at, const char *word, int *ret) {
    const study *s = in->study;
    const char **words = arena_alloc(&in->study->memory, sizeof *words * (size_t)(s->n_axes + 1));
    for (int i = 0; i < s->n_axes; i++) {
        words[i] = s->axis[i].keys.axis;
        if (strcmp(words[i], word) == 0) {
            *ret = i;
            return true;
        }
    }
    const char *near = suggest(word, words, s->n_axes);
    config_fail(at, in->err,
                near ? "there is no axis '%s'; did you mean %s?" : "there is no axis '%s'", word,
                near);
    return kd_hint(in->err, "axes: %s", word_list(words, s->n_axes, &in->study->memory));
}

static bool find_value(study_reader *in, const config_node *at, int axis, const char *word,
                       int *ret) {
    const study_axis *of = &in->study->axis[axis];
    const char **words =
        arena_alloc(&in->study->memory, sizeof *words * (size_t)(of->n_values + 1));
    for (int i = 0; i < of->n_values; i++) {
        words[i] = of->value[i].name;
        if (strcmp(words[i], word) == 0) {
            *ret = i;
            return true;
        }
    }
    const char *near = suggest(word, words, of->n_values);
    config_fail(at, in->err,
                near ? "axis %s has no value '%s'; did you mean %s?" : "axis %s has no value '%s'",
                of->keys.axis, word, near);
    return kd_hint(in->err, "values: %s", word_list(words, of->n_values, &in->study->memory));
}

static bool read_compare(study_reader *in) {
    study *s = in->study;
    const config_node *map = config_child(config_root(s->source), "compare");
    compare_keys keys = {0};
    s->compared = s->baseline = -1;
    if (!read_keys(in, map, "compare", NULL, &keys, sizeof keys)) {
        return false;
    }
    if (!*keys.axis) {
        return !*keys.baseline || config_fail(map, in->err, "a baseline needs an axis");
    }
    s->baseline = 0;
    return find_axis(in, config_child(map, "axis"), keys.axis, &s->compared) &&
           (!*keys.baseline || find_value(in, config_child(map, "baseline"), s->compared,
                                          keys.baseline, &s->baseline));
}

/* ---- published numbers ---- */

static bool read_paper_of(study_reader *in, const config_node *map, study_paper *ret) {
    const study *s = in->study;
    ret->of = arena_alloc(&in->study->memory, sizeof *ret->of * (size_t)(s->n_axes + 1));
    for (int i = 0; i < s->n_axes; i++) {
        ret->of[i] = -1;
    }
    for (int i = 0; i < config_count(map); i++) {
        const config_node *node = config_item(map, i);
        const char *word = "";
        int axis = 0;
        if (!find_axis(in, node, config_key(map, i), &axis) ||
            !config_get_text(node, &word, in->err) ||
            !find_value(in, node, axis, word, &ret->of[axis])) {
            return false;
        }
    }
    return true;
}

static bool read_paper(study_reader *in, const config_node *node, study_paper *ret) {
    static const char *const others[] = {"of", "values", NULL};
    paper_keys keys;
    if (!read_keys(in, node, "paper[]", others, &keys, sizeof keys)) {
        return false;
    }
    const config_node *of = config_child(node, "of"), *values = config_child(node, "values");
    if (config_kind(values) != CONFIG_MAP || config_kind(of) == CONFIG_LIST ||
        config_kind(of) == CONFIG_SCALAR) {
        config_fail(node, in->err, "needs `of` and `values`, both maps");
        return kd_hint(in->err, "{of: {arm: semantic}, values: {cifar10: 83.6}, note: \"\"}");
    }
    const size_t count = (size_t)config_count(values) + 1;
    *ret = (study_paper){.note = keys.note,
                         .n_values = config_count(values),
                         .eval = arena_alloc(&in->study->memory, sizeof *ret->eval * count),
                         .value = arena_alloc(&in->study->memory, sizeof *ret->value * count)};
    for (int i = 0; i < ret->n_values; i++) {
        ret->eval[i] = config_key(values, i);
        if (!config_get_float(config_item(values, i), &ret->value[i], in->err)) {
            return false;
        }
    }
    return read_paper_of(in, of, ret);
}

static bool read_papers(study_reader *in) {
    study *s = in->study;
    const config_node *list;
    if (!read_list(in, "paper", &list)) {
        return false;
    }
    s->paper = arena_alloc(&s->memory, sizeof *s->paper * (size_t)(config_count(list) + 1));
    for (; s->n_papers < config_count(list); s->n_papers++) {
        if (!read_paper(in, config_item(list, s->n_papers), &s->paper[s->n_papers])) {
            return false;
        }
    }
    return true;
}

/* ---- the whole ---- */

static bool add_override(study_reader *in, const char *text) {
    study *s = in->study;
    if (strncmp(text, "seed=", 5) == 0 || strncmp(text, "name=", 5) == 0) {
        kd_fail(in->err, KD_E_INVALID, "%s: the study names its runs and gives them seeds", text);
        return kd_hint(in->err, "seeds=[1,2,3]");
    }
    s->override[s->n_overrides++] = arena_text(&s->memory, text);
    return true;
}

/* Those of the file, then those of the command line that are of every run. */
static bool read_overrides(study_reader *in, const char *const *more, int count) {
    study *s = in->study;
    const config_node *list;
    if (!read_list(in, "overrides", &list)) {
        return false;
    }
    s->override =
        arena_alloc(&s->memory, sizeof *s->override * (size_t)(count + config_count(list) + 1));
    for (int i = 0; i < config_count(list); i++) {
        const char *text = "";
        if (!config_get_text(config_item(list, i), &text, in->err) || !add_override(in, text)) {
            return false;
        }
    }
    for (int i = 0; i < count; i++) {
        if (!is_study_key(more[i]) && !add_override(in, more[i])) {
            return false;
        }
    }
    return true;
}

/* Those of the command line that are of the study itself. */
static bool apply_overrides(study_reader *in, const char *const *overrides, int count) {
    for (int i = 0; i < count; i++) {
        if (is_study_key(overrides[i]) &&
            !config_override(in->study->source, overrides[i], in->err)) {
            return false;
        }
    }
    return true;
}

static bool check_seeds(study_reader *in) {
    const study *s = in->study;
    const config_node *root = config_root(s->source), *node = config_child(root, "seeds");
    const kd_ints *seeds = &s->keys.seeds;
    if (seeds->count == 0 || seeds->count > MAX_SEEDS) {
        return config_fail(node ? node : root, in->err, "seeds must be 1 to %d", MAX_SEEDS);
    }
    for (int64_t i = 0; i < seeds->count; i++) {
        for (int64_t k = 0; k < i; k++) {
            if (seeds->value[i] == seeds->value[k]) {
                return config_fail(node, in->err, "seed %lld is given twice",
                                   (long long)seeds->value[i]);
            }
        }
        if (seeds->value[i] > INT32_MAX) {
            return config_fail(node, in->err, "seed %lld is too large", (long long)seeds->value[i]);
        }
    }
    return true;
}

static bool read_study(study_reader *in, const char *path) {
    study *s = in->study;
    const config_node *root = config_root(s->source);
    if (!read_keys(in, root, "", root_keys, &s->keys, sizeof s->keys) || !check_seeds(in)) {
        return false;
    }
    if (!*s->keys.name) {
        s->keys.name = path_stem(path, &s->memory);
    }
    const config_node *name = config_child(root, "name");
    s->run = config_child(root, "run");
    if (config_kind(s->run) != CONFIG_MAP) {
        config_fail(s->run ? s->run : root, in->err, "%s",
                    s->run ? "must be a map of keys" : "names no run");
        return kd_hint(in->err, "run: {include: run.yaml}");
    }
    return check_word(name ? name : root, s->keys.name, in->err) && read_matrix(in) &&
           read_compare(in) && read_papers(in);
}

bool study_load(const char *path, const char *const *overrides, int count, study **ret,
                kd_error *err) {
    study *s = kd_alloc(sizeof *s);
    study_reader in = {.study = s, .err = err};
    s->source = config_load(path, NULL, 0, err);
    if (!s->source || !apply_overrides(&in, overrides, count) || !read_study(&in, path) ||
        !read_overrides(&in, overrides, count)) {
        study_destroy(s);
        return false;
    }
    *ret = s;
    return true;
}

void study_destroy(study *s) {
    if (s) {
        config_destroy(s->source);
        arena_free(&s->memory);
        free(s);
    }
}
