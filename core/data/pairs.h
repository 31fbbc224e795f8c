/* SPDX-License-Identifier: Apache-2.0
 * What training draws from: samples of one image, or of two that show one kind.
 *
 * Two images come from a dataset that yields pairs, or from a manifest (data/manifest.h) over any
 * dataset that does not. What a run sees of them is its arm. */
#ifndef CORE_DATA_PAIRS_H
#define CORE_DATA_PAIRS_H

#include "data/manifest.h"
#include "data/store.h"

#define ARM_AUTO 0      /* semantic where samples have two images, else single images */
#define ARM_SEMANTIC 1  /* views are cut from both images of a pair */
#define ARM_AUGMENTED 2 /* all views from the pair's first image: what pairs are compared with */
#define ARM_AUGMENTED_UNION 3 /* every image of the pairs by itself: as many images as semantic */
#define ARM_REPAIRED 4        /* a pair's second image is another one's of its class: uncurated */

typedef struct pair_options {
    const char *manifest; /* NULL or "": the dataset's own samples */
    const char *reject;   /* file of ids of pairs to leave out; NULL or "": none */
    int arm;              /* ARM_ */
    uint64_t seed;        /* of ARM_REPAIRED */
    double fraction;      /* of the samples to take (data/fraction.h), in (0, 1]; 0: as 1 */
    uint64_t fraction_seed;
} pair_options;

typedef struct samples {
    int64_t count;
    int32_t n_images; /* of every sample: 1 or 2 */
    int32_t *image;   /* [count, n_images] indices of the store's images */
    int32_t *label;   /* [count] -1: none */
    int64_t *source; /* [count] the sample's index in the dataset, or of a manifest's pairs in their
                        list */
    int32_t classes; /* the dataset's, or else one above a manifest's largest label */
    int64_t left_out; /* pairs of which an image was broken */
    int64_t rejected; /* pairs left out by options.reject */
    int64_t taken;    /* by options.fraction, of `whole` samples, or pairs before the arm; 0: all */
    int64_t whole;
    int64_t kept; /* ARM_REPAIRED: pairs that got their own second image back, by chance */
} samples;

/* `set` resolves a manifest's paths: it is the opened dataset that the store was made of.
 *
 * A fraction is taken of what there is, of pairs before an arm has them: all arms see the same
 * ones.
 *
 * A manifest fails as "pairs.csv:12: ..." on a path or index that the dataset lacks, a pair of one
 * image with itself, a label that is not the images' own, a missing column, when it is empty. An
 * arm fails where it needs pairs and there are none; ARM_REPAIRED without labels, where a class has
 * no two images, and where every class has but one pair. A list of rejected pairs fails as
 * "rejected.txt:3: ..." on an id that no pair has, and when no pair is left. owns: samples_free */
bool samples_open(const store *s, const kd_dataset *table, const kd_set *set,
                  const pair_options *options, samples *ret, kd_error *err);
void samples_free(samples *list);

#endif
