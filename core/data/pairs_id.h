/* SPDX-License-Identifier: Apache-2.0
 * What lists of rejected pairs call the pairs of a dataset that is pairs already. */
#ifndef CORE_DATA_PAIRS_ID_H
#define CORE_DATA_PAIRS_ID_H

#include "data/manifest.h"

#include <kindred/dataset.h>

/* 12 hexadecimal digits, in `made`, of the path of the sample's first image: they stay the same
 * when other pairs are added. Of samples without paths they are made of the index and of the
 * dataset's fingerprint. */
const char *pairs_id(const kd_dataset *table, const kd_set *set, int64_t sample,
                     char made[PAIR_ID]);

#endif
