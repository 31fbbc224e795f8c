/* SPDX-License-Identifier: Apache-2.0
 * Spherical k-means of unit rows, as nodes of a graph.
 *
 * source  facebookresearch/swav main_deepclusterv2.py, cluster_memory */
#ifndef METHODS_KMEANS_H
#define METHODS_KMEANS_H

#include <kindred/method.h>

/* Rows go by in parts, so that similarities take the memory of one part: 2^24 elements, or more
 * where there would be more parts than these. */
#define KMEANS_PARTS 64

typedef struct kmeans_parts {
    int64_t count;
    kd_tensor *part[KMEANS_PARTS];
} kmeans_parts;

static inline kmeans_parts kmeans_split(kd_tensor *rows, int64_t clusters) {
    const int64_t n = kd_dim(rows, 0), wanted = n * clusters >> 24;
    kmeans_parts p = {.count = wanted < 1 ? 1 : wanted};
    p.count = p.count < KMEANS_PARTS ? p.count : KMEANS_PARTS;
    for (int64_t i = 0; i < p.count; i++) {
        p.part[i] = kd_slice(rows, 0, i * n / p.count, (i + 1) * n / p.count);
    }
    return p;
}

/* The most similar centre of each of the rows: i32 [n]. */
static inline kd_tensor *kmeans_nearest(kd_tensor *rows, kd_tensor *centres) {
    return kd_argmax(kd_matmul_with(rows, centres, false, true));
}

/* One round: centres become the directions of their rows' sums; those without rows stay. */
static inline kd_tensor *kmeans_move(kd_scope s, const kmeans_parts *p, kd_tensor *centres) {
    const int64_t count = kd_dim(centres, 0);
    kd_tensor *sums = NULL, *sizes = NULL;
    for (int64_t i = 0; i < p->count; i++) {
        kd_tensor *of = kmeans_nearest(p->part[i], centres);
        kd_tensor *ones = kd_fill(s, (kd_spec){.rank = 2, .dim = {kd_dim(of, 0), 1}}, 1);
        kd_tensor *sum = kd_scatter_add(of, p->part[i], count);
        kd_tensor *size = kd_scatter_add(of, ones, count);
        sums = sums ? kd_add(sums, sum) : sum;
        sizes = sizes ? kd_add(sizes, size) : size;
    }
    kd_tensor *full = kd_greater(sizes, kd_scalar(s, 0));
    return kd_l2_normalize(kd_where(full, sums, centres));
}

/* Moves centres [clusters, width] so many times; *ret_of is the cluster of each row then, i32 [n].
 */
static inline kd_tensor *kmeans(kd_scope s, kd_tensor *rows, kd_tensor *centres, int iterations,
                                kd_tensor **ret_of) {
    const kmeans_parts p = kmeans_split(rows, kd_dim(centres, 0));
    kd_tensor *of[KMEANS_PARTS];
    for (int i = 0; i < iterations; i++) {
        centres = kmeans_move(s, &p, centres);
    }
    for (int64_t i = 0; i < p.count; i++) {
        of[i] = kmeans_nearest(p.part[i], centres);
    }
    *ret_of = kd_concat_all(of, (uint32_t)p.count, 0);
    return centres;
}

#endif
