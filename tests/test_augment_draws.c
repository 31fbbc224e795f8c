/* SPDX-License-Identifier: Apache-2.0
 * Statistics of what augmentation draws. Seeds are fixed, so nothing here fails by chance: bounds
 * are those that a fair generator exceeds once in a thousand. */
#include "leaks.h"

#include <kindred/augment_math.h>
#include <math.h>
#include <stdlib.h>

#define DRAWS 24000

/* chi-square quantiles at 0.999 for 9 and 23 degrees of freedom */
#define CHI_10 27.9
#define CHI_24 49.7

static kd_view_key key_of(uint32_t sample) {
    const kd_view_key key = {.seed = 20260, .epoch = 2, .sample = sample, .view = 1};
    return key;
}

static double chi_square(const int *count, int bins) {
    double total = 0, sum = 0;
    for (int i = 0; i < bins; i++) {
        total += count[i];
    }
    for (int i = 0; i < bins; i++) {
        const double expected = total / bins;
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    }
    return sum;
}

/* Counts a value of [low, high] in one of ten bins. */
static void count_in(int *count, double value, double low, double high) {
    const int bin = (int)(10 * (value - low) / (high - low));
    cr_assert(value >= low - 1e-9 && value <= high + 1e-9, "%g not in [%g, %g]", value, low, high);
    count[bin < 0 ? 0 : bin > 9 ? 9 : bin]++;
}

static void expect_even(const int *count, const char *what) {
    const double chi = chi_square(count, 10);
    cr_expect_lt(chi, CHI_10, "%s: chi-square %g", what, chi);
    cr_expect_gt(chi, 0.5, "%s is too even: %g", what, chi);
}

/* Bounds within which every first try fits, so that no try is refused and all stay even. */
TEST(augment_draws, crops_are_even_in_area_ratio_and_place) {
    const double arg[8] = {0.08, 0.5, 3.0 / 4, 4.0 / 3};
    int area[10] = {0}, ratio[10] = {0}, top[10] = {0}, left[10] = {0};
    for (uint32_t i = 0; i < DRAWS; i++) {
        const kd_view_key key = key_of(i);
        const kd_box b = kd_box_draw(&key, 0, arg, 8000, 6000);
        const double aspect = log((double)b.width / b.height);
        cr_assert(b.top >= 0 && b.top + b.height <= 8000 && b.left >= 0 &&
                  b.left + b.width <= 6000);
        count_in(area, (double)b.width * b.height / 48e6, 0.0799, 0.5001);
        count_in(ratio, aspect, -0.288, 0.288);
        count_in(top, (double)b.top / (8000 - b.height), 0, 1);
        count_in(left, (double)b.left / (6000 - b.width), 0, 1);
    }
    expect_even(area, "area");
    expect_even(ratio, "log of the aspect ratio");
    expect_even(top, "top");
    expect_even(left, "left");
}

/* A crop that never fits: the largest centred one whose ratio does. */
TEST(augment_draws, crops_fall_back_to_the_centre) {
    const double arg[8] = {0.9, 1, 3.0 / 4, 4.0 / 3};
    const kd_view_key key = key_of(0);
    const kd_box tall = kd_box_draw(&key, 0, arg, 100, 9), wide = kd_box_draw(&key, 0, arg, 9, 100);
    cr_expect(tall.left == 0 && tall.width == 9 && tall.height == 12 && tall.top == 44);
    cr_expect(wide.top == 0 && wide.height == 9 && wide.width == 12 && wide.left == 44);
    const kd_box dot = kd_box_draw(&key, 0, (const double[8]){0.01, 0.02, 0.75, 4.0 / 3}, 1, 1);
    cr_expect(dot.top == 0 && dot.left == 0 && dot.height == 1 && dot.width == 1);
    const kd_box thin = kd_box_draw(&key, 0, (const double[8]){0.01, 0.02, 4, 5}, 9, 1);
    cr_expect(thin.height == 1 && thin.width == 1 && thin.top == 4);
}

TEST(augment_draws, ops_happen_as_often_as_told) {
    static const double ps[] = {0, 0.1, 0.2, 0.5, 0.8, 1};
    for (size_t k = 0; k < sizeof ps / sizeof *ps; k++) {
        int count = 0;
        for (uint32_t i = 0; i < DRAWS; i++) {
            const kd_view_key key = key_of(i);
            count += kd_draw_applies(&key, (int)k + 1, ps[k]);
        }
        const double deviation = sqrt(DRAWS * ps[k] * (1 - ps[k]));
        cr_expect_leq(fabs(count - DRAWS * ps[k]), 3.3 * deviation, "p %g: %d of %d", ps[k], count,
                      DRAWS);
    }
}

TEST(augment_draws, jitter_has_all_orders_and_even_factors) {
    const double arg[8] = {0.8, 0.4, 1.5, 0.8, 0.2};
    const double low[4] = {0.6, 0, 0.2, -0.2}, high[4] = {1.4, 2.5, 1.8, 0.2};
    int orders[256] = {0}, seen[24], n = 0, factor[4][10] = {{0}}, applies = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        const kd_view_key key = key_of(i);
        const kd_jitter j = kd_jitter_draw(&key, 2, arg);
        cr_assert_eq(1 << j.order[0] | 1 << j.order[1] | 1 << j.order[2] | 1 << j.order[3], 15);
        orders[j.order[0] << 6 | j.order[1] << 4 | j.order[2] << 2 | j.order[3]]++;
        applies += j.applies;
        for (int k = 0; k < 4; k++) {
            count_in(factor[k], (double)j.factor[k], low[k] - 1e-6, high[k] + 1e-6);
        }
    }
    for (int i = 0; i < 256; i++) {
        if (orders[i]) {
            cr_assert_lt(n, 24);
            seen[n++] = orders[i];
        }
    }
    cr_assert_eq(n, 24, "%d orders", n);
    cr_expect_lt(chi_square(seen, 24), CHI_24);
    cr_expect_lt(abs(applies - DRAWS * 8 / 10), 3.3 * sqrt(DRAWS * 0.16));
    for (int k = 0; k < 4; k++) {
        expect_even(factor[k], "factor");
    }
}

TEST(augment_draws, sigma_and_angle_are_even) {
    const double blur[8] = {1, 0, 0.1, 2}, rotate[8] = {1, 30, 0};
    int sigma[10] = {0}, angle[10] = {0};
    const double limit = 30 * acos(-1) / 180;
    for (uint32_t i = 0; i < DRAWS; i++) {
        const kd_view_key key = key_of(i);
        count_in(sigma, kd_sigma_draw(&key, 3, blur), 0.1, 2);
        count_in(angle, kd_angle_draw(&key, 4, rotate), -limit, limit);
    }
    expect_even(sigma, "sigma");
    expect_even(angle, "angle");
}

static int by_value(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Whether an op happens says nothing about another op, view, epoch or sample. */
TEST(augment_draws, draws_of_different_ops_are_independent) {
    enum { WORDS = 4 * 4 * 4 * 4 * 4 * 2 };
    uint32_t *word = malloc(WORDS * sizeof *word);
    int n = 0;
    for (uint32_t i = 0; i < 4 * 4 * 4 * 4 * 2; i++) {
        const kd_view_key key = {
            .seed = 1 + (i >> 8), .epoch = i & 3, .sample = i >> 2 & 3, .view = i >> 4 & 3};
        const kd_philox r = kd_view_draw(&key, (int)(i >> 6 & 3), 0);
        for (int k = 0; k < 4; k++) {
            word[n++] = r.word[k];
        }
    }
    qsort(word, (size_t)n, sizeof *word, by_value);
    for (int i = 1; i < n; i++) {
        cr_assert_neq(word[i - 1], word[i], "two draws are one");
    }
    free(word);

    int both[4] = {0}; /* of two neighbouring ops with p 1/2: each of four outcomes as often */
    for (uint32_t i = 0; i < DRAWS; i++) {
        const kd_view_key key = key_of(i);
        const int flip = kd_draw_applies(&key, 1, 0.5);
        both[flip << 1 | kd_draw_applies(&key, 3, 0.5)]++;
    }
    cr_expect_lt(chi_square(both, 4), 16.3);
}

/* Random123's known answers (kat_vectors, philox 4x32 of 10 rounds). */
TEST(augment_draws, philox_gives_the_known_answers) {
    static const struct {
        uint64_t key;
        uint32_t counter[4], want[4];
    } known[] = {
        {0, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX,
         {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = known[i].counter;
        const kd_philox got = kd_philox_draw(known[i].key, c[0], c[1], c[2], c[3]);
        cr_expect_arr_eq(got.word, known[i].want, sizeof got.word, "answer %d", i);
    }
}
