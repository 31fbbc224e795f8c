/* SPDX-License-Identifier: Apache-2.0
 * What a study compares with what, and words that name an axis or a value. */
#include "study/study_reader.h"

#include "base/suggest.h"
#include "study/study_words.h"

bool study_find_axis(study_reader *in, const config_node *at, const char *word, int *ret) {
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

bool study_find_value(study_reader *in, const config_node *at, int axis, const char *word,
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

bool study_read_compare(study_reader *in) {
    study *s = in->study;
    const config_node *map = config_child(config_root(s->source), "compare");
    compare_keys keys = {0};
    s->compared = s->baseline = -1;
    if (!study_read_keys(in, map, "compare", NULL, &keys, sizeof keys)) {
        return false;
    }
    if (!*keys.axis) {
        return !*keys.baseline || config_fail(map, in->err, "a baseline needs an axis");
    }
    s->baseline = 0;
    return study_find_axis(in, config_child(map, "axis"), keys.axis, &s->compared) &&
           (!*keys.baseline || study_find_value(in, config_child(map, "baseline"), s->compared,
                                                keys.baseline, &s->baseline));
}
