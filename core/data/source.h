/* SPDX-License-Identifier: Apache-2.0
 * From a dataset plugin's table to something to train or evaluate on: opens the dataset, makes or
 * maps its store, reads the pairs, and closes the dataset again. */
#ifndef CORE_DATA_SOURCE_H
#define CORE_DATA_SOURCE_H

#include "data/order.h"
#include "data/variants.h"

typedef struct source_options {
    const kd_dataset *table;
    const void *config;       /* the plugin's config struct, filled */
    const char *id, *version; /* the plugin's */
    const char *options;      /* its resolved options as text */
    const kd_host *host;
    int32_t store_size;  /* data.store.size in pixels; 0: full */
    int32_t on_error;    /* data.on_error: ON_ERROR_FAIL or ON_ERROR_SKIP */
    struct pool *pool;   /* as in store_options */
    const char *cache;   /* data.store.cache; NULL or "": the default folder */
    const char *factors; /* data.factors: a manifest of variants; NULL or "": none */
    pair_options pairs;  /* data.pairs */
    store_progress progress;
    void *context;
} source_options;

typedef struct source {
    store *store;
    samples samples;
    variants variants;
} source;

/* when [main thread]. owns: the caller closes. fails with the plugin's message, or as store_open,
 * samples_open and variants_open do. */
bool source_open(const source_options *options, source **ret, kd_error *err);
void source_close(source *s);

#endif
