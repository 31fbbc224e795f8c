/* SPDX-License-Identifier: Apache-2.0
 * SupCon: all images of a class are positives of each other, the limiting case of semantic pairs.
 * Samples without a label are a class of their own, so that unlabelled ones are SimCLR's.
 *
 * All views pass the encoder as one batch, as in the official code.
 *
 * source  Khosla et al. 2020, https://arxiv.org/abs/2004.11362, equations 2 and 3, and
 *         HobbitLong/SupContrast losses.py and networks/resnet_big.py */
#include <kindred/method.h>

enum { LOSS_OUTSIDE, LOSS_INSIDE, LOSS_OFFICIAL };
enum { MAX_VIEWS = 16 };

struct supcon {
    double temperature;
    int loss;
    int layers, hidden, output;
};

KD_PLUGIN(METHOD, "supcon", "1.0.0", struct supcon,
          "contrast each class with the others; needs labels",
          "https://arxiv.org/abs/2004.11362 (HobbitLong/SupContrast)")
KD_FLOAT(struct supcon, temperature, 0.1, 1e-3, 10,
         "divides cosine similarities; lower weighs hard negatives more")
KD_CHOICE(struct supcon, loss, "outside", "outside|inside|official",
          "outside: mean over positives of their log-probabilities (equation 2); inside: logarithm "
          "of the mean of their probabilities (equation 3; solo-learn, but for a constant); "
          "official: outside times temperature / 0.07, as the code")
KD_INT(struct supcon, layers, 2, 1, 8, "of the projector, which has biases and no norms")
KD_INT(struct supcon, hidden, 0, 0, 65536,
       "width of the projector's hidden layers; 0: as wide as the features")
KD_INT(struct supcon, output, 128, 1, 65536, "width of the space the loss compares views in")

/* A number for each row that says its class: i32 [views n]. */
static kd_tensor *classes(kd_scope s, const kd_method_input *in) {
    kd_tensor *all[MAX_VIEWS];
    const int64_t n = kd_dim(in->labels, 0);
    kd_tensor *known = kd_greater(in->labels, kd_fill(s, (kd_spec){.dtype = KD_I32}, -1));
    kd_tensor *one = kd_where(known, in->labels, kd_range(s, -n, 0));
    for (uint32_t i = 0; i < in->n_views; i++) {
        all[i] = one;
    }
    return kd_concat_all(all, in->n_views, 0);
}

/* A logit that is nobody's: no probability, and finite, so that nought times it is nought. */
#define FAR (-1e30)

/* logits [rows, rows]; positive real [rows, rows], count [rows, 1] -> mean loss over rows */
static kd_tensor *contrast(const struct supcon *self, kd_tensor *logits, kd_tensor *positive,
                           kd_tensor *count) {
    const int64_t rows = kd_dim(logits, 0), last = 1;
    if (self->loss == LOSS_INSIDE) {
        kd_tensor *p = kd_mul(positive, kd_softmax(logits));
        kd_tensor *mean = kd_div(kd_sum_axes(p, &last, 1, true), count);
        return kd_scale(kd_sum(kd_log(mean)), -1 / (double)rows);
    }
    const double factor = self->loss == LOSS_OFFICIAL ? self->temperature / 0.07 : 1;
    return kd_scale(kd_soft_cross_entropy(logits, kd_div(positive, count)), factor);
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct supcon *self = config;
    const kd_mlp head = {.layers = self->layers,
                         .hidden = self->hidden,
                         .output = self->output,
                         .no_norm = true,
                         .hidden_bias = true,
                         .last_bias = true};
    if (!in->labels) {
        kd_reject(s, "supcon needs classes, and the data has no labels");
        return kd_scalar(s, 0);
    }
    kd_tensor *features = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
    kd_tensor *z = kd_l2_normalize(kd_head(s, "projector", features, head));
    const int64_t rows = kd_dim(z, 0), last = 1;
    kd_tensor *self_mask = kd_eye(s, rows), *class = classes(s, in);
    kd_tensor *same = kd_equal(KD_RESHAPE(class, rows, 1), KD_RESHAPE(class, 1, rows));
    kd_tensor *positive = kd_where(self_mask, kd_scalar(s, 0), kd_cast(same, KD_REAL));
    kd_tensor *count = kd_sum_axes(positive, &last, 1, true);
    kd_tensor *similarity = kd_scale(kd_matmul_with(z, z, false, true), 1 / self->temperature);
    kd_tensor *logits = kd_where(self_mask, kd_scalar(s, FAR), similarity);
    kd_tensor *nearest = kd_gather(class, kd_argmax(logits));
    kd_report(s, "accuracy", kd_mean(kd_cast(kd_equal(nearest, class), KD_REAL)));
    kd_report(s, "positives", kd_mean(count));
    kd_report(s, "spread", kd_spread(z));
    return contrast(self, logits, positive, count);
}

KD_METHOD(.min_views = 2, .max_views = MAX_VIEWS, .build = build)
