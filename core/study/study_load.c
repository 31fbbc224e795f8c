/* SPDX-License-Identifier: Apache-2.0
 * From YAML to a study: its own keys, and the parts of it in their order. */
#include "study/study_reader.h"
#include "study/study_words.h"

#include <stdlib.h>

static const char *const root_keys[] = {"run",       "matrix",  "compare", "paper",
                                        "overrides", "include", NULL};

bool study_read_keys(study_reader *in, const config_node *map, const char *path,
                     const char *const *others, void *keys, size_t size) {
    const section *s = study_section(path);
    return config_fill(map, s->options, s->count, others, keys, size, &in->study->memory, in->err);
}

bool study_read_list(study_reader *in, const char *key, const config_node **ret) {
    const config_node *list = config_child(config_root(in->study->source), key);
    *ret = list;
    return config_kind(list) == CONFIG_NULL || config_kind(list) == CONFIG_LIST ||
           config_fail(list, in->err, "must be a list");
}

/* Words become names of folders. */
bool study_check_word(const config_node *node, const char *word, kd_error *err) {
    if (!*word || *word == '.' || *word == '-' ||
        word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")]) {
        config_fail(node, err, "'%s' cannot be part of a folder's name", word);
        return kd_hint(err, "letters, digits, '.', '_' and '-'");
    }
    return true;
}

static const char *const given[] = {"name", "seed"};

bool study_check_given(const config_node *node, const char *text, kd_error *err) {
    const size_t length = strcspn(text, "=");
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (strlen(given[i]) == length && strncmp(given[i], text, length) == 0) {
            config_fail(node, err, "%s: the study names its runs and gives them seeds", text);
            return kd_hint(err, node ? "seeds: [1, 2, 3]" : "seeds=[1,2,3]");
        }
    }
    return true;
}

bool study_take_given(const config_node *map, kd_error *err) {
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        const config_node *node = config_child(map, given[i]);
        if (config_is_own(node)) {
            config_fail(node, err, "the study names its runs and gives them seeds");
            return kd_hint(
                err,
                "take this out; `seeds: [1, 2, 3]` and `name: WORD` are keys of the study itself");
        }
        config_remove(map, node);
    }
    return true;
}

static bool add_override(study_reader *in, const char *text) {
    study *s = in->study;
    if (!study_check_given(NULL, text, in->err)) {
        return false;
    }
    s->override[s->n_overrides++] = arena_text(&s->memory, text);
    return true;
}

/* Those of the file, then those of the command line that are of every run. */
static bool read_overrides(study_reader *in, const char *const *more, int count) {
    study *s = in->study;
    const config_node *list;
    if (!study_read_list(in, "overrides", &list)) {
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
    if (!study_read_keys(in, root, "", root_keys, &s->keys, sizeof s->keys) || !check_seeds(in)) {
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
    return study_check_word(name ? name : root, s->keys.name, in->err) &&
           study_take_given(s->run, in->err) && study_read_matrix(in) && study_read_compare(in) &&
           study_read_papers(in);
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
