/* SPDX-License-Identifier: Apache-2.0
 * Of the kindred of 2026-11-23, whose headers lie beside it; only its id is another.
 * Residual networks of 18, 34 and 50 layers, under torchvision's parameter names.
 *
 * source  He et al. 2015, https://arxiv.org/abs/1512.03385, table 1; equals
 * torchvision.models.resnet with fc = Identity, initialisation included; v1.5: a bottleneck's
 * stride sits on its 3x3
 */
#include <kindred/backbone.h>

enum { STEM_IMAGENET, STEM_TINY, STEM_CIFAR };

struct resnet {
    int depth; /* index into `kinds` */
    int stem;
    int width;
    bool zero_init_residual;
};

KD_PLUGIN(BACKBONE, "older.resnet", "1.0.0", struct resnet, "residual network of 18, 34 or 50 layers",
          "https://arxiv.org/abs/1512.03385 (torchvision.models.resnet)")
KD_CHOICE(struct resnet, depth, "50", "18|34|50", "number of layers; 50 has bottleneck blocks")
KD_CHOICE(struct resnet, stem, "imagenet", "imagenet|tiny|cifar",
          "imagenet: 7x7 of stride 2, max-pool; tiny: 3x3, max-pool; cifar: 3x3 alone")
KD_INT(struct resnet, width, 64, 1, 1024, "channels of the first stage; the published ones have 64")
KD_BOOL(struct resnet, zero_init_residual, false,
        "start the last norm of each block at 0, so that every block starts as the identity")

/* How the norms of one call behave. */
typedef struct norms {
    bool train;
    kd_norm last; /* of the last norm of each block */
} norms;

typedef kd_tensor *block(kd_scope s, kd_tensor *x, int channels, int stride, const norms *n);

/* Matches x to the branch it is added to: itself when the shapes agree, else a 1x1 projection. */
static kd_tensor *shortcut(kd_scope s, kd_tensor *x, int channels, int stride, const norms *n) {
    if (stride == 1 && kd_dim(x, 3) == channels) {
        return x;
    }
    x = kd_conv2d(s, "downsample.0", x, (kd_conv){.channels = channels, .stride = stride});
    return kd_batchnorm(s, "downsample.1", x, n->train, (kd_norm){0});
}

/* x [n, h, w, c] -> [n, h / stride, w / stride, channels]; figure 5, left. */
static kd_tensor *basic(kd_scope s, kd_tensor *x, int channels, int stride, const norms *n) {
    kd_tensor *y = kd_conv2d(s, "conv1", x, (kd_conv){channels, .kernel = 3, .stride = stride});
    y = kd_relu(kd_batchnorm(s, "bn1", y, n->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv2", y, (kd_conv){channels, .kernel = 3});
    y = kd_batchnorm(s, "bn2", y, n->train, n->last);

    return kd_relu(kd_add(y, shortcut(s, x, channels, stride, n)));
}

/* x [n, h, w, c] -> [n, h / stride, w / stride, 4 channels]; figure 5, right. */
static kd_tensor *bottleneck(kd_scope s, kd_tensor *x, int channels, int stride, const norms *n) {
    kd_tensor *y = kd_conv2d(s, "conv1", x, (kd_conv){channels});
    y = kd_relu(kd_batchnorm(s, "bn1", y, n->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv2", y, (kd_conv){channels, .kernel = 3, .stride = stride});
    y = kd_relu(kd_batchnorm(s, "bn2", y, n->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv3", y, (kd_conv){4 * channels});
    y = kd_batchnorm(s, "bn3", y, n->train, n->last);

    return kd_relu(kd_add(y, shortcut(s, x, 4 * channels, stride, n)));
}

/* The rows of table 1, by the option `depth`: the block, and how many of it in each stage. */
static const struct {
    block *block;
    int blocks[4];
} kinds[] = {
    {basic, {2, 2, 2, 2}},
    {basic, {3, 4, 6, 3}},
    {bottleneck, {3, 4, 6, 3}},
};

/* images [n, h, w, c] -> [n, h / 4, w / 4, width], h / 2 for `tiny`, h for `cifar` */
static kd_tensor *stem(const struct resnet *self, kd_scope s, kd_tensor *images, bool train) {
    const kd_conv wide = {self->width, .kernel = 7, .stride = 2},
                  small = {self->width, .kernel = 3};
    kd_tensor *x = kd_conv2d(s, "conv1", images, self->stem == STEM_IMAGENET ? wide : small);
    x = kd_relu(kd_batchnorm(s, "bn1", x, train, (kd_norm){0}));
    return self->stem == STEM_CIFAR ? x : kd_max_pool2d(x, 3, 2, 1);
}

/* The blocks of one stage in a row; only the first changes the resolution. */
static kd_tensor *stage(const struct resnet *self, kd_scope s, kd_tensor *x, int i,
                        const norms *n) {
    for (int k = 0; k < kinds[self->depth].blocks[i]; k++) {
        const int stride = i > 0 && k == 0 ? 2 : 1;
        x = kinds[self->depth].block(kd_child(s, "%d", k), x, self->width << i, stride, n);
    }
    return x;
}

static void build(const void *config, kd_scope s, kd_tensor *images, bool train, kd_features *ret) {
    static const char *const names[4] = {"c2", "c3", "c4", "c5"};
    const struct resnet *self = config;
    const norms n = {.train = train, .last.zero_scale = self->zero_init_residual};
    kd_tensor *x = stem(self, s, images, train);
    for (int i = 0; i < 4; i++) {
        x = stage(self, kd_child(s, "layer%d", i + 1), x, i, &n);
        ret->maps[ret->n_maps++] = (kd_feature_map){names[i], x};
    }
    ret->pooled = kd_mean_pool2d(x);
}

KD_BACKBONE(.build = build)
