/* SPDX-License-Identifier: Apache-2.0
 * What golden files leave out because it can be computed: numbers from a name and a position,
 * starting values, and projections, which stand for a whole tensor. tests/golden/make_golden.py has
 * the same formulas. Mistakes end the test. */
#ifndef TESTS_GOLDEN_NUMBERS_H
#define TESTS_GOLDEN_NUMBERS_H

#include "base/safetensors.h"
#include "graph/engine.h"

enum { GOLDEN_PROJECTIONS = 3, GOLDEN_ROW = GOLDEN_PROJECTIONS + 1, GOLDEN_NAMES = 1024 };

typedef struct golden_names {
    int count;
    char *name[GOLDEN_NAMES];
    char *text;
} golden_names;

/* Words apart by a space; the caller frees ret->text. */
void golden_split(const char *text, golden_names *ret);

uint64_t golden_key(const char *name);
/* Number i of a name: in [-1, 1). */
double golden_unit(uint64_t key, uint64_t i);
/* Where element i of a parameter stands in PyTorch's layout: [o, h, w, c] is [o, c, h, w] there. */
int64_t golden_torch_index(const kd_spec *spec, int64_t i);
/* Element i of the parameter of that name before the first step. */
double golden_start(const char *name, const kd_spec *spec, int64_t i);

/* The file's tensor of that name; its numbers. */
const double *golden_stored(const safetensors *file, const char *name);
const char *golden_text(const safetensors *file, const char *key);
int golden_number(const safetensors *file, const char *key);

/* How a tensor's projections, and its norm, are compared with a row of a table of the file:
 * relative to the tensor's norm. One whose norm there is at most `zero` holds nothing but rounding,
 * and may be anything up to `noise`. */
typedef struct golden_check {
    const safetensors *file;
    const char *table;
    double tolerance, zero, noise;
} golden_check;
void golden_compare(const golden_check *c, int row, const char *name, const kd_spec *spec,
                    const double *x);

/* A parameter, an output or a report of any type as doubles, and a variable; the caller frees. */
double *golden_read(kd_program *p, const char *name, const kd_spec *spec);
double *golden_read_variable(engine *e, int i);

#endif
