/* SPDX-License-Identifier: Apache-2.0
 * A dataset in memory with the options to pack it with: what the tests of stores share. */
#ifndef TESTS_PACKING_H
#define TESTS_PACKING_H

#include "data/store.h"
#include "data_kit.h"

typedef struct packing {
    kit kit;
    kit_list list;
    kd_set *set;
    store_options options;
    int reads, progress_calls;
    int64_t done, total, skipped;
    int64_t cancel_at; /* -1: never */
} packing;

void packing_init(packing *p); /* no images yet; size 16 */
void packing_finish(packing *p);

store *packing_open(packing *p);
void packing_expect_failure(packing *p, int32_t code, const char *part);
char *packing_path(packing *p); /* the caller frees */
int packing_files(packing *p);  /* in the cache */

void packing_expect_image(const store *s, int64_t i, const image *want);

/* Fills the list with images of many sizes; from `color` on every third has colour. */
#define MANY 40
kit_file *packing_many(packing *p, image *pictures, int color);

#endif
