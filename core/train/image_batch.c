/* SPDX-License-Identifier: Apache-2.0
 * Gathering images from a mapped store. */
#include "train/image_batch.h"

#include <stdlib.h>

void image_batch_open(image_batch *b) {
    if (!b->pixels) {
        b->pixels = kd_alloc((size_t)b->bytes);
        b->rows = kd_alloc((size_t)b->count * sizeof *b->rows);
    }
}

void image_batch_close(image_batch *b) {
    free(b->pixels);
    free(b->rows);
    b->pixels = NULL;
    b->rows = NULL;
}

size_t image_batch_memory(const image_batch *b) {
    return (size_t)b->bytes + (size_t)b->count * sizeof *b->rows;
}

int64_t image_batch_largest(const source *from, int32_t channels) {
    return (int64_t)from->store->max_height * from->store->max_width * channels;
}

static void copy_image(uint8_t *to, int32_t channels, const store *s, int64_t image) {
    const uint8_t *from = s->pixels + s->offset[image];
    const size_t pixels = (size_t)s->height[image] * (size_t)s->width[image];
    if (channels == s->channels) {
        memcpy(to, from, pixels * (size_t)channels);
    } else {
        for (size_t i = 0; i < pixels; i++) {
            to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = from[i];
        }
    }
}

void image_batch_gather(image_batch *b, const source *from, const int64_t *sample, int64_t count) {
    const store *s = from->store;
    int64_t end = 0;
    for (int64_t i = 0; i < b->count; i++) {
        if (i >= count) {
            b->rows[i] = b->rows[0];
            continue;
        }
        const int32_t image = from->samples.image[sample[i] * from->samples.n_images];
        copy_image(b->pixels + end, b->channels, s, image);
        b->rows[i] = (row){.offset = end,
                           .height = s->height[image],
                           .width = s->width[image],
                           .sample = sample[i]};
        end += (int64_t)s->height[image] * s->width[image] * b->channels;
    }
    b->used = end;
}

bool image_batch_write(const image_batch *b, kd_program *p, uint64_t seed, int64_t epoch,
                       kd_error *err) {
    const int64_t key[2] = {(int64_t)seed, epoch};
    return program_write_first(p, "pixels", b->pixels, (size_t)b->used, err) &&
           program_write(p, "rows", b->rows, (size_t)b->count * sizeof *b->rows, err) &&
           program_write(p, "key", key, sizeof key, err);
}
