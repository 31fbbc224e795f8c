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

/* What the dataset says of its own samples, or else a manifest (data/manifest.h), whose rows have a
 * factor in which b alone differs from a. A variant whose base was left out is none.
 *
 * list   made of `s`; must be its samples one by one, of one image each, where there are variants
 * path   of the manifest; NULL or "": none
 * owns   variants_free, also after a failure
 * fails  naming the sample whose base the dataset does not have, or is a variant itself; as
 *        "factors.csv:12: ..." on a row without a factor, and on an image that is a variant twice;
 *        when the dataset has variants of its own */
bool variants_open(const store *s, const kd_dataset *table, const kd_set *set, const samples *list,
                   const char *path, variants *ret, kd_error *err);
void variants_free(variants *v);

#endif
