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

void order_fill(uint64_t seed, int64_t epoch, int32_t *permutation, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t j = below(draw(seed, epoch, i, DRAW_ORDER), (uint32_t)(i + 1));
        permutation[i] = permutation[j];
        permutation[j] = (int32_t)i;
    }
}

int64_t order_steps(int64_t count, int64_t batch, bool drop_last) {
    return drop_last ? count / batch : (count + batch - 1) / batch;
}

int32_t order_swap(uint64_t seed, int64_t epoch, int64_t sample) {
    return (int32_t)(draw(seed, epoch, sample, DRAW_SIDE).word[0] >> 31);
}

int64_t batch_rows(const store *s, const samples *list, const int32_t *permutation, uint64_t seed,
                   int64_t epoch, int64_t step, int64_t batch, int32_t side, row *rows) {
    const int64_t begin = step * batch;
    for (int64_t i = 0; i < batch; i++) {
        const int64_t at = (begin + i) % list->count;
        const int64_t sample = permutation ? permutation[at] : at;
        const int32_t which =
            list->n_images == 2 ? (side & 1) ^ order_swap(seed, epoch, sample) : 0;
        const int32_t image = list->image[sample * list->n_images + which];
        rows[i] = (row){s->offset[image], s->height[image], s->width[image], sample};
    }
    const int64_t left = list->count - begin;
    return left < batch ? (left > 0 ? left : 0) : batch;
}
