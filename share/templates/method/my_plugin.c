/* SPDX-License-Identifier: Apache-2.0
 * my_plugin, a method: views of one image should lie close together, and all features spread evenly
 * over the sphere. Change `build`: it says, once, how views become a loss.
 *
 * source  Wang and Isola 2020, https://arxiv.org/abs/2005.10242 (section 4; alpha 2, t 2)
 */
#include <kindred/method.h>

struct my_plugin {
    double alignment, uniformity, t;
    int output;
};

KD_PLUGIN(METHOD, "org.example.my_plugin", "0.1.0", struct my_plugin,
          "pull views together, spread features over the sphere",
          "https://arxiv.org/abs/2005.10242")
KD_FLOAT(struct my_plugin, alignment, 1, 0, 1000, "weight of the distance of two views")
KD_FLOAT(struct my_plugin, uniformity, 1, 0, 1000, "weight of the spread")
KD_FLOAT(struct my_plugin, t, 2, 0.01, 100, "sharpness of the Gaussian potential")
KD_INT(struct my_plugin, output, 128, 1, 65536, "width of the compared space")

/* [n, d] unit rows -> squared distances [n, n]: |a - b|^2 = 2 - 2 a.b */
static kd_tensor *squared_distances(kd_tensor *a, kd_tensor *b) {
    return kd_affine(kd_matmul_with(a, b, false, true), -2, 2);
}

/* The log of the mean Gaussian potential over pairs of different rows. */
static kd_tensor *spread(kd_scope s, kd_tensor *z, double t) {
    const double n = (double)kd_dim(z, 0);
    kd_tensor *potential = kd_exp(kd_scale(squared_distances(z, z), -t));
    kd_tensor *others = kd_where(kd_eye(s, kd_dim(z, 0)), kd_scalar(s, 0), potential);
    return kd_log(kd_scale(kd_sum(others), 1 / (n * (n - 1))));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct my_plugin *self = config;
    kd_tensor *z[2];
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *x = kd_encode(in->encoder, kd_child(s, "encoder"), kd_view_at(in, i)->images);
        z[i] = kd_l2_normalize(kd_linear(s, "projector", x, (kd_dense){.width = self->output}));
    }
    kd_tensor *apart = kd_sub(z[0], z[1]);
    kd_tensor *alignment = kd_scale(kd_sum(kd_mul(apart, apart)), 1 / (double)kd_dim(apart, 0));
    kd_tensor *uniformity =
        kd_scale(kd_add(spread(s, z[0], self->t), spread(s, z[1], self->t)), 0.5);
    kd_report(s, "alignment", alignment);
    kd_report(s, "uniformity", uniformity);
    return kd_add(kd_scale(alignment, self->alignment), kd_scale(uniformity, self->uniformity));
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
