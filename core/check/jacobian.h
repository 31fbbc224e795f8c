/* SPDX-License-Identifier: Apache-2.0
 * The whole Jacobian of a row of the op table against central differences. */
#ifndef CORE_CHECK_JACOBIAN_H
#define CORE_CHECK_JACOBIAN_H

#include "check/gradient.h"

/* How far an element may be from what differences over steps of 1e-6 say. */
#define JACOBIAN_ABSOLUTE 1e-6
#define JACOBIAN_RELATIVE 1e-4

/* Of a program opened in f64. Writes how many elements are wrong, and the first of them to `why`,
 * of 1600 bytes. false: err says why it did not run. */
bool jacobian_check(gradient *g, int *ret_wrong, char *why, kd_error *err);

#endif
