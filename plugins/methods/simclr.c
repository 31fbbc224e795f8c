/* SPDX-License-Identifier: Apache-2.0
 * SimCLR: views of one image should agree with each other more than with any other image.
 *
 * source  Chen et al. 2020, https://arxiv.org/abs/2002.05709 (section 2.1, equation 1); with
 *         more than two views the mean over all positives (Khosla et al. 2020,
 *         https://arxiv.org/abs/2004.11362, equation 2). All views of one size pass the encoder as
 *         one batch, as in google-research/simclr. */
#include <kindred/method.h>
#include <math.h>

enum { LOSS_MEAN, LOSS_SUM };
enum { MAX_VIEWS = 16 };

struct simclr {
    double temperature;
    int loss;
    int head; /* index into `heads` */
    int hidden;
    int output;
};

KD_PLUGIN(METHOD, "simclr", "1.0.0", struct simclr,
          "contrast views of each image against the rest of the batch",
          "https://arxiv.org/abs/2002.05709 (google-research/simclr)")
KD_FLOAT(struct simclr, temperature, 0.1, 1e-3, 10,
         "divides cosine similarities; lower weighs hard negatives more")
KD_CHOICE(struct simclr, loss, "mean", "mean|sum",
          "mean over all views; sum: of the two views' means, twice that, as google's code")
KD_CHOICE(
    struct simclr, head, "lightly", "lightly|google|solo|paper",
    "projection head: lightly: 2 layers with batch norm; google: 3, the last norm without shift "
    "(v2); solo: 2 with bias, no norm (solo-learn); paper: 2 without either (v1)")
KD_INT(struct simclr, hidden, 2048, 0, 65536,
       "width of the head's hidden layers; 0: as wide as the features")
KD_INT(struct simclr, output, 128, 1, 65536, "width of the space the loss compares views in")

/* The published projection heads, by the option `head`. */
static const kd_mlp heads[] = {
    {.layers = 2, .last_norm = KD_LAST_NORM_AFFINE},   /* lightly SimCLRProjectionHead */
    {.layers = 3, .last_norm = KD_LAST_NORM_NO_SHIFT}, /* google-research/simclr model_util.py */
    {.layers = 2, .no_norm = true, .hidden_bias = true, .last_bias = true}, /* solo-learn */
    {.layers = 2, .no_norm = true}, /* the paper's W2 relu(W1 h) */
};

/* Each row must pick out the other views of its image among all rows that are not itself.
 * z [views * n, output], unit rows; rows i, n + i, ... show one image -> mean loss [], in nats */
static kd_tensor *nt_xent(kd_scope s, kd_tensor *z, int64_t n, double temperature) {
    const int64_t rows = kd_dim(z, 0);
    kd_tensor *similarity = kd_scale(kd_matmul_with(z, z, false, true), 1 / temperature);
    kd_tensor *logits = kd_where(kd_eye(s, rows), kd_scalar(s, -HUGE_VAL), similarity);
    kd_tensor *loss = kd_scalar(s, 0), *accuracy = kd_scalar(s, 0);

    for (int64_t ahead = n; ahead < rows; ahead += n) {
        kd_tensor *partner = kd_concat(kd_range(s, ahead, rows), kd_range(s, 0, ahead), 0);
        loss = kd_add(loss, kd_cross_entropy(logits, partner));
        accuracy = kd_add(accuracy, kd_accuracy(logits, partner));
    }
    kd_report(s, "accuracy", accuracy);
    kd_report(s, "spread", kd_spread(z));
    return kd_scale(loss, (double)n / (double)(rows - n));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct simclr *self = config;
    kd_tensor *features = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
    kd_mlp head = heads[self->head];
    head.hidden = self->hidden;
    head.output = self->output;
    kd_tensor *z = kd_l2_normalize(kd_head(s, "projector", features, head));
    kd_tensor *loss = nt_xent(s, z, kd_dim(in->indices, 0), self->temperature);
    return self->loss == LOSS_SUM ? kd_scale(loss, 2) : loss;
}

KD_METHOD(.min_views = 2, .max_views = MAX_VIEWS, .build = build)
