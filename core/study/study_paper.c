/* SPDX-License-Identifier: Apache-2.0
 * Published numbers, to stand beside a study's own. */
#include "study/study_reader.h"

#include "base/suggest.h"
#include "study/study_words.h"

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
        if (!study_find_axis(in, node, config_key(map, i), &axis) ||
            !config_get_text(node, &word, in->err) ||
            !study_find_value(in, node, axis, word, &ret->of[axis])) {
            return false;
        }
    }
    return true;
}

static bool read_paper(study_reader *in, const config_node *node, study_paper *ret) {
    static const char *const others[] = {"of", "values", NULL};
    paper_keys keys;
    if (!study_read_keys(in, node, "paper[]", others, &keys, sizeof keys)) {
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
                         .at = arena_alloc(&in->study->memory, sizeof *ret->at * count),
                         .value = arena_alloc(&in->study->memory, sizeof *ret->value * count)};
    for (int i = 0; i < ret->n_values; i++) {
        ret->eval[i] = config_key(values, i);
        ret->at[i] = config_item(values, i);
        if (!config_get_float(config_item(values, i), &ret->value[i], in->err)) {
            return false;
        }
    }
    return read_paper_of(in, of, ret);
}

/* Names of evals of all runs, each once; returns how many. */
static int eval_names(const study_runs *runs, const char ***ret, arena *a) {
    int most = 1, n = 0;
    for (int i = 0; i < runs->count; i++) {
        most += runs->item[i].run->n_evals;
    }
    *ret = arena_alloc(a, sizeof **ret * (size_t)most);
    for (int i = 0; i < runs->count; i++) {
        for (int k = 0; k < runs->item[i].run->n_evals; k++) {
            const char *name = runs->item[i].run->evals[k].keys.name;
            if (!word_is_among(name, *ret, n)) {
                (*ret)[n++] = name;
            }
        }
    }
    return n;
}

bool study_check_papers(const study *s, const study_runs *runs, kd_error *err) {
    arena a = {0};
    const char **names;
    const int n = eval_names(runs, &names, &a);
    bool ok = true;
    for (int p = 0; ok && p < s->n_papers; p++) {
        const study_paper *paper = &s->paper[p];
        for (int i = 0; ok && i < paper->n_values; i++) {
            ok = word_is_among(paper->eval[i], names, n);
            if (!ok) {
                const char *near = suggest(paper->eval[i], names, n);
                config_fail(paper->at[i], err,
                            near ? "no run has an eval '%s'; did you mean %s?"
                                 : "no run has an eval '%s'",
                            paper->eval[i], near);
                kd_hint(err, "evals: %.400s; paper=[] leaves published numbers out",
                        n ? word_list(names, n, &a) : "none");
            }
        }
    }
    arena_free(&a);
    return ok;
}

bool study_read_papers(study_reader *in) {
    study *s = in->study;
    const config_node *list;
    if (!study_read_list(in, "paper", &list)) {
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
