/* SPDX-License-Identifier: Apache-2.0
 * From a study's records to the rows of its table. */
#include "study/study_reading.h"

#include "base/file.h"
#include "study/failure.h"
#include "study/record.h"
#include "study/statistics.h"
#include "study/study_folder.h"
#include "train/evaluation.h"

#include <math.h>

double *study_values(const study_reading *in, int of, int at, int seed) {
    const int seeds = (int)in->study->keys.seeds.count;
    return &in->value[of][((size_t)at * seeds + seed) * in->to->n_evals];
}

static const char **row_values(const study_reading *in, int at) {
    const study *s = in->study;
    const size_t count = (size_t)s->n_axes + 1;
    int *chosen = arena_alloc(in->a, sizeof *chosen * count);
    const char **ret = arena_alloc(in->a, sizeof *ret * count);
    study_row(s, at, chosen);
    for (int i = 0; i < s->n_axes; i++) {
        ret[i] = arena_text(in->a, s->axis[i].value[chosen[i]].name);
    }
    return ret;
}

static int find_eval(const study_results *r, const char *name) {
    for (int i = 0; i < r->n_evals; i++) {
        if (strcmp(r->eval[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Every eval of any run, in the order in which they come. */
static void collect_evals(study_reading *in) {
    study_results *r = in->to;
    size_t i, k, most = 1;
    json_t *line, *eval;
    json_array_foreach((json_t *)(uintptr_t)in->records, i, line) {
        most += json_array_size(json_object_get(line, "evals"));
    }
    r->eval = arena_alloc(in->a, sizeof *r->eval * most);
    r->protocol = arena_alloc(in->a, sizeof *r->protocol * most);
    json_array_foreach((json_t *)(uintptr_t)in->records, i, line) {
        json_array_foreach(json_object_get(line, "evals"), k, eval) {
            const char *name = text_of(eval, "eval");
            if (*name && find_eval(r, name) < 0) {
                r->eval[r->n_evals] = arena_text(in->a, name);
                r->protocol[r->n_evals++] = arena_text(in->a, text_of(eval, "protocol"));
            }
        }
    }
}

static const json_t *record_at(const study_reading *in, int at, int seed) {
    const char *name = study_run_name(in->study, at, seed, in->a);
    return records_find(in->records, name);
}

static void take_values(study_reading *in, int at, int seed, const json_t *record) {
    static const char *const keys[MEASURED_COUNT] = {"value", "untrained", "pixels"};
    for (int of = 0; of < MEASURED_COUNT; of++) {
        double *to = study_values(in, of, at, seed);
        json_t *eval;
        size_t i;
        for (int e = 0; e < in->to->n_evals; e++) {
            to[e] = NAN;
        }
        json_array_foreach(json_object_get(record, "evals"), i, eval) {
            const json_t *value = json_object_get(eval, keys[of]);
            const int e = find_eval(in->to, text_of(eval, "eval"));
            if (e >= 0 && json_is_number(value)) {
                to[e] = json_number_value(value);
            }
        }
    }
}

/* What the paper says of a row; a later entry goes before an earlier one. */
static double published(const study_reading *in, int at, const char *eval) {
    const study *s = in->study;
    double ret = NAN;
    int *value = arena_alloc(in->a, sizeof *value * (size_t)(s->n_axes + 1));
    study_row(s, at, value);
    for (int p = 0; p < s->n_papers; p++) {
        const study_paper *paper = &s->paper[p];
        bool is_of = true;
        for (int i = 0; i < s->n_axes; i++) {
            is_of = is_of && (paper->of[i] < 0 || paper->of[i] == value[i]);
        }
        for (int i = 0; is_of && i < paper->n_values; i++) {
            if (strcmp(paper->eval[i], eval) == 0) {
                ret = paper->value[i] / 100;
            }
        }
    }
    return ret;
}

study_cell study_cell_of(const double *value, int count, int step, arena *a) {
    double *there = arena_alloc(a, sizeof *there * (size_t)count);
    study_cell c = {.mean = NAN, .deviation = NAN, .published = NAN};
    for (int i = 0; i < count; i++) {
        if (!isnan(value[i * step])) {
            there[c.n++] = value[i * step];
        }
    }
    if (c.n) {
        c.mean = mean_of(there, c.n);
        c.deviation = deviation_of(there, c.n);
    }
    return c;
}

static study_cell *read_cells(const study_reading *in, int of, int at) {
    const int seeds = (int)in->study->keys.seeds.count, evals = in->to->n_evals;
    study_cell *ret = arena_alloc(in->a, sizeof *ret * (size_t)(evals + 1));
    for (int i = 0; i < evals; i++) {
        ret[i] = study_cell_of(study_values(in, of, at, 0) + i, seeds, evals, in->a);
    }
    return ret;
}

static void take_steps(study_result_row *to, int64_t steps) {
    to->steps = to->n == 1 || steps < to->steps ? steps : to->steps;
    to->most_steps = steps > to->most_steps ? steps : to->most_steps;
}

const char *study_steps_text(const study_result_row *of, arena *a) {
    return of->steps == of->most_steps
               ? arena_print(a, "%lld", (long long)of->steps)
               : arena_print(a, "%lld-%lld", (long long)of->steps, (long long)of->most_steps);
}

static void read_row(study_reading *in, int at) {
    const int seeds = (int)in->study->keys.seeds.count;
    study_result_row *to = &in->to->row[at];
    double views = 0;
    to->of = OF_TRAINED;
    to->value = row_values(in, at);
    to->wanted = seeds;
    for (int i = 0; i < seeds; i++) {
        const json_t *record = record_at(in, at, i);
        take_values(in, at, i, record);
        if (record) {
            to->n++;
            take_steps(to, json_integer_value(json_object_get(record, "steps")));
            to->seconds += json_number_value(json_object_get(record, "seconds"));
            views += json_number_value(json_object_get(record, "views"));
        }
    }
    to->views_per_second = to->seconds > 0 ? views / to->seconds : 0;
    to->seconds = to->n ? to->seconds / to->n : 0;
    to->cell = read_cells(in, TRAINED, at);
    to->untrained = read_cells(in, UNTRAINED, at);
    to->pixels = read_cells(in, PIXELS, at);
    for (int i = 0; i < in->to->n_evals; i++) {
        to->cell[i].published = published(in, at, in->to->eval[i]);
    }
    in->to->runs_done += to->n;
    in->to->runs_wanted += seeds;
}

static study_difference difference_of(const study_reading *in, int at, int base, int eval) {
    const int seeds = (int)in->study->keys.seeds.count;
    double *there = arena_alloc(in->a, sizeof *there * (size_t)seeds);
    study_difference d = {.mean = NAN,
                          .half = NAN,
                          .published = in->to->row[at].cell[eval].published -
                                       in->to->row[base].cell[eval].published};
    for (int i = 0; i < seeds; i++) {
        const double value =
            study_values(in, TRAINED, at, i)[eval] - study_values(in, TRAINED, base, i)[eval];
        if (!isnan(value)) {
            there[d.n++] = value;
        }
    }
    if (d.n) {
        d.mean = mean_of(there, d.n);
    }
    if (d.n > 1) {
        d.half = student_quantile(0.95, d.n - 1) * deviation_of(there, d.n) / sqrt(d.n);
    }
    return d;
}

static void read_differences(study_reading *in) {
    const study *s = in->study;
    study_results *r = in->to;
    r->compared = s->compared;
    if (s->compared < 0) {
        return;
    }
    r->baseline = arena_text(in->a, s->axis[s->compared].value[s->baseline].name);
    r->difference = arena_alloc(in->a, sizeof *r->difference * (size_t)(r->n_rows + 1));
    for (int at = 0; at < r->n_rows; at++) {
        const int base = study_baseline_row(s, at);
        if (base == at) {
            continue;
        }
        study_difference_row *to = &r->difference[r->n_differences++];
        to->value = r->row[at].value;
        to->cell = arena_alloc(in->a, sizeof *to->cell * (size_t)(r->n_evals + 1));
        for (int i = 0; i < r->n_evals; i++) {
            to->cell[i] = difference_of(in, at, base, i);
        }
    }
}

static void read_names(study_reading *in) {
    const study *s = in->study;
    study_results *r = in->to;
    r->name = arena_text(in->a, s->keys.name);
    r->n_axes = s->n_axes;
    r->axis = arena_alloc(in->a, sizeof *r->axis * (size_t)(s->n_axes + 1));
    for (int i = 0; i < s->n_axes; i++) {
        r->axis[i] = arena_text(in->a, s->axis[i].keys.axis);
    }
    r->note = arena_alloc(in->a, sizeof *r->note * (size_t)(s->n_papers + 1));
    for (int i = 0; i < s->n_papers; i++) {
        if (*s->paper[i].note) {
            r->note[r->n_notes++] = arena_text(in->a, s->paper[i].note);
        }
    }
}

static void read_failed(const study_reading *in, const study_folder *f) {
    study_results *r = in->to;
    const int seeds = (int)in->study->keys.seeds.count;
    r->failed = arena_alloc(in->a, sizeof *r->failed * ((size_t)r->n_rows * (size_t)seeds + 1));
    for (int i = 0; i < r->n_rows * seeds; i++) {
        const char *name = study_run_name(in->study, i / seeds, i % seeds, in->a);
        const char *why = records_find(in->records, name) ? NULL : failure_read(f, name, in->a);
        if (why) {
            r->failed[r->n_failed++] = (study_failed){.name = name, .why = why};
        }
    }
}

bool study_results_read(const char *folder, arena *a, study_results *ret, kd_error *err) {
    const study_folder f = study_folder_at(a, folder);
    study *s = NULL;
    if (!file_exists(f.study)) {
        kd_fail(err, KD_E_INVALID, "%s: not the folder of a study", folder);
        return kd_hint(err, "it has a study.yaml; kindred study makes it under studies/");
    }
    if (!study_load(f.study, NULL, 0, &s, err)) {
        return false;
    }
    json_t *records = records_read(f.results, err);
    if (records) {
        *ret = (study_results){.n_rows = study_rows(s)};
        study_reading in = {.a = a, .study = s, .records = records, .to = ret};
        read_names(&in);
        collect_evals(&in);
        const size_t runs = (size_t)ret->n_rows * (size_t)s->keys.seeds.count;
        for (int of = 0; of < MEASURED_COUNT; of++) {
            in.value[of] = arena_alloc(a, sizeof *in.value[of] * (runs * (size_t)ret->n_evals + 1));
        }
        ret->row = arena_alloc(a, sizeof *ret->row * (size_t)ret->n_rows);
        for (int i = 0; i < ret->n_rows; i++) {
            read_row(&in, i);
        }
        study_read_before(&in);
        read_failed(&in, &f);
        read_differences(&in);
    }
    json_decref(records);
    study_destroy(s);
    return records != NULL;
}
