/* SPDX-License-Identifier: Apache-2.0
 * A graph that trains, with nothing but the parameters whose rules are looked at: of linear losses,
 * so that the gradient of each is `slope` in every step. On the reference device, in f64. Mistakes
 * end the test. */
#ifndef TESTS_RULE_RIG_H
#define TESTS_RULE_RIG_H

#include "graph/engine.h"
#include "harness.h"

#include <kindred/layers.h>

enum { ROWS = 2, WIDTH = 3, COUNT = ROWS * WIDTH, EPOCH = 3, TOTAL = 12 };

extern const double slope[COUNT];
extern const kd_spec shape; /* of all parameters */

typedef struct rig {
    check_device devices[TEST_MAX_DEVICES];
    int n_devices;
    engine *e;
    kd_program *p;
    double lr, decay;
    int64_t step; /* the next one */
} rig;

/* build returns the loss. */
rig rig_open(kd_tensor *(*build)(kd_scope s), const optimizer *how);
void rig_close(rig *r);
/* Steps of the rig's rate and decay, with the host's values of what is scheduled; beta1 is 0.9 and
 * beta2 0.999. */
void rig_steps(rig *r, int count);

typedef struct matrix {
    double at[COUNT];
} matrix;

matrix look(const rig *r, const char *name);
void expect_same(const rig *r, const char *name, const matrix *want); /* bit for bit */
void expect_close(const rig *r, const char *name, const matrix *want);

/* x after a step of SGD without momentum. */
matrix moved(matrix x, double rate);

/* "w" of a scope, and its product with the slope. */
kd_tensor *parameter(kd_scope s);
kd_tensor *pull(kd_scope s);
/* The same under a rule. */
kd_tensor *pull_with(kd_scope s, kd_rule rule);

#endif
