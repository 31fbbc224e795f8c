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

/* The sample's own label; -1: none. */
int32_t resolver_label(const resolver *r, int64_t index);

/* fails where the row's label is not the one that an image has, its class name is that of another
 * class, or the dataset has no such class: rows of another split or dataset name other images here.
 * An image without a label may get any. */
bool resolver_check_label(const resolver *r, const manifest_row *row, const int64_t index[2],
                          kd_error *err);

#endif
