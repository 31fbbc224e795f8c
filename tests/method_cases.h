/* SPDX-License-Identifier: Apache-2.0
 * The cases by which methods are tested: a golden file each, and what else is known of it. */
#ifndef TESTS_METHOD_CASES_H
#define TESTS_METHOD_CASES_H

#include "method_kit.h"

#include <criterion/parameterized.h>

typedef struct method_case {
    const char *file;
    /* The loss that a random network starts with (methods.md 6), of the same options but these
     * widths and batch, and how near it must come; 0: nothing is known. */
    double sanity, within;
    const char *sanity_options;
    const char *run_options; /* of a small run that is cut off and goes on; NULL: none */
    const char *run_views;   /* NULL: two of 12 pixels */
} method_case;

extern const method_case method_cases[];
extern const int method_case_count;

/* A test of every case; `c` is it. */
struct criterion_test_params method_each_case(void);
#define EACH_METHOD_CASE(suite, name)                                                              \
    static void name(const method_case *c);                                                        \
    ParameterizedTestParameters(suite, name) {                                                     \
        return method_each_case();                                                                 \
    }                                                                                              \
    ParameterizedTest(int *i, suite, name) {                                                       \
        name(&method_cases[*i]);                                                                   \
    }                                                                                              \
    static void name(const method_case *c)

/* The values of all variables of a run, between taking and dropping. */
typedef struct snapshot {
    void *data[4 * GOLDEN_NAMES];
} snapshot;
void snapshot_take(const method_run *r, snapshot *ret);
void snapshot_drop(const method_run *r, snapshot *s);

#endif
