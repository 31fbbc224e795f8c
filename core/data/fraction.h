/* SPDX-License-Identifier: Apache-2.0
 * A part of the samples, with each class in its share. */
#ifndef CORE_DATA_FRACTION_H
#define CORE_DATA_FRACTION_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps round(fraction * count) samples, at least one; of a class of n, fraction * n but for less
 * than one. By one seed, those of a smaller fraction are among those of a larger one.
 *
 * fraction  above 0, at most 1
 * class     [count]; -1: none, which is a class of its own here
 * kept      [count], written */
void fraction_choose(double fraction, uint64_t seed, const int32_t *class, int64_t count,
                     bool *kept);

#endif
