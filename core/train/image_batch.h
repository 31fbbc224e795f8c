/* SPDX-License-Identifier: Apache-2.0
 * Images of some samples laid one after another, as a program takes them that is handed its images
 * batch by batch. */
#ifndef CORE_TRAIN_IMAGE_BATCH_H
#define CORE_TRAIN_IMAGE_BATCH_H

#include <kindred/method.h>

#include "data/source.h"
#include "graph/engine.h"

typedef struct image_batch {
    int64_t count;    /* images */
    int64_t bytes;    /* room for so many of the largest */
    int64_t used;     /* of them, since the last image_batch_gather */
    int32_t channels; /* of the program's; grey images are made colour of three equal channels */
    uint8_t *pixels;  /* [bytes], NULL: image_batch_open is still to come */
    row *rows;        /* [count] */
} image_batch;

/* Takes the memory; again it does nothing. owns: image_batch_close */
void image_batch_open(image_batch *b);
void image_batch_close(image_batch *b);

/* Bytes of host memory, while it is open. */
size_t image_batch_memory(const image_batch *b);

/* Bytes of the largest image of a set, with `channels` channels. */
int64_t image_batch_largest(const source *from, int32_t channels);

/* Lays out the first images of so many samples, by position in the set's list; rows beyond `count`
 * repeat the first. */
void image_batch_gather(image_batch *b, const source *from, const int64_t *sample, int64_t count);

/* The inputs "pixels", "rows" and "key" (seed, epoch) of a program. */
bool image_batch_write(const image_batch *b, kd_program *p, uint64_t seed, int64_t epoch,
                       kd_error *err);

#endif
