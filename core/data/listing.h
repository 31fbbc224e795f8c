/* SPDX-License-Identifier: Apache-2.0
 * What a dataset says of its samples without any image: paths, labels, names of classes. */
#ifndef CORE_DATA_LISTING_H
#define CORE_DATA_LISTING_H

#include "base/arena.h"
#include "data/manifest.h"

#include <kindred/dataset.h>

typedef struct listing {
    int64_t count;                 /* of samples */
    const char *const *path;       /* [count]; NULL: the samples have no paths */
    const int32_t *label;          /* [count] -1: none */
    int32_t classes;               /* 0: no labels */
    const char *const *class_name; /* [classes], each may be NULL */
    arena memory;
} listing;

/* Opens the dataset and closes it again; nothing is decoded.
 *
 * owns   listing_free, also after a failure
 * fails  with the plugin's message, and where samples are pairs already */
bool listing_open(const kd_dataset *table, const void *config, const kd_host *host, listing *ret,
                  kd_error *err);
void listing_free(listing *l);

/* How a manifest names a sample: by its path where there are paths. Lives as long as the listing.
 */
image_reference listing_reference(const listing *l, int64_t index);

/* The name of a class, or its number as text in `made`. */
#define CLASS_NUMBER 16 /* bytes */
const char *listing_class(const listing *l, int32_t label, char made[CLASS_NUMBER]);

#endif
