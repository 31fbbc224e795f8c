/* SPDX-License-Identifier: Apache-2.0
 * The packed store: a dataset's images, decoded and shrunk once, in one memory-mapped safetensors
 * file that Python can open too.
 *
 * pixels   u8  [bytes]       images one after another, each [height, width, channels]
 * offset   i64 [images]      where an image begins in `pixels`, in bytes
 * height   i32 [images]      width i32 [images]
 * samples  i32 [samples, 2]  first image and number of images
 * source   i64 [samples]     the sample's index in the dataset: differs once broken ones are left
 * out label    i32 [samples]     -1: none */
#ifndef CORE_DATA_STORE_H
#define CORE_DATA_STORE_H

#include <kindred/dataset.h>

#define STORE_FORMAT "1"

typedef struct store {
    const char *path;
    const uint8_t *pixels;
    int64_t pixel_bytes;
    int64_t images;
    const int64_t *offset;
    const int32_t *height, *width;
    int64_t samples;
    const int32_t *range; /* [samples, 2]: the tensor `samples` */
    const int64_t *source;
    const int32_t *label;
    int32_t channels; /* 1 or 3, the same for all images */
    int32_t classes;  /* 0: no labels */
    int32_t max_height, max_width, min_side;
    const char *const *class_name; /* [classes], each may be NULL */
    double mean[3], std[3];        /* of each channel over all pixels, in [0, 1] */
    int64_t n_bad;                 /* broken samples that were left out */
    const char *const *bad;        /* [min(n_bad, 1000)] "path: what is wrong with it" */
} store;

#define ON_ERROR_FAIL 0
#define ON_ERROR_SKIP 1

/* Called on the main thread as the store is built. false cancels (KD_E_CANCELLED). */
typedef bool (*store_progress)(void *context, int64_t done, int64_t total, int64_t skipped);

typedef struct store_options {
    const kd_dataset *table;
    kd_set *set;              /* opened */
    const char *id, *version; /* of the plugin */
    const char *options;      /* its resolved options as text: part of the store's name */
    int32_t size;             /* of the short side in pixels; 0: images stay as they are */
    int32_t on_error;         /* ON_ERROR_ */
    struct pool *pool;        /* the host's threads; NULL: makes its own, at the lowest priority */
    const char *cache;        /* folder; NULL: $XDG_CACHE_HOME/kindred or ~/.cache/kindred */
    store_progress progress;  /* may be NULL */
    void *context;
} store_options;

/* Maps the store that fits the options, building it first where there is none, or where the one
 * there is damaged. Building streams to a file beside it, so memory is bounded; the finished file
 * is renamed into place.
 *
 * when   [main thread]
 * fails  naming the broken image (on_error: fail), when no image is left, when the disk is full
 * owns   the caller closes */
bool store_open(const store_options *options, store **ret, kd_error *err);
/* Maps an existing file. fails when it is damaged. */
bool store_map(const char *path, store **ret, kd_error *err);
void store_close(store *s);
/* The store's sample of a dataset's index; -1: left out as broken. */
int64_t store_find(const store *s, int64_t index);
/* Where store_open looks for it, whether it is there or not. The caller frees. */
bool store_path(const store_options *options, char **ret, kd_error *err);

#endif
