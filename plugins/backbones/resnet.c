/* SPDX-License-Identifier: Apache-2.0
 * Residual networks of 18 to 152 layers, wide ones too, under torchvision's parameter names.
 *
 * source  He et al. 2015, https://arxiv.org/abs/1512.03385, table 1; wide: Zagoruyko and Komodakis
 * 2016, https://arxiv.org/abs/1605.07146; equals
 * torchvision.models.resnet with fc = Identity, initialisation included; v1.5: a bottleneck's
 * stride sits on its 3x3
 */
#include <kindred/backbone.h>

enum { STEM_IMAGENET, STEM_TINY, STEM_CIFAR };

struct resnet {
    int depth; /* index into `kinds` */
    int stem;
    int width;
    int wide;
    bool zero_init_residual;
};

KD_PLUGIN(BACKBONE, "resnet", "1.0.0", struct resnet, "residual network of 18 to 152 layers",
          "https://arxiv.org/abs/1512.03385 (torchvision.models.resnet)")
KD_CHOICE(struct resnet, depth, "50", "18|34|50|101|152",
          "number of layers; from 50 on of bottleneck blocks")
KD_CHOICE(struct resnet, stem, "imagenet", "imagenet|tiny|cifar",
          "imagenet: 7x7 of stride 2, max-pool; tiny: 3x3, max-pool; cifar: 3x3 alone")
KD_INT(struct resnet, width, 64, 1, 1024, "channels of the first stage; the published ones have 64")
KD_INT(struct resnet, wide, 1, 1, 16,
       "times as many channels inside of bottleneck blocks; 2: torchvision's wide_resnet50_2")
KD_BOOL(struct resnet, zero_init_residual, false,
        "start the last norm of each block at 0, so that every block starts as the identity")

/* What the blocks of one call have in common. */
typedef struct manner {
    bool train;
    kd_norm last; /* of the last norm of each block */
    int wide;     /* how much a bottleneck is widened */
} manner;

typedef kd_tensor *block(kd_scope s, kd_tensor *x, int channels, int stride, const manner *m);

/* Matches x to the branch it is added to: itself when the shapes agree, else a 1x1 projection. */
static kd_tensor *shortcut(kd_scope s, kd_tensor *x, int channels, int stride, const manner *m) {
    if (stride == 1 && kd_dim(x, 3) == channels) {
        return x;
    }
    x = kd_conv2d(s, "downsample.0", x, (kd_conv){.channels = channels, .stride = stride});
    return kd_batchnorm(s, "downsample.1", x, m->train, (kd_norm){0});
}

/* x [n, h, w, c] -> [n, h / stride, w / stride, channels]; figure 5, left. */
static kd_tensor *basic(kd_scope s, kd_tensor *x, int channels, int stride, const manner *m) {
    kd_tensor *y = kd_conv2d(s, "conv1", x, (kd_conv){channels, .kernel = 3, .stride = stride});
    y = kd_relu(kd_batchnorm(s, "bn1", y, m->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv2", y, (kd_conv){channels, .kernel = 3});
    y = kd_batchnorm(s, "bn2", y, m->train, m->last);

    return kd_relu(kd_add(y, shortcut(s, x, channels, stride, m)));
}

/* x [n, h, w, c] -> [n, h / stride, w / stride, 4 channels]; figure 5, right. */
static kd_tensor *bottleneck(kd_scope s, kd_tensor *x, int channels, int stride, const manner *m) {
    const int inner = channels * m->wide;
    kd_tensor *y = kd_conv2d(s, "conv1", x, (kd_conv){inner});
    y = kd_relu(kd_batchnorm(s, "bn1", y, m->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv2", y, (kd_conv){inner, .kernel = 3, .stride = stride});
    y = kd_relu(kd_batchnorm(s, "bn2", y, m->train, (kd_norm){0}));

    y = kd_conv2d(s, "conv3", y, (kd_conv){4 * channels});
    y = kd_batchnorm(s, "bn3", y, m->train, m->last);

    return kd_relu(kd_add(y, shortcut(s, x, 4 * channels, stride, m)));
}

/* The rows of table 1, by the option `depth`: the block, and how many of it in each stage. */
static const struct {
    block *block;
    int blocks[4];
} kinds[] = {
    {basic, {2, 2, 2, 2}},       /* 18 */
    {basic, {3, 4, 6, 3}},       /* 34 */
    {bottleneck, {3, 4, 6, 3}},  /* 50 */
    {bottleneck, {3, 4, 23, 3}}, /* 101 */
    {bottleneck, {3, 8, 36, 3}}, /* 152 */
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
                        const manner *m) {
    for (int k = 0; k < kinds[self->depth].blocks[i]; k++) {
        const int stride = i > 0 && k == 0 ? 2 : 1;
        x = kinds[self->depth].block(kd_child(s, "%d", k), x, self->width << i, stride, m);
    }
    return x;
}

static void build(const void *config, kd_scope s, kd_tensor *images, bool train, kd_features *ret) {
    static const char *const names[4] = {"c2", "c3", "c4", "c5"};
    const struct resnet *self = config;
    const manner m = {train, {.zero_scale = self->zero_init_residual}, self->wide};
    if (self->wide > 1 && kinds[self->depth].block == basic) {
        kd_reject(s,
                  "wide: %d is of bottleneck blocks, which depth 18 and 34 do not have; use "
                  "width",
                  self->wide);
    }
    kd_tensor *x = stem(self, s, images, train);
    for (int i = 0; i < 4; i++) {
        x = stage(self, kd_child(s, "layer%d", i + 1), x, i, &m);
        ret->maps[ret->n_maps++] = (kd_feature_map){names[i], x};
    }
    ret->pooled = kd_mean_pool2d(x);
}

KD_BACKBONE(.build = build)
