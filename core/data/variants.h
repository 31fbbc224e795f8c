/* SPDX-License-Identifier: Apache-2.0
 * Which samples show what another one shows, but for one factor: what an eval of invariance needs.
 */
#ifndef CORE_DATA_VARIANTS_H
#define CORE_DATA_VARIANTS_H

#include "base/arena.h"
#include "data/pairs.h"

#define MAX_FACTORS 64

typedef struct variants {
    int64_t count;   /* samples that are variants */
    int64_t *base;   /* [samples] the sample of which it is one; -1: of none. NULL: none is */
    int32_t *factor; /* [samples] in [0, factors); -1: of none */
    int32_t factors;
    const char *factor_name[MAX_FACTORS];
    arena memory;
} variants;

/* What the dataset says of its own samples. A variant whose base was left out is none.
 *
 * list   made of `s`; must be its samples one by one, of one image each, where there are variants
 * owns   variants_free, also after a failure
 * fails  naming the sample whose base the dataset does not have, or is a variant itself */
bool variants_open(const store *s, const kd_dataset *table, const kd_set *set, const samples *list,
                   variants *ret, kd_error *err);
void variants_free(variants *v);

#endif
