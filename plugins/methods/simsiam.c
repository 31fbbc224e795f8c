/* SPDX-License-Identifier: Apache-2.0
 * SimSiam: a predictor behind one branch and a stopped gradient behind the other are enough.
 *
 * Each view goes through the encoder by itself: norms see one view at a time, as in the official
 * code. Its projector's last bias, which is never trained and which the norm behind it cancels, is
 * left out.
 *
 * source  Chen and He 2021, https://arxiv.org/abs/2011.10566, equations 1 to 4, and
 *         facebookresearch/simsiam simsiam/builder.py */
#include <kindred/method.h>

struct simsiam {
    int layers, hidden, output, bottleneck;
    bool fix_predictor_lr;
};

KD_PLUGIN(METHOD, "simsiam", "1.0.0", struct simsiam,
          "predict one view's projection from the other's; no negatives, no moving average",
          "https://arxiv.org/abs/2011.10566 (facebookresearch/simsiam)")
KD_INT(struct simsiam, layers, 3, 2, 8, "of the projector; the paper takes 2 on CIFAR-10")
KD_INT(struct simsiam, hidden, 0, 0, 65536,
       "width of the projector's hidden layers; 0: as wide as the features")
KD_INT(struct simsiam, output, 2048, 1, 65536, "width of what is predicted")
KD_INT(struct simsiam, bottleneck, 512, 1, 65536, "width of the predictor's hidden layer")
KD_BOOL(struct simsiam, fix_predictor_lr, true,
        "the predictor keeps the configured learning rate while the rest follows the schedule")

/* Mean over rows of the cosine between p and z; no gradient into z. */
static kd_tensor *cosine(kd_tensor *p, kd_tensor *z) {
    kd_tensor *product = kd_mul(kd_l2_normalize(p), kd_stop_gradient(kd_l2_normalize(z)));
    return kd_scale(kd_sum(product), 1 / (double)kd_dim(p, 0));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct simsiam *self = config;
    const kd_mlp projector = {.layers = self->layers,
                              .hidden = self->hidden,
                              .output = self->output,
                              .last_norm = KD_LAST_NORM_PLAIN};
    const kd_mlp predictor = {.hidden = self->bottleneck, .last_bias = true};
    kd_tensor *z[2], *p[2];
    if (self->fix_predictor_lr) {
        kd_set_rule(kd_child(s, "predictor"), (kd_rule){.flags = KD_RULE_CONSTANT_LR});
    }
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *images = kd_view_at(in, i)->images;
        kd_tensor *features = kd_encode(in->encoder, kd_child(s, "encoder"), images);
        z[i] = kd_head(s, "projector", features, projector);
        p[i] = kd_head(s, "predictor", z[i], predictor);
    }
    kd_report(s, "spread", kd_spread(z[0]));
    return kd_scale(kd_add(cosine(p[0], z[1]), cosine(p[1], z[0])), -0.5);
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
