/* SPDX-License-Identifier: Apache-2.0
 * Means, spreads and Student's t. */
#ifndef CORE_STUDY_STATISTICS_H
#define CORE_STUDY_STATISTICS_H

/* Of n >= 1 values; the deviation is the sample's (divided by n - 1), NAN for one value. */
double mean_of(const double *value, int n);
double deviation_of(const double *value, int n);

/* P(|T| <= t) for Student's T of n >= 1 degrees of freedom: Abramowitz and Stegun, 26.7.3 and
 * 26.7.4, which are finite sums, so that neither a table nor a library is needed. */
double student_within(double t, int n);

/* The t with P(|T| <= t) = p, 0 < p < 1, to the last digits of a double: for p = 0.95 half a
 * confidence interval is this times deviation / sqrt(n + 1). */
double student_quantile(double p, int n);

#endif
