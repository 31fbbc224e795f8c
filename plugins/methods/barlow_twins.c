/* SPDX-License-Identifier: Apache-2.0
 * Barlow Twins: two views' projections correlate in the same dimension, and in no other.
 *
 * Each view goes through the encoder by itself, as in the official code. The biases that
 * solo-learn's projector has are cancelled by norms, the last one's by those of the loss: left out.
 *
 * source  Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, equations 1 and 2, and
 *         facebookresearch/barlowtwins main.py, whose product over processes loses a factor of
 *         their number in the gradient: `scale` can stand for it */
#include <kindred/method.h>

enum { DEVIATION_BIASED, DEVIATION_UNBIASED };

struct barlow_twins {
    double lambda, scale;
    int deviation;
    int layers, hidden, output;
};

KD_PLUGIN(METHOD, "barlow_twins", "1.0.0", struct barlow_twins,
          "make the cross-correlation of two views' projections the identity",
          "https://arxiv.org/abs/2103.03230 (facebookresearch/barlowtwins)")
KD_FLOAT(struct barlow_twins, lambda, 0.0051, 0, 10,
         "weight of the terms off the diagonal; 1 / output in some ports (0.0078 of 128)")
KD_FLOAT(
    struct barlow_twins, scale, 1, 1e-6, 1000,
    "times the loss: 0.1 (CIFAR) and 0.048 (ImageNet) in solo-learn, 0.024 in earlier official "
    "code. The official rate of biases and norms, 0.0048 to the weights' 0.2, is "
    "optimizer.bias_lr: 0.024")
KD_CHOICE(struct barlow_twins, deviation, "biased", "biased|unbiased",
          "what divides the projections: biased: batch norm, as the official code; unbiased: the "
          "n - 1 of the paper's pseudocode")
KD_INT(struct barlow_twins, layers, 3, 1, 8, "of the projector")
KD_INT(struct barlow_twins, hidden, 8192, 1, 65536, "width of the projector's hidden layers")
KD_INT(struct barlow_twins, output, 8192, 1, 65536, "width of what is correlated")

/* z [n, d] -> columns of mean 0 and deviation 1. */
static kd_tensor *standardize(const struct barlow_twins *self, kd_scope s, kd_tensor *z) {
    const kd_norm plain = {.no_scale = true, .no_shift = true};
    if (self->deviation == DEVIATION_BIASED) {
        return kd_batchnorm(s, "norm", z, true, plain);
    }
    const int64_t rows = 0;
    const double n = (double)kd_dim(z, 0);
    kd_tensor *off = kd_sub(z, kd_scale(kd_sum_axes(z, &rows, 1, true), 1 / n));
    kd_tensor *variance = kd_scale(kd_sum_axes(kd_mul(off, off), &rows, 1, true), 1 / (n - 1));
    return kd_div(off, kd_sqrt(variance));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct barlow_twins *self = config;
    const kd_mlp projector = {
        .layers = self->layers, .hidden = self->hidden, .output = self->output};
    kd_tensor *z[2], *unit[2];
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *images = kd_view_at(in, i)->images;
        kd_tensor *features = kd_encode(in->encoder, kd_child(s, "encoder"), images);
        z[i] = kd_cast(kd_head(s, "projector", features, projector), KD_REAL);
        unit[i] = standardize(self, s, z[i]);
    }
    /* The diagonal by itself, and everything less the diagonal: no mask of d x d. */
    const int64_t rows = 0;
    const double n = (double)kd_dim(z[0], 0);
    kd_tensor *all = kd_squared_frobenius(unit[0], unit[1], 1 / n);
    kd_tensor *own = kd_scale(kd_sum_axes(kd_mul(unit[0], unit[1]), &rows, 1, false), 1 / n);
    kd_tensor *off = kd_affine(own, 1, -1), *diagonal = kd_sum(kd_mul(off, off));
    kd_tensor *rest = kd_sub(all, kd_sum(kd_mul(own, own)));
    kd_report(s, "diagonal", diagonal);
    kd_report(s, "off_diagonal", rest);
    kd_report(s, "spread", kd_spread(z[0]));
    return kd_scale(kd_add(diagonal, kd_scale(rest, self->lambda)), self->scale);
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
