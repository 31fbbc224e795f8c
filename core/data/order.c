/* SPDX-License-Identifier: Apache-2.0
 * Fisher and Yates's shuffle, with Philox draws counted by position: nothing depends on threads. */
#include "data/order.h"

#include <kindred/philox.h>

/* Purposes: the last word of the counter. Augmentation uses small numbers there. */
#define DRAW_ORDER 0x4f524452u
#define DRAW_SIDE 0x53494445u

static kd_philox draw(uint64_t seed, int64_t epoch, int64_t position, uint32_t purpose) {
    return kd_philox_draw(seed, (uint32_t)position, (uint32_t)(position >> 32), (uint32_t)epoch,
                          purpose);
}

/* Evenly in [0, bound): Lemire 2019, "Fast random integer generation in an interval". A word is
 * rejected with a chance below bound / 2^32; the next of the draw's four words follows. */
static int64_t below(kd_philox words, uint32_t bound) {
    uint64_t product = 0;
    for (int i = 0; i < 4; i++) {
        product = (uint64_t)words.word[i] * bound;
        if ((uint32_t)product >= bound || (uint32_t)product >= (0u - bound) % bound) {
            break;
        }
    }
    return (int64_t)(product >> 32);
}

/* Draws are made, and rows are filled, so many at a time, each thing for all of them: the compiler
 * makes several draws at once, and reads from all over the lists do not wait for one another. */
#define CHUNK 64

void order_fill(uint64_t seed, int64_t epoch, int32_t *permutation, int64_t count) {
    for (int64_t first = 0; first < count; first += CHUNK) {
        const int64_t end = first + CHUNK < count ? first + CHUNK : count;
        kd_philox words[CHUNK];
        for (int64_t i = first; i < end; i++) {
            words[i - first] = draw(seed, epoch, i, DRAW_ORDER);
        }
        for (int64_t i = first; i < end; i++) {
            const int64_t j = below(words[i - first], (uint32_t)(i + 1));
            permutation[i] = permutation[j];
            permutation[j] = (int32_t)i;
        }
    }
}

int64_t order_steps(int64_t count, int64_t batch, bool drop_last) {
    return drop_last ? count / batch : (count + batch - 1) / batch;
}

int32_t order_swap(uint64_t seed, int64_t epoch, int64_t sample) {
    return (int32_t)(draw(seed, epoch, sample, DRAW_SIDE).word[0] >> 31);
}

typedef struct chunk {
    int64_t count;
    int32_t sample[CHUNK], image[CHUNK];
} chunk;

static void choose_samples(chunk *c, const samples *list, const int32_t *permutation,
                           int64_t begin) {
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t at = begin + i < list->count ? begin + i : (begin + i) % list->count;
        c->sample[i] = permutation ? permutation[at] : (int32_t)at;
    }
}

static void choose_images(chunk *c, const samples *list, uint64_t seed, int64_t epoch,
                          int32_t side) {
    int32_t which[CHUNK] = {0};
    for (int64_t i = 0; list->n_images == 2 && i < c->count; i++) {
        which[i] = (side & 1) ^ order_swap(seed, epoch, c->sample[i]);
    }
    for (int64_t i = 0; i < c->count; i++) {
        c->image[i] = list->image[(int64_t)c->sample[i] * list->n_images + which[i]];
    }
}

int64_t batch_rows(const store *s, const samples *list, const int32_t *permutation, uint64_t seed,
                   int64_t epoch, int64_t step, int64_t batch, int32_t side, row *rows) {
    const int64_t begin = step * batch, left = list->count - begin;
    for (int64_t first = 0; first < batch; first += CHUNK) {
        chunk c = {.count = batch - first < CHUNK ? batch - first : CHUNK};
        choose_samples(&c, list, permutation, begin + first);
        choose_images(&c, list, seed, epoch, side);
        for (int64_t i = 0; i < c.count; i++) {
            const int32_t image = c.image[i];
            rows[first + i] =
                (row){s->offset[image], s->height[image], s->width[image], c.sample[i]};
        }
    }
    return left < batch ? (left > 0 ? left : 0) : batch;
}
