/* SPDX-License-Identifier: Apache-2.0
 * Results into metrics.jsonl, onto the screen, and into the decision which checkpoint is best. */
#include "train/results.h"

#include "base/arena.h"
#include "train/checkpoint.h"
#include "train/eval_programs.h"

#include <stdlib.h>

static void write_line(const results *r, const evaluation *e, const eval_part *eval,
                       const kd_eval_output *out, double seconds) {
    json_t *line = json_pack("{s:I, s:s, s:s}", "step", (json_int_t)e->step, "eval",
                             eval->keys.name, "of", e->of);
    for (uint32_t i = 0; i < out->n_results; i++) {
        json_object_set_new(line, out->results[i].name, metrics_real(out->results[i].value));
    }
    if (out->n_results) {
        json_object_set_new(line, "value", metrics_real(out->results[0].value));
        json_object_set_new(line, "protocol", json_string(out->results[0].protocol));
    }
    json_t *protocols = out->n_results > 1 ? json_object() : NULL; /* of those beside the first */
    for (uint32_t i = 1; i < out->n_results; i++) {
        json_object_set_new(protocols, out->results[i].name, json_string(out->results[i].protocol));
    }
    if (protocols) {
        json_object_set_new(line, "protocols", protocols);
    }
    json_object_set_new(line, "seconds", json_real(seconds));
    metrics_write(r->metrics, line);
}

static void take_result(void *context, const evaluation *e, const eval_part *eval,
                        const kd_eval_output *out, double seconds) {
    const results *r = context;
    printf("%s of the %s, step %lld:", eval->keys.name, e->of, (long long)e->step);
    for (uint32_t i = 0; i < out->n_results; i++) {
        printf("%s %s %.2f %%", i ? "," : "", out->results[i].name, 100 * out->results[i].value);
    }
    putchar('\n');
    fflush(stdout);
    write_line(r, e, eval, out, seconds);
}

static bool measured(const results *r, int64_t step, int eval, const char *of) {
    const char *name = r->assembly->run->evals[eval].keys.name;
    json_t *line = r->recorded ? metrics_find(r->path, step, name, of) : NULL;
    json_decref(line);
    return line != NULL;
}

static bool due(const results *r, int eval, int64_t step, int64_t epoch_steps, bool last) {
    const int64_t every = (int64_t)r->assembly->run->evals[eval].keys.every_epochs * epoch_steps;
    return last || (step > 0 && every > 0 && step % every == 0);
}

/* Takes those evals that `wanted` says, of what `of` says, and that are not there yet. */
static bool take(results *r, feature_program *program, const char *of, int64_t step, bool *wanted,
                 kd_error *err) {
    bool any = false;
    for (int i = 0; i < r->assembly->run->n_evals; i++) {
        wanted[i] = wanted[i] && !measured(r, step, i, of);
        any = any || wanted[i];
    }
    const evaluation e = {
        .assembly = r->assembly, .program = program, .of = of, .step = step, .wanted = wanted};
    const evaluation_sink sink = {.result = take_result, .context = r};
    if (any) {
        progress_break(&r->assembly->progress);
    }
    return !any || evaluate(&e, &sink, err);
}

/* The headline of the eval that `keep_best` names, such that more is better. */
static double goodness(const run *r, double value) {
    for (int i = 0; i < r->n_evals; i++) {
        if (strcmp(r->evals[i].keys.name, r->checkpoint.keep_best) == 0) {
            return eval_flags(&r->evals[i]) & KD_EVAL_LOWER_IS_BETTER ? -value : value;
        }
    }
    return value;
}

static bool note_best(const results *r, int64_t step, kd_error *err) {
    const char *name = r->assembly->run->checkpoint.keep_best;
    json_t *line = *name ? metrics_find(r->path, step, name, OF_TRAINED) : NULL;
    const json_t *value = json_object_get(line, "value");
    bool ok = true;
    if (json_is_number(value)) {
        ok = checkpoint_note_best(r->folder->checkpoints, step, name,
                                  goodness(r->assembly->run, json_number_value(value)),
                                  r->assembly->run->checkpoint.keep, err);
    }
    json_decref(line);
    return ok;
}

bool results_due(const results *r, int64_t step, int64_t epoch_steps, bool last) {
    bool any = step == 0 && assembly_compares(r->assembly);
    for (int i = 0; i < r->assembly->run->n_evals; i++) {
        any = any || due(r, i, step, epoch_steps, last);
    }
    return any;
}

bool results_take(results *r, int64_t step, int64_t epoch_steps, bool last, kd_error *err) {
    assembly *a = r->assembly;
    const int count = a->run->n_evals;
    bool *wanted = kd_alloc((size_t)count + 1), any = false, ok = true;
    for (int i = 0; step == 0 && i < count; i++) {
        wanted[i] = a->run->evals[i].keys.before;
    }
    if (step == 0 && assembly_compares(a)) {
        bool *again = kd_alloc((size_t)count + 1);
        for (int i = 0; i < count; i++) {
            again[i] = wanted[i] && eval_takes_pixels(&a->run->evals[i]);
        }
        ok = take(r, &a->pixels, OF_PIXELS, 0, again, err) &&
             take(r, &a->features, OF_UNTRAINED, 0, wanted, err);
        free(again);
    }
    for (int i = 0; i < count; i++) {
        wanted[i] = due(r, i, step, epoch_steps, last);
        any = any || wanted[i];
    }
    ok = ok && (!any || take(r, &a->features, OF_TRAINED, step, wanted, err));
    free(wanted);
    return ok && (!any || note_best(r, step, err));
}

bool results_take_all(results *r, int64_t step, kd_error *err) {
    const int count = r->assembly->run->n_evals;
    bool *wanted = kd_alloc((size_t)count + 1);
    memset(wanted, true, (size_t)count);
    const bool ok = take(r, &r->assembly->features, OF_TRAINED, step, wanted, err);
    free(wanted);
    return ok;
}

static int name_width(const results *r) {
    int width = 0;
    for (int i = 0; i < r->assembly->run->n_evals; i++) {
        const int own = (int)strlen(r->assembly->run->evals[i].keys.name);
        width = own > width ? own : width;
    }
    return width < 9 ? 9 : width;
}

static void print_row(const results *r, const char *of, int64_t step, int width, FILE *to) {
    fprintf(to, "%-18s", of);
    for (int i = 0; i < r->assembly->run->n_evals; i++) {
        json_t *line = metrics_find(r->path, step, r->assembly->run->evals[i].keys.name, of);
        const json_t *value = json_object_get(line, "value");
        if (json_is_number(value)) {
            fprintf(to, "  %*.2f %%", width - 2, 100 * json_number_value(value));
        } else {
            fprintf(to, "  %*s", width, "-");
        }
        json_decref(line);
    }
    fputc('\n', to);
}

static json_t *find_result(const results *r, int eval, int64_t step) {
    return metrics_find(r->path, step, r->assembly->run->evals[eval].keys.name, OF_TRAINED);
}

static void print_protocols(const results *r, int64_t step, FILE *to) {
    for (int i = 0; i < r->assembly->run->n_evals; i++) {
        json_t *line = find_result(r, i, step);
        const char *protocol = json_string_value(json_object_get(line, "protocol"));
        if (protocol) {
            fprintf(to, "%s: %s\n", r->assembly->run->evals[i].keys.name, protocol);
        }
        json_decref(line);
    }
}

void results_print(const results *r, int64_t step, FILE *to) {
    const int count = r->assembly->run->n_evals, width = name_width(r);
    if (count == 0) {
        return;
    }
    fprintf(to, "\n%-18s", "");
    for (int i = 0; i < count; i++) {
        fprintf(to, "  %*s", width, r->assembly->run->evals[i].keys.name);
    }
    fputc('\n', to);
    if (r->recorded && assembly_compares(r->assembly)) {
        print_row(r, OF_UNTRAINED, 0, width, to);
    }
    print_row(r, OF_TRAINED, step, width, to);
    if (r->recorded && assembly_compares(r->assembly)) {
        print_row(r, OF_PIXELS, 0, width, to);
    }
    fputc('\n', to);
    print_protocols(r, step, to);
}
