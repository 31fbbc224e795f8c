/* SPDX-License-Identifier: Apache-2.0
 * Pairs that a person is to look at: some of a manifest's, or of a dataset of pairs. */
#ifndef CORE_DATA_PAIRS_SHOWN_H
#define CORE_DATA_PAIRS_SHOWN_H

#include "base/arena.h"

#include <kindred/dataset.h>

typedef struct shown_options {
    const char *manifest; /* NULL: the dataset's samples are pairs */
    const char *reject;   /* ids that were turned down before; NULL: none */
    int64_t count;        /* of pairs; 0: all */
    int64_t per_class;    /* pairs of each class, instead of `count`; 0: as count says */
    uint64_t seed;        /* of which ones */
} shown_options;

typedef struct shown_pair {
    const char *id; /* what a list of rejected pairs calls it */
    struct {
        int64_t sample;         /* of the dataset */
        int32_t place;          /* which of the sample's images */
        const char *name;       /* its path, or "#17"; what is second of a sample has its own only
                                   once it has been read */
        const char *class_name; /* NULL: it has no label */
    } side[2];
    int32_t class;     /* -1: none, or two */
    double similarity; /* NAN: not given */
    bool rejected;
} shown_pair;

typedef struct shown_pairs {
    shown_pair *pair; /* [count], in the order of the manifest */
    int64_t count, total;
    const char **hidden; /* [n_hidden] ids that were turned down and are not among these */
    int64_t n_hidden;
    arena memory;
} shown_pairs;

/* owns   shown_free, also after a failure
 * fails  as a manifest and a list of rejected pairs do when a run reads them, and when two pairs
 *        have one id, for they could be turned down only together */
bool pairs_shown(const kd_dataset *table, const kd_set *set, const shown_options *o,
                 shown_pairs *ret, kd_error *err);
void shown_free(shown_pairs *p);

#endif
