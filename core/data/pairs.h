/* SPDX-License-Identifier: Apache-2.0
 * What training draws from: samples of one image, or of two that show one kind.
 *
 * Two images come from a dataset that yields pairs, or from a manifest over any dataset that does
 * not: CSV with a header (`a,b` with paths, or `index_a,index_b`; `label` may follow; RFC 4180
 * quoting) or JSON lines ({"a": path or index, "b": path or index, "label": 3}), by the file's
 * suffix .csv or .jsonl. */
#ifndef CORE_DATA_PAIRS_H
#define CORE_DATA_PAIRS_H

#include "data/store.h"

#define ARM_AUTO 0      /* semantic where samples have two images, else single images */
#define ARM_SEMANTIC 1  /* views are cut from both images of a pair */
#define ARM_AUGMENTED 2 /* all views from the pair's first image: what pairs are compared with */

typedef struct samples {
    int64_t count;
    int32_t n_images; /* of every sample: 1 or 2 */
    int32_t *image;   /* [count, n_images] indices of the store's images */
    int32_t *label;   /* [count] -1: none */
    int64_t left_out; /* pairs of which an image was broken */
} samples;

/* auto, semantic or augmented; NULL or "" is auto. fails on an unknown word. */
bool arm_from_text(const char *text, int *ret, kd_error *err);

/* The samples of the store itself. fails with ARM_SEMANTIC where they are single images. */
bool samples_of_store(const store *s, int arm, samples *ret, kd_error *err);

/* The pairs of a manifest. `set` resolves paths: it is the opened dataset that the store was made
 * of. fails as "pairs.csv:12: ..." on a path or index that the dataset lacks, a pair of one image
 * with itself, a missing column, an empty manifest. */
bool samples_of_manifest(const store *s, const kd_dataset *table, const kd_set *set,
                         const char *manifest, int arm, samples *ret, kd_error *err);

void samples_free(samples *list);

#endif
