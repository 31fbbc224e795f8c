/* SPDX-License-Identifier: Apache-2.0
 * The table of a study, as Markdown and as CSV. */
#include "study/study_results.h"
#include "train/progress.h"

#include <math.h>

static void print_rule(int columns, FILE *to) {
    for (int i = 0; i < columns; i++) {
        fputs("|---", to);
    }
    fputs("|\n", to);
}

/* A cell that begins; names of evals may have what would end it. */
static void print_words(const char *const *words, int count, FILE *to) {
    for (int i = 0; i < count; i++) {
        fputs("| ", to);
        for (const char *c = words[i]; *c; c++) {
            fprintf(to, *c == '|' ? "\\|" : "%c", *c == '\n' ? ' ' : *c);
        }
        fputc(' ', to);
    }
}

static void print_cell(const study_cell *c, FILE *to) {
    if (c->n == 0) {
        fputs("| -", to);
    } else if (c->n == 1) {
        fprintf(to, "| %.2f", 100 * c->mean);
    } else {
        fprintf(to, "| %.2f ± %.2f", 100 * c->mean, 100 * c->deviation);
    }
    if (!isnan(c->published)) {
        fprintf(to, " (paper %.2f)", 100 * c->published);
    }
    fputc(' ', to);
}

static void print_before(const study_results *r, FILE *to) {
    for (int i = 0; i < r->n_before; i++) {
        const study_before_row *row = &r->before[i];
        print_words(&row->of, 1, to);
        print_words(row->value, r->n_axes, to);
        for (int k = 0; k < r->n_evals; k++) {
            print_cell(&row->cell[k], to);
        }
        fprintf(to, "| %d | 0 | - | - |\n", row->n);
    }
}

/* The first column is there where not all rows are of trained encoders. */
static void print_rows(const study_results *r, FILE *to) {
    static const char *const head[] = {"of"};
    const int first = r->n_before > 0;
    arena a = {0};
    print_words(head, first, to);
    print_words(r->axis, r->n_axes, to);
    print_words(r->eval, r->n_evals, to);
    fprintf(to, "| n | steps | training | images/s |\n");
    print_rule(first + r->n_axes + r->n_evals + 4, to);
    for (int i = 0; i < r->n_rows; i++) {
        const study_result_row *row = &r->row[i];
        char time[16];
        progress_duration(row->n ? row->seconds : -1, time, sizeof time);
        print_words(&row->of, first, to);
        print_words(row->value, r->n_axes, to);
        for (int k = 0; k < r->n_evals; k++) {
            print_cell(&row->cell[k], to);
        }
        fprintf(to, "| %d | %s | %s | %.0f |\n", row->n, study_steps_text(row, &a),
                row->n ? time : "-", row->views_per_second);
    }
    arena_free(&a);
    print_before(r, to);
}

static void print_difference(const study_difference *d, FILE *to) {
    if (d->n == 0) {
        fputs("| -", to);
    } else if (isnan(d->half)) {
        fprintf(to, "| %+.2f (one seed: no interval)", 100 * d->mean);
    } else {
        fprintf(to, "| %+.2f [%+.2f, %+.2f]", 100 * d->mean, 100 * (d->mean - d->half),
                100 * (d->mean + d->half));
    }
    if (!isnan(d->published)) {
        fprintf(to, " (paper %+.2f)", 100 * d->published);
    }
    fputc(' ', to);
}

static int least_seeds(const study_difference_row *row, int evals) {
    int n = evals ? row->cell[0].n : 0;
    for (int i = 1; i < evals; i++) {
        n = row->cell[i].n < n ? row->cell[i].n : n;
    }
    return n;
}

static void print_differences(const study_results *r, FILE *to) {
    fprintf(to,
            "\nDifference of %s to %s in percentage points, paired by seed, with its 95 %% "
            "confidence\ninterval (Student's t):\n\n",
            r->axis[r->compared], r->baseline);
    print_words(r->axis, r->n_axes, to);
    print_words(r->eval, r->n_evals, to);
    fprintf(to, "| n |\n");
    print_rule(r->n_axes + r->n_evals + 1, to);
    for (int i = 0; i < r->n_differences; i++) {
        const study_difference_row *row = &r->difference[i];
        print_words(row->value, r->n_axes, to);
        for (int k = 0; k < r->n_evals; k++) {
            print_difference(&row->cell[k], to);
        }
        fprintf(to, "| %d |\n", least_seeds(row, r->n_evals));
    }
}

void study_print_markdown(const study_results *r, FILE *to) {
    fprintf(to, "# %s\n\n", r->name);
    fprintf(to, "%d of %d runs are done. Percent: mean ± standard deviation over n seeds.\n\n",
            r->runs_done, r->runs_wanted);
    print_rows(r, to);
    for (int i = 0; i < r->n_failed; i++) {
        fprintf(to, "%s- %s %s\n", i ? "" : "\nRuns without a result:\n\n", r->failed[i].name,
                r->failed[i].why);
    }
    if (r->n_differences) {
        print_differences(r, to);
    }
    fprintf(
        to,
        "\nTraining time (of a run, without evals) and images (augmented views) a second are as\n"
        "measured on whatever machine each run was on. Below is how each number was measured; what "
        "an\n"
        "eval chooses by itself is told as the first run has it.\n");
    for (int i = 0; i < r->n_evals; i++) {
        if (*r->protocol[i]) {
            fprintf(to, "\n%s: %s\n", r->eval[i], r->protocol[i]);
        }
    }
    for (int i = 0; i < r->n_notes; i++) {
        fprintf(to, "%s- %s\n", i ? "" : "\nOn the published numbers:\n\n", r->note[i]);
    }
}

/* An empty field for what there is not; digits enough to read the same number back. */
static void print_number(double value, FILE *to) {
    if (isnan(value)) {
        fputc(',', to);
    } else {
        fprintf(to, ",%.9g", value);
    }
}

/* Words of axes have no comma and no quote; names of evals may. */
static void print_text(const char *text, FILE *to) {
    fputc('"', to);
    for (; *text; text++) {
        fprintf(to, *text == '"' ? "\"\"" : "%c", *text);
    }
    fputc('"', to);
}

static void print_keys(const char *const *words, int count, const char *eval, FILE *to) {
    for (int i = 0; i < count; i++) {
        fprintf(to, "%s,", words[i]);
    }
    print_text(eval, to);
}

static void print_head(const study_results *r, const char *rest, FILE *to) {
    for (int i = 0; i < r->n_axes; i++) {
        fprintf(to, "%s,", r->axis[i]);
    }
    fprintf(to, "eval,%s\n", rest);
}

void study_print_csv(const study_results *r, FILE *to) {
    arena a = {0};
    print_head(r,
               "n,mean,deviation,published,steps,seconds,views_per_second,untrained,"
               "untrained_deviation,pixels,pixels_deviation",
               to);
    for (int i = 0; i < r->n_rows; i++) {
        const study_result_row *row = &r->row[i];
        for (int k = 0; k < r->n_evals; k++) {
            print_keys(row->value, r->n_axes, r->eval[k], to);
            fprintf(to, ",%d", row->cell[k].n);
            print_number(row->cell[k].mean, to);
            print_number(row->cell[k].deviation, to);
            print_number(row->cell[k].published, to);
            fprintf(to, ",%s,%.3f,%.1f", study_steps_text(row, &a), row->seconds,
                    row->views_per_second);
            print_number(row->untrained[k].mean, to);
            print_number(row->untrained[k].deviation, to);
            print_number(row->pixels[k].mean, to);
            print_number(row->pixels[k].deviation, to);
            fputc('\n', to);
        }
    }
    arena_free(&a);
}

void study_print_differences_csv(const study_results *r, FILE *to) {
    print_head(r, "baseline,n,mean,half_interval_95,published", to);
    for (int i = 0; i < r->n_differences; i++) {
        for (int k = 0; k < r->n_evals; k++) {
            const study_difference *d = &r->difference[i].cell[k];
            print_keys(r->difference[i].value, r->n_axes, r->eval[k], to);
            fprintf(to, ",%s,%d", r->baseline, d->n);
            print_number(d->mean, to);
            print_number(d->half, to);
            print_number(d->published, to);
            fputc('\n', to);
        }
    }
}
