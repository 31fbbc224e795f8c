/* SPDX-License-Identifier: Apache-2.0
 * What making a packed store and mapping it share. */
#ifndef CORE_DATA_STORE_FILE_H
#define CORE_DATA_STORE_FILE_H

#include "base/arena.h"
#include "base/sha256.h"
#include "data/decode.h"
#include "data/store.h"

#define STORE_BAD_LISTED 1000
#define STORE_BAD_HINT "mend or remove the file, or leave such samples out with data.on_error: skip"

/* Decodes the dataset of the options into a new file at `path`, which appears when it is whole. */
bool store_build(const store_options *options, const char *path, const char *key, kd_error *err);

/* Of all tensors but the pixels. */
void store_index_digest(const store *s, char ret[SHA256_HEX]);

/* One sample, decoded and shrunk, and what the statistics need of it. */
typedef struct decoded {
    int64_t index; /* in the dataset */
    int32_t n_images, label;
    image images[KD_MAX_IMAGES];
    uint64_t sum[3], sum_of_squares[3], pixels; /* of all its images; grey counts in each channel */
    bool good;
    kd_error error;
} decoded;

/* Reads sample d->index and fills the rest. [any thread] */
void sample_decode(const store_options *options, decoded *d);
void decoded_free(decoded *d);

/* All samples, decoded in parallel and spooled to disk in the order of reading. */
typedef struct spooled_image {
    int64_t offset; /* in the spool */
    int32_t height, width, channels, reserved;
} spooled_image;
typedef struct spooled_sample {
    int64_t first; /* image; -1: left out */
    int32_t n_images, label;
} spooled_sample;

typedef struct spool {
    const store_options *options;
    struct file_writer *file;
    int64_t bytes, n_images, room, n_samples, n_good, n_bad;
    spooled_image *image;
    spooled_sample *sample; /* [n_samples] by index in the dataset */
    uint64_t sum[3], sum_of_squares[3], pixels;
    bool colour; /* some image has 3 channels */
    char *bad[STORE_BAD_LISTED];
} spool;

bool spool_fill(spool *s, kd_error *err);
void spool_finish(spool *s);

/* Whether it was made of what the key is of. */
bool store_has_key(const store *s, const char *key);

#endif
