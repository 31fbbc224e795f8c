/* SPDX-License-Identifier: Apache-2.0
 * Reading lines of metrics into curves. */
#include "report/history.h"

#include "base/json_lines.h"
#include "train/evaluation.h"

#include <math.h>
#include <string.h>

static const char *text_of(const json_t *line, const char *key) {
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static bool is_eval(const json_t *line) {
    return json_object_get(line, "eval") != NULL;
}

static bool read_lines(const char *folder, const char *name, json_t **ret, kd_error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *ret = json_lines_read(path, err);
    return *ret != NULL;
}

bool history_read(const char *folder, history *ret, kd_error *err) {
    history h = {0};
    if (!read_lines(folder, "metrics.jsonl", &h.lines, err) ||
        !read_lines(folder, "evals.jsonl", &h.further, err)) {
        history_free(&h);
        return false;
    }
    for (size_t i = 0; i < json_array_size(h.lines); i++) {
        const int64_t step =
            json_integer_value(json_object_get(json_array_get(h.lines, i), "step"));
        h.last_step = step > h.last_step ? step : h.last_step;
    }
    *ret = h;
    return true;
}

void history_free(history *h) {
    json_decref(h->lines);
    json_decref(h->further);
    *h = (history){0};
}

const char *history_key(const history *h, int i) {
    const json_t *seen = NULL;
    for (size_t k = 0; !seen && k < json_array_size(h->lines); k++) {
        const json_t *line = json_array_get(h->lines, k);
        seen = is_eval(line) ? NULL : line;
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)seen, key, value) {
        const bool number = json_is_number(value) || json_is_null(value);
        if (number && strcmp(key, "step") != 0 && strcmp(key, "epoch") != 0 && i-- == 0) {
            return key;
        }
    }
    return NULL;
}

/* Means of `every` points each. */
static int thin(chart_point *p, int count, int most) {
    const int every = count / most + (count % most != 0);
    int kept = 0;
    for (int i = 0; every > 1 && i < count; i += every) {
        const int group = count - i < every ? count - i : every;
        chart_point mean = {0};
        for (int k = 0; k < group; k++) {
            mean.x += p[i + k].x / group;
            mean.y += p[i + k].y / group;
        }
        p[kept++] = (chart_point){.x = round(mean.x), .y = mean.y};
    }
    return every > 1 ? kept : count;
}

chart_series history_curve(const history *h, const char *key, int most, arena *a) {
    const size_t lines = json_array_size(h->lines);
    chart_point *point = arena_alloc(a, sizeof *point * (lines + 1));
    int count = 0;
    for (size_t i = 0; i < lines; i++) {
        const json_t *line = json_array_get(h->lines, i), *value = json_object_get(line, key);
        if (!is_eval(line) && json_is_number(value)) {
            point[count++] =
                (chart_point){(double)json_integer_value(json_object_get(line, "step")),
                              json_number_value(value)};
        }
    }
    return (chart_series){.name = key, .count = thin(point, count, most), .point = point};
}

const char *history_eval(const history *h, int i) {
    const json_t *const lists[] = {h->lines, h->further};
    const char *seen[64];
    int count = 0;
    for (size_t k = 0; k < 2; k++) {
        for (size_t n = 0; n < json_array_size(lists[k]) && count < 64; n++) {
            const char *name = text_of(json_array_get(lists[k], n), "eval");
            bool fresh = *name != 0;
            for (int s = 0; s < count; s++) {
                fresh = fresh && strcmp(seen[s], name) != 0;
            }
            if (fresh) {
                seen[count++] = name;
            }
        }
    }
    return i < count ? seen[i] : NULL;
}

chart_series history_results(const history *h, const char *eval, arena *a) {
    const size_t lines = json_array_size(h->lines);
    chart_point *point = arena_alloc(a, sizeof *point * (lines + 1));
    int count = 0;
    for (size_t i = 0; i < lines; i++) {
        const json_t *line = json_array_get(h->lines, i), *value = json_object_get(line, "value");
        const char *of = text_of(line, "of");
        const bool own = strcmp(of, OF_TRAINED) == 0 || strcmp(of, OF_UNTRAINED) == 0;
        if (own && strcmp(text_of(line, "eval"), eval) == 0 && json_is_number(value)) {
            const double step = (double)json_integer_value(json_object_get(line, "step"));
            count -= count > 0 && point[count - 1].x >= step; /* taken again: the last one stands */
            point[count++] = (chart_point){step, json_number_value(value)};
        }
    }
    return (chart_series){.name = eval, .count = count, .point = point};
}

const json_t *history_result(const history *h, const char *eval, const char *of) {
    const json_t *const lists[] = {h->lines, h->further}, *found = NULL;
    int64_t newest = -1;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < json_array_size(lists[k]); i++) {
            const json_t *line = json_array_get(lists[k], i);
            const int64_t step = json_integer_value(json_object_get(line, "step"));
            if (strcmp(text_of(line, "eval"), eval) == 0 && strcmp(text_of(line, "of"), of) == 0 &&
                step >= newest) {
                found = line;
                newest = step;
            }
        }
    }
    return found;
}
