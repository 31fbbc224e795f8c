/* SPDX-License-Identifier: Apache-2.0
 * From neighbours to pairs, and how good they are by labels that had no part in it. */
#include "train/mining.h"

#include <math.h>
#include <stdlib.h>

static bool is_neighbour(const neighbours *n, int64_t of, int64_t other) {
    for (int32_t i = 0; i < n->k; i++) {
        if (n->index[of * n->k + i] == other) {
            return true;
        }
    }
    return false;
}

/* Each pair once, by its lower row. */
static void find_mutual(const neighbours *n, const mining_options *o, mined_pairs *ret) {
    int64_t room = 0;
    for (int64_t at = 0; at < n->queries; at++) {
        for (int32_t i = 0; i < n->k; i++) {
            const int32_t other = n->index[at * n->k + i];
            const float similarity = n->similarity[at * n->k + i];
            if (other <= at || !is_neighbour(n, other, at)) {
                continue;
            }
            ret->mutual++;
            if ((double)similarity < o->min_similarity || (double)similarity > o->max_similarity) {
                continue;
            }
            if (ret->count == room) {
                room = room ? 2 * room : 1024;
                ret->pair = kd_grow(ret->pair, (size_t)room * sizeof *ret->pair);
            }
            ret->pair[ret->count++] = (mined_pair){{(int32_t)at, other}, similarity};
        }
    }
}

static int by_likeness(const void *left, const void *right) {
    const mined_pair *a = left, *b = right;
    if (a->similarity > b->similarity || a->similarity < b->similarity) {
        return a->similarity > b->similarity ? -1 : 1;
    }
    const int first = (a->row[0] > b->row[0]) - (a->row[0] < b->row[0]);
    return first ? first : (a->row[1] > b->row[1]) - (a->row[1] < b->row[1]);
}

static void take_best(mined_pairs *p, int64_t rows, int64_t per_image) {
    int64_t *times = kd_alloc((size_t)(rows + 1) * sizeof *times), count = 0;
    if (p->count) {
        qsort(p->pair, (size_t)p->count, sizeof *p->pair, by_likeness);
    }
    for (int64_t i = 0; i < p->count; i++) {
        const mined_pair next = p->pair[i];
        if (times[next.row[0]] < per_image && times[next.row[1]] < per_image) {
            times[next.row[0]]++;
            times[next.row[1]]++;
            p->pair[count++] = next;
        }
    }
    p->count = count;
    free(times);
}

bool mine_pairs(assembly *a, const float *features, int64_t rows, int64_t width,
                const mining_options *o, mined_pairs *ret, kd_error *err) {
    const neighbour_search search = {.query = features,
                                     .queries = rows,
                                     .bank = features,
                                     .rows = rows,
                                     .width = width,
                                     .k = o->k,
                                     .others_only = true,
                                     .what = "pairs"};
    neighbours n;
    *ret = (mined_pairs){0};
    const bool ok = neighbours_find(a, &search, &n, err);
    if (ok) {
        find_mutual(&n, o, ret);
        take_best(ret, rows, o->per_image);
    }
    neighbours_free(&n);
    return ok;
}

void mined_free(mined_pairs *p) {
    free(p->pair);
    *p = (mined_pairs){0};
}

/* Wilson 1927's interval of a share: holds for few pairs, and for shares near 0 and 1. */
static void set_interval(mined_precision *p) {
    const double z = 1.959963984540054, n = p->independent, share = p->share;
    const double middle = share + z * z / (2 * n), scale = 1 + z * z / n;
    const double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    p->low = (middle - half) / scale;
    p->high = (middle + half) / scale;
}

/* What an image's pairs come to. */
typedef struct image_pairs {
    double count, residual; /* its pairs, and the sum of theirs from the share */
} image_pairs;

/* Pairs that share an image go together. The variance of the share is summed over all pairs of such
 * pairs (Aronow, Samii, Assenova 2015, https://arxiv.org/abs/1312.3398), and is never
 * taken for less than that of independent ones, nor for more than if all that share an image were
 * alike; the latter where all are of one sort, so that nothing can be seen of it. */
static double independent_pairs(const mined_pairs *p, const int32_t *label, int64_t rows,
                                const mined_precision *of) {
    image_pairs *image = kd_alloc((size_t)(rows + 1) * sizeof *image);
    const double n = (double)of->labelled, own = n * of->share * (1 - of->share);
    double counts = 0, residuals = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const int32_t *both = p->pair[i].row;
        const int32_t a = label[both[0]], b = label[both[1]];
        for (int side = 0; a >= 0 && b >= 0 && side < 2; side++) {
            image[both[side]].count++;
            image[both[side]].residual += (a == b) - of->share;
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        counts += image[i].count * image[i].count;
        residuals += image[i].residual * image[i].residual;
    }
    free(image);
    /* A pair is in both of its images' sums, and so counted once too often. */
    const double most = counts / n - 1, seen = own > 0 ? residuals / own - 1 : most;
    return n / fmax(1, fmin(seen, most));
}

static double chance_of(const int32_t *label, int64_t rows) {
    int32_t classes = 0;
    for (int64_t i = 0; i < rows; i++) {
        classes = label[i] >= classes ? label[i] + 1 : classes;
    }
    double *size = kd_alloc((size_t)(classes + 1) * sizeof *size), all = 0, same = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (label[i] >= 0) {
            size[label[i]]++;
            all++;
        }
    }
    for (int32_t c = 0; c < classes; c++) {
        same += size[c] * (size[c] - 1);
    }
    free(size);
    return same / (all * (all - 1));
}

bool mined_measure(const mined_pairs *p, const int32_t *label, int64_t rows, mined_precision *ret) {
    *ret = (mined_precision){0};
    for (int64_t i = 0; i < p->count; i++) {
        const int32_t a = label[p->pair[i].row[0]], b = label[p->pair[i].row[1]];
        ret->labelled += a >= 0 && b >= 0;
        ret->same += a >= 0 && a == b;
    }
    if (!ret->labelled) {
        return false;
    }
    ret->share = (double)ret->same / (double)ret->labelled;
    ret->chance = chance_of(label, rows);
    ret->independent = independent_pairs(p, label, rows, ret);
    set_interval(ret);
    return true;
}
