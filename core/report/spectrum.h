/* SPDX-License-Identifier: Apache-2.0
 * How features lie in their space: how many directions they use, how evenly, and a map of them. */
#ifndef CORE_REPORT_SPECTRUM_H
#define CORE_REPORT_SPECTRUM_H

#include <kindred/error.h>

#define SPECTRUM_ROWS 1000 /* that take a second or two at any width; more is refused */

typedef struct spectrum {
    int64_t rows, width;
    int64_t most; /* min(rows, width): the largest rank there can be */
    double
        rank; /* effective: exp of the entropy of the singular values over their sum, [1, most] */
    double spread;    /* of unit features: the mean of their dimensions' standard deviations times
                       * sqrt(width), as kd_spread but for the factor: 1 when they are spread evenly
                       * over the sphere, 0 when all are the same */
    double *singular; /* [most] descending */
    double share[2];  /* of the variance of unit features, along each axis of the map */
    float *map;       /* [rows, 2] the first two principal components of unit features */
} spectrum;

/* features [rows, width], 2 <= rows <= SPECTRUM_ROWS.
 *
 * owns    spectrum_free
 * fails   with KD_E_DATA when a feature is not finite
 * source  rank: Garrido et al. 2023 (RankMe, arXiv 2210.02885), equations 1 and 2, of features
 * before the centring; spread: Chen and He 2021 (SimSiam, arXiv 2011.10566), section 4.1 */
bool spectrum_of(const float *features, int64_t rows, int64_t width, spectrum *ret, kd_error *err);
void spectrum_free(spectrum *s);

/* What the numbers mean. */
typedef enum collapse { COLLAPSE_NONE, COLLAPSE_SOME, COLLAPSE_FULL } collapse;
collapse spectrum_collapse(const spectrum *s);

#endif
