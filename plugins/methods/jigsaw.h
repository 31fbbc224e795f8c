/* SPDX-License-Identifier: Apache-2.0
 * Jigsaw patches: a grid of cells over an image, a patch at a random place in each, in random
 * order.
 *
 * source  Noroozi and Favaro 2016, https://arxiv.org/abs/1603.09246; facebookresearch/vissl
 *         img_patches_tensor.py, whose places never reach a cell's last pixel */
#ifndef METHODS_JIGSAW_H
#define METHODS_JIGSAW_H

#include <kindred/method.h>

typedef struct jigsaw {
    int64_t grid;  /* cells along a side */
    int64_t patch; /* pixels along a patch's side; 0: 64 of 85 parts of a cell */
} jigsaw;

/* Reals [n, cells]: in [0, below), whole. Where nothing is drawn, the middle. */
static inline kd_tensor *jigsaw_jitter(kd_scope s, const char *stream, int64_t n, int64_t cells,
                                       int64_t below) {
    kd_tensor *key = kd_step_key(s);
    const kd_spec spec = {KD_I32, 2, {n, cells}};
    if (!key || below < 1) {
        return kd_fill(s, spec, (double)(below / 2));
    }
    kd_tensor *u = kd_random(key, kd_stream(stream), 2, spec.dim);
    return kd_cast(kd_scale(u, (double)below), KD_I32);
}

/* i32 [n, cells]: a permutation a row. Where nothing is drawn, the cells as they lie. */
static inline kd_tensor *jigsaw_order(kd_scope s, int64_t n, int64_t cells) {
    kd_tensor *key = kd_step_key(s), *values, *order;
    const int64_t dims[] = {n, cells};
    if (!key) {
        return kd_broadcast(kd_range(s, 0, cells), 2, dims);
    }
    kd_top_k(kd_random(key, kd_stream("jigsaw.order"), 2, dims), cells, &values, &order);
    return order;
}

/* i32 [count]: where the k-th of the cells, or of the pixels of a patch, begins in an image `width`
 * wide; `side` of them along a side, `pitch` pixels apart. */
static inline kd_tensor *jigsaw_places(kd_scope s, int64_t side, int64_t pitch, int64_t width) {
    kd_tensor *step = kd_fill(s, (kd_spec){.dtype = KD_I32}, (double)pitch);
    kd_tensor *x = kd_mul(kd_range(s, 0, side), step);
    kd_tensor *y = kd_mul(x, kd_fill(s, (kd_spec){.dtype = KD_I32}, (double)width));
    return KD_RESHAPE(kd_add(KD_RESHAPE(y, side, 1), KD_RESHAPE(x, 1, side)), side * side);
}

/* images [n, h, h, c] -> [n grid grid, patch, patch, c], the patches of an image one after the
 * other. No gradient flows into images. */
static inline kd_tensor *jigsaw_cut(const jigsaw *j, kd_scope s, kd_tensor *images) {
    const int64_t n = kd_dim(images, 0), width = kd_dim(images, 2), c = kd_dim(images, 3);
    const int64_t cells = j->grid * j->grid, pitch = width / j->grid;
    const int64_t patch = j->patch ? j->patch : (64 * pitch + 42) / 85;
    if (patch > pitch || patch < 1) {
        kd_reject(s, "patches of %lld px do not lie in %lld x %lld cells of a view of %lld px",
                  (long long)patch, (long long)j->grid, (long long)j->grid, (long long)width);
        return images;
    }
    kd_tensor *order = KD_RESHAPE(jigsaw_order(s, n, cells), n * cells);
    kd_tensor *cell =
        KD_RESHAPE(kd_gather(jigsaw_places(s, j->grid, pitch, width), order), n, cells);
    kd_tensor *y = jigsaw_jitter(s, "jigsaw.y", n, cells, pitch - patch);
    kd_tensor *x = jigsaw_jitter(s, "jigsaw.x", n, cells, pitch - patch);
    kd_tensor *row = kd_fill(s, (kd_spec){.dtype = KD_I32}, (double)width);
    kd_tensor *corner = kd_add(cell, kd_add(kd_mul(y, row), x));
    kd_tensor *image = kd_mul(KD_RESHAPE(kd_range(s, 0, n), n, 1),
                              kd_fill(s, (kd_spec){.dtype = KD_I32}, (double)(width * width)));
    kd_tensor *from = KD_RESHAPE(kd_add(image, corner), n * cells, 1);
    kd_tensor *pixel = KD_RESHAPE(jigsaw_places(s, patch, 1, width), 1, patch * patch);
    kd_tensor *all = KD_RESHAPE(kd_add(from, pixel), n * cells * patch * patch);
    return KD_RESHAPE(kd_gather(KD_RESHAPE(images, n * width * width, c), all), n * cells, patch,
                      patch, c);
}

#endif
