/* SPDX-License-Identifier: Apache-2.0
 * One function a type; whatever fails, the option's help becomes the hint. */
#include "config/convert.h"

#include "base/suggest.h"
#include "config/scalar.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>

static bool is_given(const char *text) {
    return text && *text;
}

static bool out_of_range(const config_node *node, const option *o, kd_error *err) {
    const char *both = is_given(o->min) && is_given(o->max) ? " to " : "";
    const char *least = *both || !is_given(o->min) ? "" : "at least ";
    const char *most = *both || !is_given(o->max) ? "" : "at most ";
    return config_fail(node, err, "%.40s is out of range: %s%s%s%s%s", node->text, least,
                       is_given(o->min) ? o->min : "", both, most, is_given(o->max) ? o->max : "");
}

/* A bound that was declared wrongly must not let everything through. */
static bool bad_bound(const config_node *node, const option *o, kd_error *err) {
    config_fail(node, err, "option %s is declared with a bound that is no number (%s, %s)", o->name,
                o->min, o->max);
    if (err) {
        err->code = KD_E_INTERNAL;
    }
    return false;
}

static bool get_int(const config_node *node, const option *o, int64_t *ret, kd_error *err) {
    int64_t value = 0, min = INT64_MIN, max = INT64_MAX;
    if (!config_get_int(node, &value, err)) {
        return false;
    }
    if ((is_given(o->min) && !scalar_int(o->min, &min)) ||
        (is_given(o->max) && !scalar_int(o->max, &max))) {
        return bad_bound(node, o, err);
    }
    if (value < min || value > max) {
        return out_of_range(node, o, err);
    }
    *ret = value;
    return true;
}

static bool get_float(const config_node *node, const option *o, double *ret, kd_error *err) {
    double value = 0, min = -HUGE_VAL, max = HUGE_VAL;
    if (!config_get_float(node, &value, err)) {
        return false;
    }
    if ((is_given(o->min) && !scalar_float(o->min, &min)) ||
        (is_given(o->max) && !scalar_float(o->max, &max)) || isnan(min) || isnan(max)) {
        return bad_bound(node, o, err);
    }
    if (isnan(value) || (isinf(value) && !is_given(value > 0 ? o->max : o->min))) {
        return config_fail(node, err, "%s is not a finite number", node->text);
    }
    if (value < min || value > max) {
        return out_of_range(node, o, err);
    }
    *ret = value;
    return true;
}

static bool to_bool(const config_node *node, const option *o, void *field, arena *a,
                    kd_error *err) {
    (void)o;
    (void)a;
    return config_get_bool(node, field, err);
}

static bool to_int(const config_node *node, const option *o, void *field, arena *a, kd_error *err) {
    (void)a;
    int64_t value = 0;
    if (!get_int(node, o, &value, err)) {
        return false;
    }
    if (value < INT_MIN || value > INT_MAX) {
        return config_fail(node, err, "%.40s does not fit into 32 bits", node->text);
    }
    *(int *)field = (int)value;
    return true;
}

static bool to_float(const config_node *node, const option *o, void *field, arena *a,
                     kd_error *err) {
    (void)a;
    return get_float(node, o, field, err);
}

static bool to_text(const config_node *node, const option *o, void *field, arena *a,
                    kd_error *err) {
    (void)o;
    const char *text;
    if (!config_get_text(node, &text, err)) {
        return false;
    }
    *(const char **)field = arena_text(a, text);
    return true;
}

const char *choice_word(const char *choices, int i, int *ret_length) {
    const char *word = choices ? choices : "";
    for (; i > 0 && word; i--) {
        word = strchr(word, '|');
        word = word ? word + 1 : NULL;
    }
    *ret_length = word ? (int)strcspn(word, "|") : 0;
    return word;
}

static bool unknown_choice(const config_node *node, const option *o, const char *given, arena *a,
                           kd_error *err) {
    const char *words[64], *word;
    char all[256] = "";
    int count = 0, length;
    while (count < 64 && (word = choice_word(o->choices, count, &length))) {
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%.*s", count ? ", " : "", length, word);
        words[count++] = arena_copy(a, word, (size_t)length);
    }
    const char *near = suggest(given, words, count);
    return config_fail(node, err, "\"%.60s\" is not one of %s%s%s%s", given, all,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static bool to_choice(const config_node *node, const option *o, void *field, arena *a,
                      kd_error *err) {
    const char *given, *word;
    int length;
    if (!config_get_text(node, &given, err)) {
        return false;
    }
    for (int i = 0; (word = choice_word(o->choices, i, &length)); i++) {
        if (length && strlen(given) == (size_t)length &&
            strncmp(word, given, (size_t)length) == 0) {
            *(int *)field = i;
            return true;
        }
    }
    return unknown_choice(node, o, given, a, err);
}

static bool is_list(const config_node *node, const char *of, kd_error *err) {
    char found[DESCRIPTION_BYTES];
    return config_kind(node) == CONFIG_LIST ||
           config_fail(node, err, "expected a list of %s, got %s", of, node_describe(node, found));
}

static bool to_floats(const config_node *node, const option *o, void *field, arena *a,
                      kd_error *err) {
    if (!is_list(node, "numbers", err)) {
        return false;
    }
    double *value = arena_alloc(a, (size_t)node->count * sizeof *value);
    for (int i = 0; i < node->count; i++) {
        if (!get_float(node->item[i], o, &value[i], err)) {
            return false;
        }
    }
    *(kd_floats *)field = (kd_floats){.count = node->count, .value = value};
    return true;
}

static bool to_ints(const config_node *node, const option *o, void *field, arena *a,
                    kd_error *err) {
    if (!is_list(node, "whole numbers", err)) {
        return false;
    }
    int64_t *value = arena_alloc(a, (size_t)node->count * sizeof *value);
    for (int i = 0; i < node->count; i++) {
        if (!get_int(node->item[i], o, &value[i], err)) {
            return false;
        }
    }
    *(kd_ints *)field = (kd_ints){.count = node->count, .value = value};
    return true;
}

static const struct {
    size_t bytes;
    bool (*convert)(const config_node *node, const option *o, void *field, arena *a, kd_error *err);
} types[] = {
    [KD_OPTION_BOOL] = {sizeof(bool), to_bool},
    [KD_OPTION_INT] = {sizeof(int), to_int},
    [KD_OPTION_FLOAT] = {sizeof(double), to_float},
    [KD_OPTION_TEXT] = {sizeof(const char *), to_text},
    [KD_OPTION_PATH] = {sizeof(const char *), to_text},
    [KD_OPTION_CHOICE] = {sizeof(int), to_choice},
    [KD_OPTION_FLOATS] = {sizeof(kd_floats), to_floats},
    [KD_OPTION_INTS] = {sizeof(kd_ints), to_ints},
};

size_t option_bytes(int type) {
    return type > 0 && type < (int)(sizeof types / sizeof *types) ? types[type].bytes : 0;
}

bool option_convert(const config_node *node, const option *o, void *field, arena *a,
                    kd_error *err) {
    /* Fields may lie anywhere in a plugin's struct: convert into an aligned place first. */
    union {
        double number;
        kd_floats floats;
        kd_ints ints;
        const char *text;
        int whole;
        bool truth;
    } value = {0};
    if (types[o->type].convert(node, o, &value, a, err)) {
        memcpy(field, &value, types[o->type].bytes);
        return true;
    }
    if (err && is_given(o->help)) {
        char advice[sizeof err->hint];
        memcpy(advice, err->hint, sizeof advice);
        kd_hint(err, "%s%s%s: %s", advice, *advice ? "; " : "", o->name, o->help);
    }
    return false;
}
