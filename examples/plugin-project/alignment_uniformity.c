/* SPDX-License-Identifier: Apache-2.0
 * A method with an op of its own: views of one image should lie close together, and all features
 * spread evenly over the sphere.
 *
 * source  Wang and Isola 2020, https://arxiv.org/abs/2005.10242, section 4.1.2 (alpha 2):
 *             alignment  = mean of |a - b|^2 over pairs of views a, b of one image
 *             uniformity = log of the mean of exp(-t |a - b|^2) over pairs of images
 *
 * Made of kindred's ops, the uniformity of n rows would keep several [n, n] matrices from the
 * forward to the backward pass. The op in spread.c keeps one number a row. */
#include "spread.h"

#include <kindred/method.h>

struct alignment_uniformity {
    double alignment, uniformity, t;
    int output;
};

KD_PLUGIN(METHOD, "org.example.alignment_uniformity", "1.0.0", struct alignment_uniformity,
          "pull views together, spread features over the sphere",
          "https://arxiv.org/abs/2005.10242")
KD_FLOAT(struct alignment_uniformity, alignment, 1, 0, 1000, "weight of the distance of two views")
KD_FLOAT(struct alignment_uniformity, uniformity, 1, 0, 1000, "weight of the spread")
KD_FLOAT(struct alignment_uniformity, t, 2, 0.01, 100, "sharpness of the Gaussian potential")
KD_INT(struct alignment_uniformity, output, 128, 1, 65536, "width of the compared space")
KD_CUSTOM_OP(SPREAD, SPREAD_DEVICES, "log of the mean of exp(-t |a - b|^2) over pairs of rows")
KD_CUSTOM_OP(SPREAD_GRAD, SPREAD_DEVICES, "its derivative by the rows, times dy")

static kd_tensor *spread(kd_tensor *z, double t) {
    return kd_emit(SPREAD, &z, 1, (kd_attr[]){KD_F("t", t)}, 1);
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct alignment_uniformity *self = config;
    kd_tensor *z[2];
    if (kd_dim(kd_view_at(in, 0)->images, 0) < 2) {
        kd_reject(s, "uniformity is of pairs of images: train.batch must be 2 or more");
    }
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *x = kd_encode(in->encoder, kd_child(s, "encoder"), kd_view_at(in, i)->images);
        z[i] = kd_l2_normalize(kd_linear(s, "projector", x, (kd_dense){.width = self->output}));
    }
    kd_tensor *apart = kd_sub(z[0], z[1]);
    kd_tensor *alignment = kd_scale(kd_sum(kd_mul(apart, apart)), 1 / (double)kd_dim(apart, 0));
    kd_tensor *uniformity = kd_scale(kd_add(spread(z[0], self->t), spread(z[1], self->t)), 0.5);
    kd_report(s, "alignment", alignment);
    kd_report(s, "uniformity", uniformity);
    return kd_add(kd_scale(alignment, self->alignment), kd_scale(uniformity, self->uniformity));
}

KD_CUSTOM_OPS(spread_ops, spread_kernels, spread_cases)
KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
