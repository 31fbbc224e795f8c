/* SPDX-License-Identifier: Apache-2.0
 * Decodes a whole dataset in parallel into a spool file beside the store.
 *
 * Samples are taken in the order that is cheap to read, a chunk at a time: decoded on all threads,
 * then written in that order. A chunk is as large as a fixed budget allows for images of the size
 * seen so far, so memory is bounded whatever the dataset. */
#include "base/file.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/store_file.h"

#include <stdlib.h>

#define CHUNK_MOST 256
#define CHUNK_BYTES ((int64_t)64 << 20)

typedef struct place {
    int64_t order, index;
} place;

static int by_order(const void *left, const void *right) {
    const place *a = left, *b = right;
    const int difference = (a->order > b->order) - (a->order < b->order);
    return difference ? difference : (a->index > b->index) - (a->index < b->index);
}

static place *reading_order(const store_options *o, int64_t count) {
    place *list = kd_alloc((size_t)count * sizeof *list);
    const bool ordered = KD_HAS(kd_dataset, o->table, order);
    for (int64_t i = 0; i < count; i++) {
        list[i] = (place){ordered ? o->table->order(o->set, i) : i, i};
    }
    if (ordered && count > 0) {
        qsort(list, (size_t)count, sizeof *list, by_order);
    }
    return list;
}

typedef struct chunk {
    const store_options *options;
    decoded *slots;
} chunk;

static void decode_slots(void *arg, int64_t begin, int64_t end) {
    const chunk *c = arg;
    for (int64_t i = begin; i < end; i++) {
        sample_decode(c->options, &c->slots[i]);
    }
}

static bool spool_image(spool *s, const image *from, kd_error *err) {
    const size_t bytes = (size_t)from->height * (size_t)from->width * (size_t)from->channels;
    if (s->n_images == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->image = kd_grow(s->image, (size_t)s->room * sizeof *s->image);
    }
    s->image[s->n_images++] =
        (spooled_image){s->bytes, from->height, from->width, from->channels, 0};
    s->bytes += (int64_t)bytes;
    s->colour |= from->channels == 3;
    return file_writer_append(s->file, from->pixels, bytes, err);
}

static bool take_good(spool *s, const decoded *d, kd_error *err) {
    if (s->n_images + d->n_images > INT32_MAX) {
        return kd_fail(err, KD_E_UNSUPPORTED, "more than 2147483647 images");
    }
    s->sample[d->index] = (spooled_sample){s->n_images, d->n_images, d->label};
    s->n_good++;
    s->pixels += d->pixels;
    for (int c = 0; c < 3; c++) {
        s->sum[c] += d->sum[c];
        s->sum_of_squares[c] += d->sum_of_squares[c];
    }
    for (int i = 0; i < d->n_images; i++) {
        if (!spool_image(s, &d->images[i], err)) {
            return false;
        }
    }
    return true;
}

static bool take_bad(spool *s, const decoded *d, kd_error *err) {
    if (s->options->on_error == ON_ERROR_FAIL) {
        kd_fail(err, d->error.code, "%s", d->error.message);
        return kd_hint(err, "%s", d->error.code == KD_E_INTERNAL ? "" : STORE_BAD_HINT);
    }
    log_line(KD_LOG_WARN, "left out: %s", d->error.message);
    if (s->n_bad < STORE_BAD_LISTED) {
        s->bad[s->n_bad] = strdup(d->error.message);
    }
    s->n_bad++;
    return true;
}

/* Decodes and writes `count` samples; *most grows to the bytes of the largest. */
static bool run_chunk(spool *s, pool *threads, const place *places, int64_t count, int64_t *most,
                      kd_error *err) {
    chunk c = {s->options, kd_alloc((size_t)count * sizeof(decoded))};
    for (int64_t i = 0; i < count; i++) {
        c.slots[i].index = places[i].index;
    }
    pool_run(threads, count, 1, decode_slots, &c);
    bool good = true;
    for (int64_t i = 0; i < count; i++) {
        const decoded *d = &c.slots[i];
        const int64_t bytes = 3 * (int64_t)d->pixels;
        *most = bytes > *most ? bytes : *most;
        good = good && (d->good ? take_good(s, d, err) : take_bad(s, d, err));
    }
    for (int64_t i = 0; i < count; i++) {
        decoded_free(&c.slots[i]);
    }
    free(c.slots);
    return good;
}

static bool run_chunks(spool *s, pool *threads, const place *places, kd_error *err) {
    int64_t done = 0, most = 1;
    int64_t size = 2 * pool_threads(threads); /* to begin with: nothing is known of the images */
    bool good = true;
    while (good && done < s->n_samples) {
        const int64_t left = s->n_samples - done, count = size < left ? size : left;
        good = run_chunk(s, threads, places + done, count, &most, err);
        done += count;
        if (good && s->options->progress &&
            !s->options->progress(s->options->context, done, s->n_samples, s->n_bad)) {
            good = kd_fail(err, KD_E_CANCELLED, "cancelled while packing images");
        }
        const int64_t fits = CHUNK_BYTES / most;
        size = fits > CHUNK_MOST              ? CHUNK_MOST
               : fits < pool_threads(threads) ? pool_threads(threads)
                                              : fits;
    }
    return good;
}

bool spool_fill(spool *s, kd_error *err) {
    const store_options *o = s->options;
    s->n_samples = o->table->count(o->set);
    if (s->n_samples < 1) {
        return kd_fail(err, KD_E_INVALID, "the dataset has no samples");
    }
    s->sample = kd_alloc((size_t)s->n_samples * sizeof *s->sample);
    for (int64_t i = 0; i < s->n_samples; i++) {
        s->sample[i].first = -1;
    }
    /* A device's threads spin at barriers, so decoding yields to everything. */
    pool *threads = o->pool ? o->pool : pool_create(threads_available(), 19, err);
    if (!threads) {
        return false;
    }
    place *places = reading_order(o, s->n_samples);
    bool good = run_chunks(s, threads, places, err);
    free(places);
    if (threads != o->pool) {
        pool_destroy(threads);
    }
    if (good && s->n_good == 0) {
        good = kd_fail(err, KD_E_DATA, "not one image could be read, first: %s", s->bad[0]);
    }
    return good;
}

void spool_finish(spool *s) {
    for (int64_t i = 0; i < s->n_bad && i < STORE_BAD_LISTED; i++) {
        free(s->bad[i]);
    }
    free(s->image);
    free(s->sample);
}
