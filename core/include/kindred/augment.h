/* SPDX-License-Identifier: Apache-2.0
 * Augmentation: one op that cuts a view out of each source image and alters it. Here: what it does,
 * and how its list stands in attributes. kindred/augment_math.h has the arithmetic.
 *
 * augment(pixels u8 [bytes], rows i64 [n, 4], key i64 [2]) {view, size, channels, ops, args}
 *     -> real [n, size, size, channels]
 * narrow_augment, the same but for an attribute `dtype`, bf16: cast(augment(...)), each value
 *     rounded once. No graph says it: the host puts it for an augment that is read in bf16 alone,
 *     where the device has a kernel for it.
 *
 * rows are {offset, height, width, sample}: the image u8 [height, width, channels] begins at
 * `offset` in pixels, and `sample` is its index in the set. key is {seed, epoch}. View i is made
 * from row i by the listed ops, in order, in f32 whatever the output's type: cut, values in [0, 1]
 * without rounding in between, normalised at last. A row whose image does not lie in `pixels`, or
 * with a side of 0 or above KD_AUGMENT_MAX_SIDE, gives a view of NaN.
 *
 * ops are KD_AUGMENT_ codes, args KD_AUGMENT_ARGS floats each; what is left over is 0. In brackets
 * the draws, as block.word of kd_view_draw:
 *
 *   RANDOM_RESIZED_CROP  scale low, high, ratio low, high, filter
 *                        [try t of 10: area t.0, log of the ratio t.1, top t.2, left t.3]
 *   RESIZE               filter: the whole image, aspect ratio given up
 *   CENTER_CROP          ratio >= 1, filter: short side to round(ratio size), centre cut
 *   FLIP                 p: left to right [applies 0.0]
 *   COLOR_JITTER         p, strengths: brightness, contrast, saturation, hue
 *                        [applies 0.0, order 0.1; brightness to hue 1.0 to 1.3]
 *   GRAYSCALE            p [applies 0.0]
 *   BLUR                 p, radius (0: by size), sigma low, high [applies 0.0, sigma 0.1]
 *   SOLARIZE             p, threshold [applies 0.0]
 *   ROTATE               p, degrees, edge (0: zeros outside, 1: border) [applies 0.0, angle 0.1]
 *   NORMALIZE            mean 3, standard deviation 3
 *
 * The first op, and no other, is a cut: one of the first three. NORMALIZE is last or absent. With
 * one channel saturation, hue and GRAYSCALE change nothing.
 *
 * source  torchvision 0.14 on float tensors (functional_tensor.py), PIL 9.4 for resampling;
 *         docs/augmentation.md lists what differs */
#ifndef KINDRED_AUGMENT_H
#define KINDRED_AUGMENT_H

#include <kindred/op.h>

#define KD_AUGMENT_RANDOM_RESIZED_CROP 0
#define KD_AUGMENT_RESIZE 1
#define KD_AUGMENT_CENTER_CROP 2
#define KD_AUGMENT_FLIP 3
#define KD_AUGMENT_COLOR_JITTER 4
#define KD_AUGMENT_GRAYSCALE 5
#define KD_AUGMENT_BLUR 6
#define KD_AUGMENT_SOLARIZE 7
#define KD_AUGMENT_ROTATE 8
#define KD_AUGMENT_NORMALIZE 9
#define KD_AUGMENT_CODES 10

#define KD_AUGMENT_ARGS 8
#define KD_AUGMENT_MAX_OPS 16
#define KD_AUGMENT_MAX_SIDE 65536 /* of a source image */
#define KD_AUGMENT_MAX_SIZE 4096  /* of a view */
#define KD_AUGMENT_MAX_RADIUS 64

/* A view's list of ops, as attributes and as what a kernel keeps. */
typedef struct kd_augment {
    int32_t view, size, channels, n_ops;
    int64_t op[KD_AUGMENT_MAX_OPS];
    double arg[KD_AUGMENT_MAX_OPS][KD_AUGMENT_ARGS];
} kd_augment;

#define KD_AUGMENT_CUT 1   /* first, and only first */
#define KD_AUGMENT_ALTER 2 /* anywhere after */
#define KD_AUGMENT_LAST 3
typedef struct kd_augment_rule {
    const char *name; /* also the YAML key */
    int32_t place, n_args;
    double low[KD_AUGMENT_ARGS], high[KD_AUGMENT_ARGS];
} kd_augment_rule;

/* NULL for an unknown code. */
static inline const kd_augment_rule *kd_augment_find_rule(int64_t code) {
    static const kd_augment_rule rules[KD_AUGMENT_CODES] = {
        {"random_resized_crop",
         KD_AUGMENT_CUT,
         5,
         {1e-6, 1e-6, 1e-3, 1e-3, 0},
         {1, 1, 1e3, 1e3, 1}},
        {"resize", KD_AUGMENT_CUT, 1, {0}, {1}},
        {"center_crop", KD_AUGMENT_CUT, 2, {1, 0}, {16, 1}},
        {"flip", KD_AUGMENT_ALTER, 1, {0}, {1}},
        {"color_jitter", KD_AUGMENT_ALTER, 5, {0, 0, 0, 0, 0}, {1, 100, 100, 100, 0.5}},
        {"grayscale", KD_AUGMENT_ALTER, 1, {0}, {1}},
        {"blur", KD_AUGMENT_ALTER, 4, {0, 0, 1e-3, 1e-3}, {1, KD_AUGMENT_MAX_RADIUS, 100, 100}},
        {"solarize", KD_AUGMENT_ALTER, 2, {0, 0}, {1, 1}},
        {"rotate", KD_AUGMENT_ALTER, 3, {0, 0, 0}, {1, 360, 1}},
        {"normalize",
         KD_AUGMENT_LAST,
         6,
         {-1e6, -1e6, -1e6, 1e-6, 1e-6, 1e-6},
         {1e6, 1e6, 1e6, 1e6, 1e6, 1e6}},
    };
    return code >= 0 && code < KD_AUGMENT_CODES ? &rules[code] : NULL;
}

static inline bool kd_augment_check_op(const kd_augment *a, int i, kd_error *err) {
    const kd_augment_rule *rule = kd_augment_find_rule(a->op[i]);
    if (!rule) {
        return kd_fail(err, KD_E_INVALID, "op %d has the unknown code %lld", i,
                       (long long)a->op[i]);
    }
    if ((rule->place == KD_AUGMENT_CUT) != (i == 0)) {
        return kd_fail(err, KD_E_INVALID,
                       i == 0 ? "the list begins with %s, which is not a cut"
                              : "%s can only come first",
                       rule->name);
    }
    if (rule->place == KD_AUGMENT_LAST && i != a->n_ops - 1) {
        return kd_fail(err, KD_E_INVALID, "%s can only come last", rule->name);
    }
    const double *arg = a->arg[i];
    for (int k = 0; k < rule->n_args; k++) {
        if (!(arg[k] >= rule->low[k] && arg[k] <= rule->high[k])) {
            return kd_fail(err, KD_E_INVALID, "%s: argument %d is %g, not in [%g, %g]", rule->name,
                           k, arg[k], rule->low[k], rule->high[k]);
        }
    }
    if ((a->op[i] == KD_AUGMENT_RANDOM_RESIZED_CROP && (arg[0] > arg[1] || arg[2] > arg[3])) ||
        (a->op[i] == KD_AUGMENT_BLUR && arg[2] > arg[3])) {
        return kd_fail(err, KD_E_INVALID, "%s: a range ends before it begins", rule->name);
    }
    return true;
}

/* fails with KD_E_INVALID when it is not a list of ops as described above. */
static inline bool kd_augment_check(const kd_augment *a, kd_error *err) {
    if (a->size < 1 || a->size > KD_AUGMENT_MAX_SIZE || (a->channels != 1 && a->channels != 3) ||
        a->view < 0 || a->view > 0xffff) {
        return kd_fail(err, KD_E_INVALID,
                       "view %d of size %d with %d channels: views are below 65536, sizes "
                       "1 to %d, channels 1 or 3",
                       a->view, a->size, a->channels, KD_AUGMENT_MAX_SIZE);
    }
    if (a->n_ops < 1 || a->n_ops > KD_AUGMENT_MAX_OPS) {
        return kd_fail(err, KD_E_INVALID, "%d ops; 1 to %d are possible", a->n_ops,
                       KD_AUGMENT_MAX_OPS);
    }
    for (int i = 0; i < a->n_ops; i++) {
        if (!kd_augment_check_op(a, i, err)) {
            return false;
        }
    }
    return true;
}

/* Reads and checks a node's attributes. */
static inline bool kd_augment_decode(const kd_node *node, kd_augment *ret, kd_error *err) {
    uint32_t n_ops, n_args;
    const int64_t *ops = kd_attr_ints(node, "ops", &n_ops);
    const double *args = kd_attr_floats(node, "args", &n_args);
    const int64_t view = kd_attr_int(node, "view", -1), size = kd_attr_int(node, "size", 0);
    const int64_t channels = kd_attr_int(node, "channels", 0);
    if (n_ops > KD_AUGMENT_MAX_OPS || n_args != n_ops * KD_AUGMENT_ARGS || size != (int32_t)size ||
        view != (int32_t)view || channels != (int32_t)channels) {
        return kd_fail(err, KD_E_INVALID, "%u ops with %u arguments: %d each, at most %d", n_ops,
                       n_args, KD_AUGMENT_ARGS, KD_AUGMENT_MAX_OPS);
    }
    kd_augment a;
    memset(&a, 0, sizeof a);
    a.view = (int32_t)view;
    a.size = (int32_t)size;
    a.channels = (int32_t)channels;
    a.n_ops = (int32_t)n_ops;
    if (n_ops) {
        memcpy(a.op, ops, n_ops * sizeof *ops);
        memcpy(a.arg, args, n_args * sizeof *args);
    }
    if (!kd_augment_check(&a, err)) {
        return false;
    }
    *ret = a;
    return true;
}

#endif
