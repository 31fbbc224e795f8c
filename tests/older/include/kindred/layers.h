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

/* x [n, in] -> x @ weight' + bias, [n, width].
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

/* x [n, h, w, c] -> [n, h', w', channels], no bias.
 *
 * parameters  weight [channels, kernel, kernel, c], normal with variance 2 / (kernel^2 channels)
 * source      equals torch.nn.Conv2d(bias=False) with torchvision's ResNet initialisation
 *             (kaiming_normal, fan_out); stored [o, kh, kw, i], exported [o, i, kh, kw] */
typedef struct kd_conv {
    int64_t channels;
    int64_t kernel;  /* default 1 */
    int64_t stride;  /* default 1 */
    int64_t padding; /* default kernel / 2; -1: none */
} kd_conv;
static inline kd_tensor *kd_conv2d(kd_scope s, const char *name, kd_tensor *x, kd_conv c) {
    const int64_t kernel = c.kernel ? c.kernel : 1;
    const int64_t padding = c.padding < 0 ? 0 : c.padding ? c.padding : kernel / 2;
    return kd_compose(kd_child(s, "%s", name), "conv2d", &x, 1,
                      (kd_attr[]){KD_I("channels", c.channels), KD_I("kernel", kernel),
                                  KD_I("stride", c.stride ? c.stride : 1),
                                  KD_I("padding", padding)},
                      4);
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
    return kd_compose(
        kd_child(s, "%s", name), "batch_norm", &x, 1,
        (kd_attr[]){KD_I("train", train), KD_F("eps", n.eps > 0 ? n.eps : 1e-5),
                    KD_F("momentum", n.momentum > 0 ? n.momentum : 0.1),
                    KD_I("scale", !n.no_scale), KD_I("shift", !n.no_shift),
                    KD_I("zero_scale", n.zero_scale)},
        6);
}

static inline kd_tensor *kd_compose_pure(const char *layer, kd_tensor *const *in, uint32_t n_in,
                                         const kd_attr *attrs, uint32_t n_attrs) {
    return kd_compose(in[0]->api->scope_of(in[0]), layer, in, n_in, attrs, n_attrs);
}

/* x [n, h, w, c] -> [n, h', w', c]. */
static inline kd_tensor *kd_max_pool2d(kd_tensor *x, int64_t kernel, int64_t stride,
                                       int64_t padding) {
    return kd_compose_pure("max_pool2d", &x, 1,
                           (kd_attr[]){KD_I("kernel", kernel), KD_I("stride", stride),
                                       KD_I("padding", padding)},
                           3);
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

/* Share of rows whose largest logit is the label's: real []. No gradient. */
static inline kd_tensor *kd_accuracy(kd_tensor *logits, kd_tensor *labels) {
    return kd_compose_pure("accuracy", (kd_tensor *[]){logits, labels}, 2, NULL, 0);
}

#endif
