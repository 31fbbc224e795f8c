/* SPDX-License-Identifier: Apache-2.0
 * Arms: which images of a list of pairs a run sees. */
#include "data/pairs_arm.h"

#include "data/order.h"

#include <inttypes.h>
#include <stdlib.h>

/* Partners are drawn apart from the order of training, whatever the two seeds are. */
#define PARTNER_SEED (UINT64_C(0x50415254) << 32)

void samples_make(samples *list, int64_t count, int32_t n_images) {
    *list = (samples){.n_images = n_images};
    list->image = kd_alloc((size_t)(count * n_images) * sizeof *list->image);
    list->label = kd_alloc((size_t)count * sizeof *list->label);
    list->source = kd_alloc((size_t)count * sizeof *list->source);
}

void samples_free(samples *list) {
    free(list->image);
    free(list->label);
    free(list->source);
    *list = (samples){0};
}

/* The pairs being given to an arm. */
typedef struct dealing {
    const pair *pairs;
    int64_t count;
    uint64_t seed;
    const char *what;
} dealing;

static bool take_first(const dealing *d, samples *ret, kd_error *err) {
    (void)err;
    samples_make(ret, d->count, 1);
    for (; ret->count < d->count; ret->count++) {
        ret->image[ret->count] = d->pairs[ret->count].image[0];
        ret->label[ret->count] = d->pairs[ret->count].label;
        ret->source[ret->count] = d->pairs[ret->count].source;
    }
    return true;
}

static bool take_both(const dealing *d, samples *ret, kd_error *err) {
    (void)err;
    samples_make(ret, d->count, 2);
    for (; ret->count < d->count; ret->count++) {
        memcpy(&ret->image[2 * ret->count], d->pairs[ret->count].image, 2 * sizeof *ret->image);
        ret->label[ret->count] = d->pairs[ret->count].label;
        ret->source[ret->count] = d->pairs[ret->count].source;
    }
    return true;
}

static int64_t largest_image(const dealing *d) {
    int64_t largest = 0;
    for (int64_t i = 0; i < d->count; i++) {
        for (int side = 0; side < 2; side++) {
            largest = d->pairs[i].image[side] > largest ? d->pairs[i].image[side] : largest;
        }
    }
    return largest;
}

/* Each image once, in the order of the pairs. */
static bool take_union(const dealing *d, samples *ret, kd_error *err) {
    (void)err;
    samples_make(ret, 2 * d->count, 1);
    bool *seen = kd_alloc((size_t)largest_image(d) + 1);
    for (int64_t i = 0; i < d->count; i++) {
        for (int side = 0; side < 2; side++) {
            const int32_t image = d->pairs[i].image[side];
            if (!seen[image]) {
                seen[image] = true;
                ret->image[ret->count] = image;
                ret->source[ret->count] = ret->count;
                ret->label[ret->count++] = d->pairs[i].class[side];
            }
        }
    }
    free(seen);
    return true;
}

/* The images of pairs by their class. A slot is 2 pair + side. */
typedef struct classes {
    int32_t count;
    int64_t *begin; /* [count + 1] of a class in `slot` */
    int64_t *slot;
} classes;

static bool check_classes(const dealing *d, int32_t *ret_count, kd_error *err) {
    *ret_count = 0;
    for (int64_t i = 0; i < d->count; i++) {
        const int32_t *class = d->pairs[i].class;
        if (class[0] < 0) {
            if (d->pairs[i].line) {
                kd_fail(err, KD_E_INVALID,
                        "%s:%" PRId64 ": data.pairs.arm is repaired, but the pair has no label",
                        d->what, d->pairs[i].line);
            } else {
                kd_fail(err, KD_E_INVALID,
                        "data.pairs.arm is repaired, but sample %" PRId64 " of %s has no label",
                        d->pairs[i].source, d->what);
            }
            return kd_hint(err, "partners are drawn from the same class: give labels in a column "
                                "`label`, or use a dataset that has them");
        }
        for (int side = 0; side < 2; side++) {
            *ret_count = class[side] >= *ret_count ? class[side] + 1 : *ret_count;
        }
    }
    return true;
}

/* A counting sort, so slots of one class stay in the order of the pairs. */
static classes sort_classes(const dealing *d, int32_t count) {
    classes c = {count, kd_alloc((size_t)(count + 2) * sizeof *c.begin),
                 kd_alloc((size_t)(2 * d->count) * sizeof *c.slot)};
    for (int64_t slot = 0; slot < 2 * d->count; slot++) {
        const int32_t class = d->pairs[slot / 2].class[slot % 2];
        c.begin[class + 2] += class >= 0;
    }
    for (int32_t class = 0; class < count; class ++) {
        c.begin[class + 2] += c.begin[class + 1];
    }
    for (int64_t slot = 0; slot < 2 * d->count; slot++) {
        const int32_t class = d->pairs[slot / 2].class[slot % 2];
        if (class >= 0) {
            c.slot[c.begin[class + 1]++] = slot;
        }
    }
    return c;
}

/* One class: its pairs, which are those whose first image is of it, and a deck of partners. */
typedef struct hand {
    const dealing *deal;
    int64_t *pair; /* [pairs] */
    int64_t pairs;
    int32_t *deck; /* [cards] images */
    int64_t cards;
} hand;

static int32_t image_of(const dealing *d, int64_t slot) {
    return d->pairs[slot / 2].image[slot % 2];
}

static int32_t first_of(const hand *h, int64_t i) {
    return h->deal->pairs[h->pair[i]].image[0];
}

/* Adds those of the slots that are second images, or all, shuffled by `draw`. */
static void add_cards(hand *h, const int64_t *slot, int64_t count, bool all, int64_t draw) {
    int32_t *image = kd_alloc((size_t)count * 2 * sizeof *image), *order = image + count;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        if (all || slot[i] % 2 == 1) {
            image[n++] = image_of(h->deal, slot[i]);
        }
    }
    order_fill(h->deal->seed ^ PARTNER_SEED, draw, order, n);
    h->deck = kd_grow(h->deck, (size_t)(h->cards + n + 1) * sizeof *h->deck);
    for (int64_t i = 0; i < n; i++) {
        h->deck[h->cards++] = image[order[i]];
    }
    free(image);
}

/* No image is its own partner: it changes cards with the next pair that can take its card, or else
 * gets a copy of another card. False when all cards are this image. */
static bool part_from_itself(hand *h, int64_t i) {
    const int32_t own = first_of(h, i);
    for (int64_t step = 1; step < h->cards; step++) {
        const int64_t j = (i + step) % h->cards;
        if (h->deck[j] != own && (j >= h->pairs || first_of(h, j) != own)) {
            h->deck[i] = h->deck[j];
            h->deck[j] = own;
            return true;
        }
    }
    for (int64_t j = 0; j < h->cards; j++) {
        if (h->deck[j] != own) {
            h->deck[i] = h->deck[j];
            return true;
        }
    }
    return false;
}

/* Second images go back to the class's pairs, each as often as before. Only where the two images of
 * a pair differ in class may they be fewer than its pairs: then first images fill up the deck. */
static bool deal_class(hand *h, int32_t class, const classes *c, samples *ret, kd_error *err) {
    const int64_t *slot = c->slot + c->begin[class], count = c->begin[class + 1] - c->begin[class];
    h->pairs = h->cards = 0;
    for (int64_t i = 0; i < count; i++) {
        if (slot[i] % 2 == 0) {
            h->pair[h->pairs++] = slot[i] / 2;
        }
    }
    if (h->pairs == 0) {
        return true;
    }
    add_cards(h, slot, count, false, 2 * (int64_t) class);
    if (h->cards < h->pairs) {
        add_cards(h, slot, count, true, 2 * (int64_t) class + 1);
    }
    for (int64_t i = 0; i < h->pairs; i++) {
        if (h->deck[i] == first_of(h, i) && !part_from_itself(h, i)) {
            kd_fail(err, KD_E_INVALID,
                    "data.pairs.arm is repaired, but class %d has one image in %s", class,
                    h->deal->what);
            return kd_hint(err, "a class needs two images to be paired anew: add pairs of it, or "
                                "leave it out");
        }
    }
    for (int64_t i = 0; i < h->pairs; i++) {
        const pair *p = &h->deal->pairs[h->pair[i]];
        ret->image[2 * h->pair[i]] = p->image[0];
        ret->image[2 * h->pair[i] + 1] = h->deck[i];
        ret->label[h->pair[i]] = class;
        ret->source[h->pair[i]] = p->source;
        ret->kept += h->deck[i] == p->image[1];
    }
    return true;
}

static bool deal_again(const dealing *d, samples *ret, kd_error *err) {
    int32_t count;
    if (!check_classes(d, &count, err)) {
        return false;
    }
    samples_make(ret, d->count, 2);
    ret->count = d->count;
    classes c = sort_classes(d, count);
    hand h = {.deal = d, .pair = kd_alloc((size_t)d->count * sizeof *h.pair)};
    bool good = true;
    for (int32_t class = 0; good && class < count; class ++) {
        good = deal_class(&h, class, &c, ret, err);
    }
    free(c.begin);
    free(c.slot);
    free(h.pair);
    free(h.deck);
    if (good && ret->kept == d->count) {
        good = kd_fail(err, KD_E_INVALID,
                       "data.pairs.arm is repaired, but every pair of %s got its own partner again",
                       d->what);
        kd_hint(err, "a class needs several pairs to be paired anew");
    }
    return good;
}

bool arm_apply(const pair *pairs, int64_t count, int arm, uint64_t seed, const char *what,
               samples *ret, kd_error *err) {
    static bool (*const takes[])(const dealing *d, samples *ret, kd_error *err) = {
        [ARM_AUTO] = take_both,       [ARM_SEMANTIC] = take_both,
        [ARM_AUGMENTED] = take_first, [ARM_AUGMENTED_UNION] = take_union,
        [ARM_REPAIRED] = deal_again,
    };
    const dealing d = {pairs, count, seed, what};
    samples list = {0};
    if (!takes[arm](&d, &list, err)) {
        samples_free(&list);
        return false;
    }
    *ret = list;
    return true;
}
