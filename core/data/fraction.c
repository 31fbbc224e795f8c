/* SPDX-License-Identifier: Apache-2.0
 * One order of all samples, of which every fraction is the beginning. */
#include "data/fraction.h"

#include "base/arena.h"
#include "data/order.h"

#include <math.h>
#include <stdlib.h>

/* Apart from all other draws, whatever the seeds are. */
#define FRACTION_SEED (UINT64_C(0x46524143) << 32)

/* The k-th of a class of n, in an order by chance, stands (k + 1/2) / n of the way. So every
 * beginning has of each class its share. */
typedef struct ranked {
    int64_t k, n; /* both below 2^31: products of two fit 64 bits */
    int64_t draw; /* tells apart what stands at one place */
    int32_t sample;
} ranked;

static int by_place(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    const int64_t x = (2 * a->k + 1) * b->n, y = (2 * b->k + 1) * a->n;
    return x != y ? (x > y) - (x < y) : (a->draw > b->draw) - (a->draw < b->draw);
}

static ranked *rank(uint64_t seed, const int32_t *class, int64_t count) {
    ranked *list = kd_alloc((size_t)count * sizeof *list);
    int32_t *order = kd_alloc((size_t)count * sizeof *order), classes = 0;
    for (int64_t i = 0; i < count; i++) {
        classes = class[i] >= classes ? class[i] + 1 : classes;
    }
    int64_t *of_class = kd_alloc(((size_t)classes + 1) * sizeof *of_class);
    order_fill(seed ^ FRACTION_SEED, 0, order, count);
    for (int64_t i = 0; i < count; i++) {
        const int32_t sample = order[i];
        list[i] = (ranked){.k = of_class[class[sample] + 1]++, .draw = i, .sample = sample};
    }
    for (int64_t i = 0; i < count; i++) {
        list[i].n = of_class[class[list[i].sample] + 1];
    }
    free(of_class);
    free(order);
    return list;
}

void fraction_choose(double fraction, uint64_t seed, const int32_t *class, int64_t count,
                     bool *kept) {
    const int64_t share = llround(fraction * (double)count), wanted = share < 1 ? 1 : share;
    ranked *list = rank(seed, class, count);
    qsort(list, (size_t)count, sizeof *list, by_place);
    for (int64_t i = 0; i < count; i++) {
        kept[list[i].sample] = i < wanted;
    }
    free(list);
}
