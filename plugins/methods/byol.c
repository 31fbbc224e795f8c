/* SPDX-License-Identifier: Apache-2.0
 * BYOL: an online network predicts what a slowly moving average of itself says of another view.
 *
 * source  Grill et al. 2020, https://arxiv.org/abs/2006.07733, equations 2 and 3 */
#include <kindred/method.h>

enum { LOSS_SUM, LOSS_MEAN };

struct byol {
    double keep, final_keep;
    int loss;
    int hidden, output;
};

KD_PLUGIN(METHOD, "byol", "1.0.0", struct byol,
          "predict a moving average's projection of another view; no negatives",
          "https://arxiv.org/abs/2006.07733")
KD_FLOAT(struct byol, keep, 0.99, 0, 1,
         "how much of the target a step keeps, at the start: 0.99 for up to 300 epochs, 0.996 for "
         "1000")
KD_FLOAT(struct byol, final_keep, 1, 0, 1, "the same at the end, along a cosine")
KD_CHOICE(struct byol, loss, "sum", "sum|mean",
          "sum of the two directions (0 to 8 for 2 - 2 cos, as DeepMind's code and solo-learn); "
          "mean: half of it")
KD_INT(struct byol, hidden, 4096, 1, 65536, "width of the heads' hidden layers")
KD_INT(struct byol, output, 256, 1, 65536, "width of what is predicted")

/* Every view goes through the encoder by itself: norms see one view at a time. */
static kd_tensor *project(const struct byol *self, kd_scope s, const kd_method_input *in,
                          uint32_t view) {
    const kd_mlp head = {
        .hidden = self->hidden, .output = self->output, .hidden_bias = true, .last_bias = true};
    kd_tensor *images = kd_view_at(in, view)->images;
    return kd_head(s, "projector", kd_encode(in->encoder, kd_child(s, "encoder"), images), head);
}

/* Mean over rows of 2 - 2 cos(p, z); no gradient into z. Equation 2. */
static kd_tensor *distance(kd_tensor *p, kd_tensor *z) {
    kd_tensor *cosine = kd_mul(kd_l2_normalize(p), kd_stop_gradient(kd_l2_normalize(z)));
    return kd_affine(kd_sum(cosine), -2 / (double)kd_dim(p, 0), 2);
}

static kd_scope follower(const struct byol *self, kd_scope s) {
    kd_scope target = kd_child(s, "target");
    const kd_schedule keep = {.shape = KD_SCHEDULE_COSINE,
                              .from = self->keep,
                              .to = self->final_keep,
                              .end = KD_SCHEDULE_END};
    kd_follow(target, s, kd_scheduled(target, "keep", keep));
    return target;
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct byol *self = config;
    const kd_mlp predictor = {
        .hidden = self->hidden, .output = self->output, .hidden_bias = true, .last_bias = true};
    kd_tensor *p[2], *z[2];
    for (uint32_t i = 0; i < 2; i++) {
        z[i] = project(self, s, in, i);
        p[i] = kd_head(s, "predictor", z[i], predictor);
    }
    kd_report(s, "spread", kd_spread(z[0]));
    kd_scope target = follower(self, s);
    for (uint32_t i = 0; i < 2; i++) {
        z[i] = project(self, target, in, i);
    }
    kd_tensor *loss = kd_add(distance(p[0], z[1]), distance(p[1], z[0]));
    return self->loss == LOSS_MEAN ? kd_scale(loss, 0.5) : loss;
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
