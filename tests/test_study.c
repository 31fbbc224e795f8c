/* SPDX-License-Identifier: Apache-2.0
 * Studies: what a matrix expands to, what is compared and how. golden/study has a study with
 * results, and what is printed of it; KINDRED_REWRITE_GOLDEN=1 writes the latter. */
#include "study_kit.h"

#include "base/file.h"
#include "config/yaml_writer.h"
#include "study/statistics.h"
#include "study/study_folder.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    study_kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(study, .init = open_kit, .fini = close_kit);

static void expect_golden(const char *name, const char *is) {
    char path[512];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    if (getenv("KINDRED_REWRITE_GOLDEN")) {
        cr_assert(file_write(path, is, strlen(is), &err), "%s", err.message);
    }
    char *want = study_kit_text(path);
    cr_assert_str_eq(is, want, "%s is\n%s\nand not\n%s", name, is, want);
    free(want);
}

static void print_run(const study_run *r, FILE *to) {
    static const char *const keys[] = {"views", "train", "method"};
    const config_node *root = config_root(r->run->source);
    kd_error err = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    fprintf(to, "# %s: row %d, seed %d, arm %d\n", r->name, r->row, r->run->keys.seed,
            r->run->data.pairs.arm);
    for (int i = 0; i < 3; i++) {
        yaml_write_node(w, keys[i], config_child(root, keys[i]));
    }
    fputs(yaml_finish(w, &err), to);
    yaml_writer_destroy(w);
}

TEST(study, expands_to_runs) {
    char *text = NULL;
    size_t bytes = 0;
    study *s = NULL;
    study_runs runs;
    kd_error err = KD_ERROR_INIT;
    static const char *const overrides[] = {"seeds=[4]", "train.batch=16"};
    cr_assert(study_load("study.yaml", overrides, 2, &s, &err), "%s", err.message);
    cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
    cr_assert_eq(runs.count, 8);
    FILE *out = open_memstream(&text, &bytes);
    for (int i = 0; i < runs.count; i++) {
        cr_assert_eq(study_baseline_row(s, runs.item[i].row), 4 + runs.item[i].row % 4);
        print_run(&runs.item[i], out);
    }
    fclose(out);
    expect_golden("runs.txt", text);
    free(text);
    study_runs_free(&runs);
    study_destroy(s);
}

static const study_run *find_run(const study_runs *runs, const char *name) {
    for (int i = 0; i < runs->count; i++) {
        if (strcmp(runs->item[i].name, name) == 0) {
            return &runs->item[i];
        }
    }
    cr_assert_fail("there is no run %s", name);
    return NULL;
}

/* What the paper says of its setting. */
static void expect_paper(const study_runs *runs) {
    const study_run *r = find_run(runs, "byol-semantic-seed2");
    cr_assert_str_eq(r->run->method.plugin->note.id, "byol");
    cr_assert_str_eq(r->run->backbone.plugin->note.id, "resnet");
    cr_assert_eq(r->run->train.epochs, 200);
    cr_assert_eq(r->run->train.batch, 256);
    cr_assert_eq(r->run->view_list.view[0].augment.size, 64);
    cr_assert_eq(r->run->n_evals, 3);
    r = find_run(runs, "dino-augmented_union-seed1");
    cr_assert_str_eq(r->run->backbone.plugin->note.id, "vit");
    cr_assert_eq(r->run->view_list.count, 6);
    cr_assert_eq(r->run->optimizer.name, 2);
    cr_assert_eq(r->run->n_evals, 3);
}

/* The second axis brings views of its own; the first takes an op out of those. */
TEST(study, ops_go_from_the_views_of_all_axes) {
    study *s = NULL;
    study_runs runs;
    kd_error err = KD_ERROR_INIT;
    static const char *const overrides[] = {
        "seeds=[1]", "compare={}", "paper=[]",
        "matrix=[{axis: cut, values: {all: {}, no-gray: {without: [grayscale]}}}, {axis: own, "
        "values: {own: {views: [{size: 12, count: 2, normalize: store, ops: [random_resized_crop, "
        "{grayscale: 0.5}]}]}}}]"};
    cr_assert(study_load("study.yaml", overrides, 4, &s, &err), "%s", err.message);
    cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
    for (int i = 0; i < 2; i++) {
        const config_node *views = config_child(config_root(runs.item[i].run->source), "views");
        cr_assert_eq(config_count(config_child(config_item(views, 0), "ops")), 2 - i, "%s",
                     runs.item[i].name);
    }
    study_runs_free(&runs);
    study_destroy(s);
}

/* A file that is a run by itself may have both; the study that is written beside the runs, and read
 * back by a report, has neither. */
TEST(study, name_and_seed_of_an_included_run_go) {
    study *s = NULL, *again = NULL;
    study_runs runs;
    arena a = {0};
    int lock = -1;
    kd_error err = KD_ERROR_INIT;
    const char *own = "include: run.yaml\nname: mine\nseed: 7\n";
    const char *text = "seeds: [4]\nrun: {include: own.yaml}\n"
                       "matrix: [{axis: a, values: {b: {include: own.yaml}}}]\n";
    cr_assert(file_write("own.yaml", own, strlen(own), &err), "%s", err.message);
    cr_assert(file_write("named.yaml", text, strlen(text), &err), "%s", err.message);
    cr_assert(study_load("named.yaml", NULL, 0, &s, &err), "%s", err.message);
    cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
    cr_assert_str_eq(runs.item[0].run->keys.name, "b-seed4");
    cr_assert_eq(runs.item[0].run->keys.seed, 4);
    const study_folder folder = study_folder_at(&a, "named");
    cr_assert(study_folder_make(&folder, &lock, &err), "%s", err.message);
    cr_assert(study_folder_write(&folder, s, &runs, &err), "%s", err.message);
    cr_assert(study_load(folder.study, NULL, 0, &again, &err), "%s", err.message);
    close(lock);
    arena_free(&a);
    study_runs_free(&runs);
    study_destroy(again);
    study_destroy(s);
}

/* Every example of a study is understood, run by run. */
TEST(study, examples_expand) {
    static const char *const examples[] = {
        "study-synthetic.yaml",
        "study-cifar100.yaml",
        "study-short.yaml",
        "paper/main-table.yaml",
        "paper/epochs-800.yaml",
        "paper/tiny-imagenet.yaml",
        "paper/transforms.yaml",
        "paper/crop-only.yaml",
        "paper/pairs-per-class.yaml",
        "paper/small/main-table.yaml",
        "paper/small/epochs-800.yaml",
        "paper/small/tiny-imagenet.yaml",
        "paper/small/transforms.yaml",
        "paper/small/crop-only.yaml",
        "paper/small/pairs-per-class.yaml",
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char path[512];
        study *s = NULL;
        study_runs runs;
        kd_error err = KD_ERROR_INIT;
        snprintf(path, sizeof path, "%s/../examples/%s", getenv("KINDRED_TEST_SOURCE"),
                 examples[i]);
        cr_assert(study_load(path, NULL, 0, &s, &err), "%s", err.message);
        cr_assert(study_expand(s, kit.plugins, &runs, &err), "%s", err.message);
        cr_assert_eq(runs.count, study_rows(s) * (int)s->keys.seeds.count);
        if (strcmp(examples[i], "paper/main-table.yaml") == 0) {
            expect_paper(&runs);
        }
        if (strcmp(examples[i], "study-short.yaml") == 0) {
            cr_assert_eq(runs.count, 6); /* five minutes: the whole study has 24 */
        }
        study_runs_free(&runs);
        study_destroy(s);
    }
}

/* Quantiles as printed tables have them (Abramowitz and Stegun, table 26.10); means by hand. */
TEST(study, statistics) {
    static const struct {
        int n;
        double t;
    } table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},  {5, 2.571},  {9, 2.262},
                 {10, 2.228}, {29, 2.045}, {30, 2.042}, {60, 2.000}, {120, 1.980}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const double t = student_quantile(0.95, table[i].n);
        cr_assert(fabs(t - table[i].t) < 0.0005, "%d: %.6f", table[i].n, t);
        cr_assert(fabs(student_within(t, table[i].n) - 0.95) < 1e-12);
    }
    cr_assert(fabs(student_quantile(0.99, 4) - 4.604) < 0.0005);
    const double values[] = {2, 4, 9};
    cr_assert_eq(mean_of(values, 3), 5);
    cr_assert(fabs(deviation_of(values, 3) - sqrt(13)) < 1e-15); /* (9 + 1 + 16) / 2 */
    cr_assert(isnan(deviation_of(values, 1)));
}

static void expect_printed(const study_results *r, const char *name,
                           void (*print)(const study_results *r, FILE *to)) {
    char *text = study_kit_printed(r, print);
    expect_golden(name, text);
    free(text);
}

TEST(study, tables) {
    arena a = {0};
    study_results r;
    kd_error err = KD_ERROR_INIT;
    study_kit_copy("results.jsonl", "results.jsonl");
    cr_assert(study_results_read(".", &a, &r, &err), "%s", err.message);
    /* 0.80, 0.82, 0.87 against 0.75, 0.76, 0.74: differences 0.05, 0.06, 0.13, mean 0.08,
     * deviation sqrt((9 + 4 + 25) / 2) / 100, times 4.302653 / sqrt(3). */
    const study_difference *d = &r.difference[0].cell[0];
    cr_assert_eq(d->n, 3);
    cr_assert(fabs(d->mean - 0.08) < 1e-12);
    cr_assert(fabs(d->half - 4.3026527297 * sqrt(19) / 100 / sqrt(3)) < 1e-9);
    cr_assert(fabs(d->published - 0.045) < 1e-12);
    cr_assert(r.difference[1].cell[0].n == 1 && isnan(r.difference[1].cell[0].half));
    cr_assert_eq(r.runs_done, 10);
    cr_assert_eq(r.runs_wanted, 24);
    expect_printed(&r, "table.md", study_print_markdown);
    expect_printed(&r, "table.csv", study_print_csv);
    expect_printed(&r, "differences.csv", study_print_differences_csv);
    r.eval[1] = "a|b"; /* any text may be an eval's name */
    char *text = study_kit_printed(&r, study_print_markdown);
    cr_assert(strstr(text, "| arm | change | knn | a\\|b | n |"), "%s", text);
    free(text);
    arena_free(&a);
    cr_assert(!study_results_read("absent", &a, &r, &err));
    arena_free(&a);
}
