/* SPDX-License-Identifier: Apache-2.0
 * A contact sheet of pairs: one HTML file in which a person ticks those that are none, and takes
 * the list away. */
#ifndef CORE_REPORT_PAIR_SHEET_H
#define CORE_REPORT_PAIR_SHEET_H

#include "data/pairs_shown.h"

typedef struct pair_sheet {
    const kd_dataset *table;
    kd_set *set;      /* opened; images are read from it, in its order */
    const char *name; /* of the manifest or the dataset, for the title */
    const shown_pairs *pairs;
    /* Called after each image; false cancels (KD_E_CANCELLED). May be NULL. */
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
} pair_sheet;

/* Writes the page, whole or not at all. An image that cannot be read is a sentence in its place.
 *
 * ret_broken  how many images could not be read
 * ret_bytes   of the page */
bool pair_sheet_write(const pair_sheet *s, const char *path, int64_t *ret_broken, size_t *ret_bytes,
                      kd_error *err);

#endif
