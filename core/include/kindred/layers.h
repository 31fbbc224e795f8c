/* SPDX-License-Identifier: Apache-2.0
 * Layers and losses: compositions of ops that the host holds by name (core/graph/layers.c), so that
 * a mended one reaches plugins that were built before. A field left zero takes its default. */
#ifndef KINDRED_LAYERS_H
#define KINDRED_LAYERS_H

#include <kindred/ops.h>

static inline kd_tensor *kd_compose(kd_scope s, const char *layer, kd_tensor *const *in,
                                    uint32_t n_in, const kd_attr *attrs, uint32_t n_attrs) {
    kd_tensor *out = NULL;
    s->api->compose(s, layer, in, n_in, attrs, n_attrs, &out, 1);
    return out;
}

/* x [..., in] -> x @ weight' + bias, [..., width].
 *
 * parameters  weight [width, in], bias [width], both uniform in +-1 / sqrt(in)
 * source      equals torch.nn.Linear, initialisation included */
typedef struct kd_dense {
    int64_t width;
    bool no_bias;
} kd_dense;
static inline kd_tensor *kd_linear(kd_scope s, const char *name, kd_tensor *x, kd_dense d) {
    return kd_compose(kd_child(s, "%s", name), "linear", &x, 1,
                      (kd_attr[]){KD_I("width", d.width), KD_I("bias", !d.no_bias)}, 2);
}

/* x [n, h, w, c] -> [n, h', w', channels].
 *
 * parameters  weight [channels, kernel, kernel, c], normal with variance 2 / (kernel^2 channels);
 *             with a bias [channels], both uniform in +-1 / sqrt(kernel^2 c)
 * source      equals torch.nn.Conv2d(bias=False) with torchvision's ResNet initialisation
 *             (kaiming_normal, fan_out), or, with a bias, torch.nn.Conv2d, initialisation included;
 *             stored [o, kh, kw, i], exported [o, i, kh, kw] */
typedef struct kd_conv {
    int64_t channels;
    int64_t kernel;  /* default 1 */
    int64_t stride;  /* default 1 */
    int64_t padding; /* default kernel / 2; -1: none */
    bool bias;
} kd_conv;
static inline kd_tensor *kd_conv2d(kd_scope s, const char *name, kd_tensor *x, kd_conv c) {
    const int64_t kernel = c.kernel ? c.kernel : 1;
    const int64_t padding = c.padding < 0 ? 0 : c.padding ? c.padding : kernel / 2;
    return kd_compose(kd_child(s, "%s", name), "conv2d", &x, 1,
                      (kd_attr[]){KD_I("channels", c.channels), KD_I("kernel", kernel),
                                  KD_I("stride", c.stride ? c.stride : 1), KD_I("padding", padding),
                                  KD_I("bias", c.bias)},
                      5);
}

/* Batch normalisation over all axes but the last.
 *
 * parameters  weight [c] ones, bias [c] zeros
 * states      running_mean [c] zeros, running_var [c] ones
 * source      equals torch.nn.BatchNorm1d and 2d: biased variance to normalise, unbiased to keep */
typedef struct kd_norm {
    double eps;      /* default 1e-5 */
    double momentum; /* default 0.1, PyTorch's: the weight of the new batch */
    bool no_scale, no_shift;
    bool zero_scale; /* weight starts at 0: the last norm of a residual branch */
} kd_norm;
static inline kd_tensor *kd_batchnorm(kd_scope s, const char *name, kd_tensor *x, bool train,
                                      kd_norm n) {
    return kd_compose(kd_child(s, "%s", name), "batch_norm", &x, 1,
                      (kd_attr[]){KD_I("train", train), KD_F("eps", n.eps > 0 ? n.eps : 1e-5),
                                  KD_F("momentum", n.momentum > 0 ? n.momentum : 0.1),
                                  KD_I("scale", !n.no_scale), KD_I("shift", !n.no_shift),
                                  KD_I("zero_scale", n.zero_scale)},
                      6);
}

/* Normalisation of x [..., c] over its last axis; eps 0: 1e-6.
 *
 * parameters  weight [c] ones, bias [c] zeros
 * source      equals torch.nn.LayerNorm, with timm's eps */
static inline kd_tensor *kd_layernorm(kd_scope s, const char *name, kd_tensor *x, double eps) {
    return kd_compose(kd_child(s, "%s", name), "layer_norm", &x, 1,
                      (kd_attr[]){KD_F("eps", eps > 0 ? eps : 1e-6)}, 1);
}

/* Resamples a grid of tokens: x [h w, c], row by row, -> real [to_height to_width, c].
 *
 * source  equals torch.nn.functional.interpolate(mode='bicubic', align_corners=False), and with
 *         `antialias` the same with antialias=True; Keys 1981 with a = -0.75, and -0.5 there */
typedef struct kd_grid {
    int64_t height, width, to_height, to_width;
    bool antialias;
} kd_grid;
static inline kd_tensor *kd_resize_tokens(kd_scope s, kd_tensor *x, kd_grid g) {
    return kd_compose(s, "resize_tokens", &x, 1,
                      (kd_attr[]){KD_I("height", g.height), KD_I("width", g.width),
                                  KD_I("to_height", g.to_height), KD_I("to_width", g.to_width),
                                  KD_I("antialias", g.antialias)},
                      5);
}

/* A projection or prediction head: x [n, in] -> linear, norm, activation, ..., linear, last norm.
 *
 * parameters  layerI.linear.*, layerI.norm.*, I from 1
 * source      the heads of methods.md's papers are rows of these fields; norms see the whole batch
 *             and are always in training mode, teachers' too */
#define KD_LAST_NORM_NONE 0
#define KD_LAST_NORM_AFFINE 1
#define KD_LAST_NORM_NO_SHIFT 2 /* a scale alone */
#define KD_LAST_NORM_PLAIN 3    /* neither scale nor shift */
typedef struct kd_mlp {
    int64_t layers; /* default 2 */
    int64_t hidden; /* default: as wide as x */
    int64_t output; /* default: as wide as x */
    int last_norm;  /* KD_LAST_NORM_ */
    bool no_norm;   /* hidden layers without batch norm */
    bool hidden_bias, last_bias;
    bool gelu;       /* in place of ReLU */
    double init_std; /* 0: as kd_linear; else weights are cut normal, biases 0 (timm's
                        trunc_normal_) */
} kd_mlp;
static inline kd_tensor *kd_head(kd_scope s, const char *name, kd_tensor *x, kd_mlp m) {
    return kd_compose(kd_child(s, "%s", name), "head", &x, 1,
                      (kd_attr[]){KD_I("layers", m.layers ? m.layers : 2), KD_I("hidden", m.hidden),
                                  KD_I("output", m.output), KD_I("last_norm", m.last_norm),
                                  KD_I("norm", !m.no_norm), KD_I("hidden_bias", m.hidden_bias),
                                  KD_I("last_bias", m.last_bias), KD_I("gelu", m.gelu),
                                  KD_F("init_std", m.init_std)},
                      9);
}

static inline kd_tensor *kd_compose_pure(const char *layer, kd_tensor *const *in, uint32_t n_in,
                                         const kd_attr *attrs, uint32_t n_attrs) {
    return kd_compose(in[0]->api->scope_of(in[0]), layer, in, n_in, attrs, n_attrs);
}

/* x [n, h, w, c] -> [n, h', w', c]. */
static inline kd_tensor *kd_max_pool2d(kd_tensor *x, int64_t kernel, int64_t stride,
                                       int64_t padding) {
    return kd_compose_pure(
        "max_pool2d", &x, 1,
        (kd_attr[]){KD_I("kernel", kernel), KD_I("stride", stride), KD_I("padding", padding)}, 3);
}

/* x [n, h, w, c] -> mean over h and w, real [n, c]. */
static inline kd_tensor *kd_mean_pool2d(kd_tensor *x) {
    return kd_compose_pure("mean_pool2d", &x, 1, NULL, 0);
}

/* Each row of x [n, d] divided by max(its length, 1e-12): torch.nn.functional.normalize. */
static inline kd_tensor *kd_l2_normalize(kd_tensor *x) {
    return kd_compose_pure("l2_normalize", &x, 1, NULL, 0);
}

/* Cross-entropy of each row against its right class.
 *
 * logits   [rows, classes]  any real numbers
 * labels   [rows]           i32 in [0, classes)
 * returns  []               mean over rows, in nats
 * source   equals torch.nn.functional.cross_entropy with reduction='mean' */
static inline kd_tensor *kd_cross_entropy(kd_tensor *logits, kd_tensor *labels) {
    return kd_compose_pure("cross_entropy", (kd_tensor *[]){logits, labels}, 2, NULL, 0);
}

/* Cross-entropy of each row against a distribution.
 *
 * logits   [rows, classes]
 * target   [rows, classes]  rows that sum to 1, or sums of such; no gradient flows into it
 * returns  []               mean over rows of -sum target log softmax(logits) */
static inline kd_tensor *kd_soft_cross_entropy(kd_tensor *logits, kd_tensor *target) {
    return kd_compose_pure("soft_cross_entropy", (kd_tensor *[]){logits, target}, 2, NULL, 0);
}

/* Each view predicts the targets that are another view's: the mean over all such pairs of the
 * cross-entropy.
 *
 * logits   [views n, classes]    view by view
 * targets  [owners n, classes]   of the first views, rows that sum to 1; no gradient
 * returns  []                    mean over owners o and views v != o, and over rows
 * source   Caron et al. 2020, https://arxiv.org/abs/2006.09882, section 3.3 (SwAV), and Caron et
 *          al. 2021, https://arxiv.org/abs/2104.14294, equation 3 (DINO) */
static inline kd_tensor *kd_swapped_cross_entropy(kd_tensor *logits, kd_tensor *targets,
                                                  int64_t n) {
    const int64_t views = kd_dim(logits, 0) / n, owners = kd_dim(targets, 0) / n;
    kd_tensor *loss = NULL;
    for (int64_t v = 0; v < views; v++) {
        kd_tensor *target = NULL; /* the sum of the other views' */
        for (int64_t o = 0; o < owners; o++) {
            kd_tensor *t = o == v ? NULL : kd_slice(targets, 0, o * n, (o + 1) * n);
            target = t && target ? kd_add(target, t) : t ? t : target;
        }
        if (target) {
            kd_tensor *of = kd_slice(logits, 0, v * n, (v + 1) * n);
            kd_tensor *term = kd_soft_cross_entropy(of, target);
            loss = loss ? kd_add(loss, term) : term;
        }
    }
    return kd_scale(loss, 1 / (double)(owners * (views - 1)));
}

/* Mean over dimensions of the standard deviation over the rows of x / |x|: about 1 / sqrt(width)
 * while features spread, 0 when they have collapsed. real []; no gradient. */
static inline kd_tensor *kd_spread(kd_tensor *x) {
    return kd_compose_pure("spread", &x, 1, NULL, 0);
}

/* Share of rows whose largest logit is the label's: real []. No gradient. */
static inline kd_tensor *kd_accuracy(kd_tensor *logits, kd_tensor *labels) {
    return kd_compose_pure("accuracy", (kd_tensor *[]){logits, labels}, 2, NULL, 0);
}

/* The squared Frobenius norm of scale a'b: how much columns of a go with columns of b.
 *
 * a, b     [n, d]  one tensor, or two
 * returns  []      sum over i and j of (scale a'b)_ij^2, real
 * source   sum((a'b)^2) = tr(a'b b'a) = sum(aa' * bb'): where 2 n <= d, products of rows, [n, n],
 *          stand in for those of columns, [d, d] (docs/decisions/0019-products-of-rows.md) */
static inline kd_tensor *kd_squared_frobenius(kd_tensor *a, kd_tensor *b, double scale) {
    return kd_compose_pure("squared_frobenius", (kd_tensor *[]){a, b}, 2,
                           (kd_attr[]){KD_F("scale", scale)}, 1);
}

#endif
