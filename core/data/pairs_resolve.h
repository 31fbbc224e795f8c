/* SPDX-License-Identifier: Apache-2.0
 * What a manifest's names mean: which of a dataset's samples. */
#ifndef CORE_DATA_PAIRS_RESOLVE_H
#define CORE_DATA_PAIRS_RESOLVE_H

#include "data/manifest.h"

#include <kindred/dataset.h>

typedef struct named {
    const char *path;
    int64_t index;
} named;

typedef struct resolver {
    const kd_dataset *table;
    const kd_set *set;
    const char *manifest;
    named *names; /* sorted by path; made when a path is first asked for */
    int64_t count;
} resolver;

/* For an opened dataset and the manifest of that path. owns: resolver_free */
resolver resolver_of(const kd_dataset *table, const kd_set *set, const char *path);
void resolver_free(resolver *r);

/* The index of the sample. fails as "pairs.csv:12: ..." on a path or index that the dataset lacks
 */
bool resolver_find(resolver *r, int64_t line, const image_reference *image, int64_t *ret,
                   kd_error *err);

/* fails where both are one sample */
bool resolver_check_pair(const resolver *r, int64_t line, const int64_t index[2], kd_error *err);

#endif
