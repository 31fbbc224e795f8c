/* SPDX-License-Identifier: Apache-2.0
 * VICReg: views agree, each dimension varies, and no two dimensions say the same.
 *
 * Each view goes through the encoder by itself, as in the official code. The last bias that
 * solo-learn's and lightly's expanders have changes no term of the loss: left out.
 *
 * source  Bardes et al. 2022, https://arxiv.org/abs/2105.04906, equations 1 to 6, and
 *         facebookresearch/vicreg main_vicreg.py */
#include <kindred/method.h>

struct vicreg {
    double invariance, variance, covariance;
    int scaling; /* index into `scalings` */
    int layers, hidden, output;
};

KD_PLUGIN(METHOD, "vicreg", "1.0.0", struct vicreg,
          "invariance to views, variance of each dimension, covariance of none",
          "https://arxiv.org/abs/2105.04906 (facebookresearch/vicreg)")
KD_FLOAT(struct vicreg, invariance, 25, 0, 1e6, "weight of the squared distance of two views")
KD_FLOAT(struct vicreg, variance, 25, 0, 1e6, "weight of the hinge that keeps deviations at 1")
KD_FLOAT(struct vicreg, covariance, 1, 0, 1e6, "weight of the squared covariances")
KD_CHOICE(
    struct vicreg, scaling, "official", "official|solo|paper",
    "official: distances as a mean over dimensions, the hinge as a mean over both views; "
    "solo: the hinge summed over both (solo-learn), so that its 25 is the official 50; paper: "
    "distances summed over dimensions too")
KD_INT(struct vicreg, layers, 3, 1, 8, "of the expander; 2 in lightly's ImageNet setting")
KD_INT(struct vicreg, hidden, 8192, 1, 65536, "width of the expander's hidden layers")
KD_INT(struct vicreg, output, 8192, 1, 65536, "width of what is compared")

static const struct {
    bool sum_distance; /* over dimensions */
    double hinge;      /* of one view */
} scalings[] = {{false, 0.5}, {false, 1}, {true, 1}};

/* Of z [n, d]: mean over dimensions of max(0, 1 - deviation), and the sum of squared covariances
 * of two dimensions over d. */
static void measure(kd_tensor *z, kd_tensor **ret_hinge, kd_tensor **ret_covariance) {
    const int64_t rows = 0;
    const double n = (double)kd_dim(z, 0);
    kd_tensor *off = kd_sub(z, kd_scale(kd_sum_axes(z, &rows, 1, true), 1 / n));
    kd_tensor *variance = kd_scale(kd_sum_axes(kd_mul(off, off), &rows, 1, false), 1 / (n - 1));
    kd_tensor *deviation = kd_sqrt(kd_affine(variance, 1, 1e-4));
    *ret_hinge = kd_mean(kd_relu(kd_affine(deviation, -1, 1)));
    /* All of it less the diagonal, which is the variance: no mask of d x d. */
    kd_tensor *all = kd_squared_frobenius(off, off, 1 / (n - 1));
    kd_tensor *apart = kd_sub(all, kd_sum(kd_mul(variance, variance)));
    *ret_covariance = kd_scale(apart, 1 / (double)kd_dim(z, 1));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct vicreg *self = config;
    const kd_mlp expander = {.layers = self->layers,
                             .hidden = self->hidden,
                             .output = self->output,
                             .hidden_bias = true};
    kd_tensor *z[2], *hinge[2], *covariance[2];
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *images = kd_view_at(in, i)->images;
        kd_tensor *features = kd_encode(in->encoder, kd_child(s, "encoder"), images);
        z[i] = kd_cast(kd_head(s, "projector", features, expander), KD_REAL);
        measure(z[i], &hinge[i], &covariance[i]);
    }
    kd_tensor *apart = kd_sub(z[0], z[1]), *distance = kd_mean(kd_mul(apart, apart));
    distance = scalings[self->scaling].sum_distance ? kd_scale(distance, self->output) : distance;
    kd_tensor *variance = kd_scale(kd_add(hinge[0], hinge[1]), scalings[self->scaling].hinge);
    kd_tensor *together = kd_add(covariance[0], covariance[1]);
    kd_report(s, "invariance", distance);
    kd_report(s, "variance", variance);
    kd_report(s, "covariance", together);
    kd_report(s, "spread", kd_spread(z[0]));
    return kd_add(kd_add(kd_scale(distance, self->invariance), kd_scale(variance, self->variance)),
                  kd_scale(together, self->covariance));
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
