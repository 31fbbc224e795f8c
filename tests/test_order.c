/* SPDX-License-Identifier: Apache-2.0
 * The epoch's order: every sample once, every order equally likely, and always the same. */
#include "data/order.h"
#include "data_kit.h"

#include <stdlib.h>

TEST(order, takes_every_sample_once) {
    static const int64_t counts[] = {1, 2, 3, 7, 1000, 50000};
    for (int i = 0; i < 6; i++) {
        const int64_t n = counts[i];
        int32_t *order = kd_alloc((size_t)n * sizeof *order);
        char *seen = kd_alloc((size_t)n);
        order_fill(7, 3, order, n);
        for (int64_t j = 0; j < n; j++) {
            cr_assert(order[j] >= 0 && order[j] < n && !seen[order[j]]);
            seen[order[j]] = 1;
        }
        free(order);
        free(seen);
    }
}

/* Chi-square of how often each of the 120 permutations of 5 comes up, over 12000 epochs: 119
 * degrees of freedom, so above 180 one time in 4000, and the seed is fixed. */
TEST(order, permutations_are_equally_likely) {
    enum { N = 12000 };
    int seen[3125] = {0};
    for (int epoch = 0; epoch < N; epoch++) {
        int32_t p[5];
        order_fill(11, epoch, p, 5);
        seen[(((p[0] * 5 + p[1]) * 5 + p[2]) * 5 + p[3]) * 5 + p[4]]++;
    }
    int kinds = 0;
    double chi = 0;
    for (int i = 0; i < 3125; i++) {
        kinds += seen[i] > 0;
        chi += seen[i] ? (seen[i] - N / 120.0) * (seen[i] - N / 120.0) / (N / 120.0) : 0;
    }
    cr_assert_eq(kinds, 120);
    cr_assert(chi > 70 && chi < 180, "%g", chi);
}

/* Where sample 0 comes to lie, in 20 bins of a larger set, over epochs and over seeds. */
TEST(order, places_are_even) {
    enum { N = 4000, COUNT = 1000, BINS = 20 };
    for (int by_seed = 0; by_seed < 2; by_seed++) {
        int bins[BINS] = {0};
        int32_t p[COUNT];
        for (int i = 0; i < N; i++) {
            order_fill(by_seed ? (uint64_t)i : 5, by_seed ? 2 : i, p, COUNT);
            for (int j = 0; j < COUNT; j++) {
                bins[j * BINS / COUNT] += p[j] == 0;
            }
        }
        double chi = 0;
        for (int i = 0; i < BINS; i++) {
            chi += (bins[i] - N / (double)BINS) * (bins[i] - N / (double)BINS) / (N / (double)BINS);
        }
        cr_assert(chi > 4 && chi < 48, "%g", chi); /* 19 degrees of freedom: 3 in 10000 above 48 */
    }
}

TEST(order, depends_on_seed_and_epoch_alone) {
    int32_t a[100], b[100];
    order_fill(1, 1, a, 100);
    order_fill(1, 1, b, 100);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    order_fill(1, 2, b, 100);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    order_fill(2, 1, b, 100);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    order_fill((uint64_t)1 << 32 | 1, 1, b, 100);
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    /* golden: a change here changes every run there is */
    order_fill(1, 0, a, 8);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(a[i], ((const int32_t[]){4, 7, 5, 2, 0, 1, 3, 6})[i], "%d at %d", a[i], i);
    }
}

TEST(order, sides_are_fair) {
    int swapped = 0, repeated = 0;
    for (int epoch = 0; epoch < 100; epoch++) {
        for (int sample = 0; sample < 100; sample++) {
            const int32_t side = order_swap(3, epoch, sample);
            cr_assert(side == 0 || side == 1);
            swapped += side;
            repeated += side == order_swap(3, epoch + 1, sample);
        }
    }
    cr_assert(abs(swapped - 5000) < 200 && abs(repeated - 5000) < 200, "%d %d", swapped, repeated);
}

TEST(order, steps_of_an_epoch) {
    cr_assert(order_steps(10, 4, true) == 2 && order_steps(10, 4, false) == 3);
    cr_assert(order_steps(8, 4, true) == 2 && order_steps(8, 4, false) == 2);
    cr_assert(order_steps(3, 4, true) == 0 && order_steps(3, 4, false) == 1);
}
