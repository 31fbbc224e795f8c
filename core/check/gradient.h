/* SPDX-License-Identifier: Apache-2.0
 * A row of the op table as a program with its gradients, by the host's own autodiff and engine. */
#ifndef CORE_CHECK_GRADIENT_H
#define CORE_CHECK_GRADIENT_H

#include "check/op_run.h"
#include "graph/engine.h"

/* y, and for a weight on each element of y the gradient of their product by each input. */
typedef struct gradient {
    op_run *run;
    engine *engine;
    kd_program *program;            /* inputs: `input`, "weight"; outputs: "y", `name` */
    int64_t rows;                   /* elements of y */
    int64_t columns[OP_MAX_INPUTS]; /* of each input; 0: no gradient is checked */
    const char *input[OP_MAX_INPUTS];
    const char *name[OP_MAX_INPUTS];
} gradient;

/* Compiles it on a device in a real type and writes the inputs. The run outlives it.
 *
 * fails  with KD_E_UNSUPPORTED where the device lacks something. owns: gradient_close, also after a
 *        failure */
bool gradient_open(gradient *g, op_run *run, const check_device *d, int32_t real, kd_error *err);
void gradient_close(gradient *g);

/* Inputs as doubles, rounded to the type that the program holds. */
bool gradient_write(gradient *g, uint32_t input, const double *values, kd_error *err);

/* Runs with random weights on the device in f32 and on the reference device in f64 and compares y
 * and all gradients. As op_compare; run was drawn for f32. */
int gradient_compare(op_run *run, const check_device *d, const check_device *reference, char *why);

#endif
