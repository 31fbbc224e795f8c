/* SPDX-License-Identifier: Apache-2.0
 * my_plugin, a backbone: a plain convolutional network, each stage of which halves the image and
 * doubles the channels. Change `build`: it says, once, how images become features.
 *
 * source  the plain networks of Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556, made
 *         small, with batch norm and strides in place of pooling
 */
#include <kindred/backbone.h>

enum { MAX_STAGES = 5 };

struct my_plugin {
    int width, stages;
};

KD_PLUGIN(BACKBONE, "org.example.my_plugin", "0.1.0", struct my_plugin,
          "a plain convolutional network", "https://arxiv.org/abs/1409.1556")
KD_INT(struct my_plugin, width, 64, 1, 4096, "channels of the first stage")
KD_INT(struct my_plugin, stages, 4, 1, 5, "how often the image is halved")

/* x [n, h, w, c] -> [n, h / 2, w / 2, channels] */
static kd_tensor *stage(kd_scope s, kd_tensor *x, int channels, bool train) {
    x = kd_conv2d(s, "conv", x, (kd_conv){channels, .kernel = 3, .stride = 2});
    return kd_relu(kd_batchnorm(s, "bn", x, train, (kd_norm){0}));
}

/* images [n, h, w, c] -> pooled [n, width << (stages - 1)], maps c2, c3, ... */
static void build(const void *config, kd_scope s, kd_tensor *images, bool train, kd_features *ret) {
    static const char *const names[MAX_STAGES] = {"c2", "c3", "c4", "c5", "c6"};
    const struct my_plugin *self = config;
    kd_tensor *x = images;
    for (int i = 0; i < self->stages; i++) {
        x = stage(kd_child(s, "stage%d", i + 1), x, self->width << i, train);
        ret->maps[ret->n_maps++] = (kd_feature_map){names[i], x};
    }
    ret->pooled = kd_mean_pool2d(x);
}

KD_BACKBONE(.build = build)
