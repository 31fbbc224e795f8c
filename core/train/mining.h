/* SPDX-License-Identifier: Apache-2.0
 * Pairs without labels: mutual nearest neighbours among features.
 *
 * source  Alkhalefi, Leontidis, Zhong 2023, https://arxiv.org/abs/2306.16122, take the most similar
 *         images by an encoder's features; that both must choose each other is ours */
#ifndef CORE_TRAIN_MINING_H
#define CORE_TRAIN_MINING_H

#include "train/neighbours.h"

typedef struct mining_options {
    int32_t k;                             /* each is among the other's k nearest */
    double min_similarity, max_similarity; /* of a pair, a cosine; INFINITY: no most */
    int64_t per_image;                     /* pairs that an image may stand in */
} mining_options;

typedef struct mined_pair {
    int32_t row[2]; /* the lower one first */
    float similarity;
} mined_pair;

typedef struct mined_pairs {
    mined_pair *pair; /* [count] the most alike first; the lower rows first among equals */
    int64_t count;
    int64_t mutual; /* pairs of mutual neighbours, before any was left out */
} mined_pairs;

/* features [rows, width]. The most alike pairs are taken first; one whose image stands in per_image
 * pairs already is left out.
 *
 * owns  mined_free, also after a failure
 * fails as neighbours_find does */
bool mine_pairs(assembly *a, const float *features, int64_t rows, int64_t width,
                const mining_options *o, mined_pairs *ret, kd_error *err);
void mined_free(mined_pairs *p);

/* How often pairs are of one class. */
typedef struct mined_precision {
    int64_t labelled, same;  /* pairs of two labelled images; those of one class */
    double independent;      /* pairs that would say as much and share no image; <= labelled */
    double share, low, high; /* same / labelled, and Wilson's interval of 95 %, of so many */
    double chance;           /* that two different labelled images are of one class */
} mined_precision;

/* label [rows], -1: none. False when no pair has two labels. */
bool mined_measure(const mined_pairs *p, const int32_t *label, int64_t rows, mined_precision *ret);

#endif
