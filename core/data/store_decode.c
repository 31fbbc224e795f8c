/* SPDX-License-Identifier: Apache-2.0
 * One sample of a dataset into the pixels that the store keeps. */
#include "data/sample_image.h"
#include "data/store_file.h"

#include <inttypes.h>
#include <stdlib.h>

static void count_pixels(decoded *d, const image *from) {
    const int64_t pixels = (int64_t)from->height * from->width;
    const int channels = from->channels;
    for (int c = 0; c < channels; c++) {
        uint64_t sum = 0, squares = 0;
        for (int64_t i = 0; i < pixels; i++) {
            const uint32_t v = from->pixels[i * channels + c];
            sum += v;
            squares += v * v;
        }
        for (int to = c; to < (channels == 1 ? 3 : c + 1); to++) {
            d->sum[to] += sum;
            d->sum_of_squares[to] += squares;
        }
    }
    d->pixels += (uint64_t)pixels;
}

static bool decode_images(const store_options *o, const kd_sample *sample, decoded *d) {
    if (sample->n_images < 1 || sample->n_images > KD_MAX_IMAGES) {
        return kd_fail(&d->error, KD_E_INTERNAL, "the dataset plugin gave a sample of %u images",
                       sample->n_images);
    }
    for (uint32_t i = 0; i < sample->n_images; i++) {
        const kd_image *from = &sample->images[i];
        if (!sample_image(from, o->size, &d->images[i], &d->error)) {
            return from->name ? kd_while(&d->error, "%s", from->name)
                              : kd_while(&d->error, "sample %" PRId64, d->index);
        }
        d->n_images++;
        count_pixels(d, &d->images[i]);
    }
    return true;
}

void sample_decode(const store_options *options, decoded *d) {
    kd_sample sample = {.size = sizeof sample, .label = -1};
    d->error = (kd_error)KD_ERROR_INIT;
    if (!options->table->read(options->set, d->index, &sample, &d->error)) {
        return;
    }
    const int32_t classes = options->table->classes(options->set);
    d->label = sample.label < 0 ? -1 : sample.label;
    if (d->label >= (classes > 0 ? classes : 1)) {
        kd_fail(&d->error, KD_E_INTERNAL,
                "the dataset plugin gave sample %" PRId64 " label %d of %d classes", d->index,
                d->label, classes);
    } else {
        d->good = decode_images(options, &sample, d);
    }
    options->table->release_sample(options->set, &sample);
}

void decoded_free(decoded *d) {
    for (int i = 0; i < d->n_images; i++) {
        free(d->images[i].pixels);
    }
}
