/* SPDX-License-Identifier: Apache-2.0
 * What `kindred check` prints for people. */
#include "cli/cli_check.h"

#include "check/table.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static void print_why(const json_t *finding) {
    if (!is_true(finding, "ok")) {
        printf("    %s\n", text_of(finding, "why"));
    }
}

static void print_conformance(const json_t *report) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(report, "conformance"), i, c) {
        printf("  %-22s %s\n", text_of(c, "name"), is_true(c, "ok") ? "ok" : "WRONG");
        print_why(c);
    }
}

/* Of the table: a line an op, the worst of its rows in each column. */
typedef struct cell {
    bool any, failed, unsupported;
    double error; /* negative: infinite */
} cell;

static void add(cell *to, const json_t *row) {
    const json_t *error = json_object_get(row, "error");
    const double size = json_is_null(error) ? -1 : json_real_value(error);
    to->any = true;
    to->failed = to->failed || is_true(row, "failed");
    to->unsupported = to->unsupported || strcmp(text_of(row, "status"), "unsupported") == 0;
    to->error = to->error < 0 || size < 0 ? -1 : size > to->error ? size : to->error;
}

static void print_cell(const cell *c) {
    char text[32] = "";
    if (c->failed) {
        snprintf(text, sizeof text, "WRONG");
    } else if (c->unsupported) {
        snprintf(text, sizeof text, "-");
    } else if (c->any) {
        snprintf(text, sizeof text, "%.0e", c->error);
    }
    printf("  %-8s", text);
}

static bool is_first(const json_t *rows, size_t at) {
    const char *op = text_of(json_array_get(rows, at), "op");
    for (size_t i = 0; i < at; i++) {
        if (strcmp(text_of(json_array_get(rows, i), "op"), op) == 0) {
            return false;
        }
    }
    return true;
}

static void print_op(const json_t *rows, const char *op) {
    cell cells[CHECK_COLUMNS] = {{0}};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        for (int c = 0; c < CHECK_COLUMNS && strcmp(text_of(row, "op"), op) == 0; c++) {
            if (strcmp(text_of(row, "in"), check_column_name(c)) == 0) {
                add(&cells[c], row);
            }
        }
    }
    printf("  %-22s", op);
    for (int c = 0; c < CHECK_COLUMNS; c++) {
        print_cell(&cells[c]);
    }
    printf("\n");
}

static void print_ops(const json_t *rows) {
    size_t i;
    json_t *row;
    printf("\n  %-22s", "op");
    for (int c = 0; c < CHECK_COLUMNS; c++) {
        printf("  %-8s", check_column_name(c));
    }
    printf("\n");
    json_array_foreach(rows, i, row) {
        if (is_first(rows, i)) {
            print_op(rows, text_of(row, "op"));
        }
    }
    printf(
        "  (normalised mean square error, the worst of all cases; -: a type it does not offer)\n");
    json_array_foreach(rows, i, row) {
        if (is_true(row, "failed")) {
            printf("\n  WRONG in %s: %s\n    %s\n", text_of(row, "in"), text_of(row, "where"),
                   text_of(row, "why"));
        }
    }
}

static void print_runs(const json_t *runs) {
    size_t i;
    json_t *r;
    json_array_foreach(runs, i, r) {
        if (i == 0) {
            printf("\n  losses of %d steps in f32\n",
                   (int)json_integer_value(json_object_get(r, "steps")));
        }
        if (is_true(r, "ok")) {
            printf("  %-22s  %.0e\n", text_of(r, "name"),
                   json_real_value(json_object_get(r, "error")));
        } else {
            printf("  %-22s  WRONG\n", text_of(r, "name"));
            print_why(r);
        }
    }
    if (i > 0) {
        printf("  (the largest relative difference)\n");
    }
}

void print_check(const json_t *report) {
    printf("%s: %s\nagainst the reference device, seed %d\n\n", text_of(report, "device"),
           text_of(report, "about"), (int)json_integer_value(json_object_get(report, "seed")));
    print_conformance(report);
    print_ops(json_object_get(report, "ops"));
    print_runs(json_object_get(report, "runs"));
    const int checks = (int)json_integer_value(json_object_get(report, "checks"));
    const int failed = (int)json_integer_value(json_object_get(report, "failed"));
    if (failed) {
        printf("\n%d of %d checks failed\n", failed, checks);
    } else {
        printf("\nall %d checks hold\n", checks);
    }
}
