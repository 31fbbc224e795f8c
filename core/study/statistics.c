/* SPDX-License-Identifier: Apache-2.0
 * Means, spreads and Student's t. */
#include "study/statistics.h"

#include <math.h>

double mean_of(const double *value, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += value[i];
    }
    return sum / n;
}

double deviation_of(const double *value, int n) {
    const double mean = mean_of(value, n);
    double sum = 0;
    if (n < 2) {
        return NAN;
    }
    for (int i = 0; i < n; i++) {
        sum += (value[i] - mean) * (value[i] - mean);
    }
    return sqrt(sum / (n - 1));
}

double student_within(double t, int n) {
    const double angle = atan(t / sqrt(n)), sine = sin(angle), cosine = cos(angle);
    const int odd = n % 2;
    double term = odd ? cosine : 1, sum = 0;
    for (int k = odd ? 3 : 2; k <= n; k += 2) {
        sum += term;
        term *= cosine * cosine * (k - 1) / k;
    }
    return odd ? 2 / M_PI * (angle + sine * sum) : sine * sum;
}

double student_quantile(double p, int n) {
    double low = 0, high = 1;
    while (student_within(high, n) < p) {
        high *= 2;
    }
    for (int i = 0; i < 200 && low < high; i++) {
        const double middle = low + (high - low) / 2;
        if (middle == low || middle == high) {
            break;
        }
        *(student_within(middle, n) < p ? &low : &high) = middle;
    }
    return high;
}
