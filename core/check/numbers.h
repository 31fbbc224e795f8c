/* SPDX-License-Identifier: Apache-2.0
 * Numbers of any type of tensor: reading, writing, rounding, comparing. */
#ifndef CORE_CHECK_NUMBERS_H
#define CORE_CHECK_NUMBERS_H

#include <stdint.h>

/* Element i, whatever its type, as a double; and back, rounded to nearest even. */
double number_get(const void *data, int32_t dtype, int64_t i);
void number_put(void *data, int32_t dtype, int64_t i, double value);

/* The value that a type keeps of x. */
double number_round(double x, int32_t dtype);

const char *number_type_name(int32_t dtype);

/* Sum of squared differences over the sum of squares of `want`; differences where want is all zero
 * give infinity. Values that are not finite must agree in place and sign: else it is infinity. */
double number_error(const double *got, const double *want, int64_t count);

#endif
