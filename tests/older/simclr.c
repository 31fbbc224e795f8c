/* SPDX-License-Identifier: Apache-2.0
 * Of the kindred of 2026-11-23, whose headers lie beside it; only its id is another.
 * SimCLR: views of one image should agree with each other more than with any other image.
 *
 * source  Chen et al. 2020, https://arxiv.org/abs/2002.05709 (section 2.1, equation 1); with more
 *         than two views the mean over all positives (Khosla et al. 2020,
 * https://arxiv.org/abs/2004.11362, equation 2). All views pass the encoder as one batch, as in
 * google-research/simclr.
 */
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

KD_PLUGIN(METHOD, "older.simclr", "1.0.0", struct simclr,
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
static const struct {
    int layers;
    bool bias, norm;
    bool last_shift; /* the output's norm has a shift */
} heads[] = {
    {.layers = 2, .norm = true, .last_shift = true}, /* lightly SimCLRProjectionHead */
    {.layers = 3, .norm = true},                     /* google-research/simclr model_util.py */
    {.layers = 2, .bias = true},                     /* solo-learn methods/simclr.py */
    {.layers = 2},                                   /* the paper's W2 relu(W1 h) */
};

/* features [rows, width] -> unit rows [rows, output] */
static kd_tensor *project(const struct simclr *self, kd_scope s, kd_tensor *x) {
    const int64_t hidden = self->hidden ? self->hidden : kd_dim(x, 1);
    for (int i = 1; i <= heads[self->head].layers; i++) {
        const bool last = i == heads[self->head].layers;
        const kd_dense shape = {last ? self->output : hidden, .no_bias = !heads[self->head].bias};
        kd_scope layer = kd_child(s, "layer%d", i);
        x = kd_linear(layer, "linear", x, shape);
        if (heads[self->head].norm) {
            const kd_norm norm = {.no_shift = last && !heads[self->head].last_shift};
            x = kd_batchnorm(layer, "norm", x, true, norm);
        }
        x = last ? x : kd_relu(x);
    }
    return kd_l2_normalize(x);
}

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
    return kd_scale(loss, (double)n / (double)(rows - n));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct simclr *self = config;
    kd_tensor *views[MAX_VIEWS];
    for (uint32_t i = 0; i < in->n_views; i++) {
        views[i] = kd_view_at(in, i)->images;
    }
    kd_tensor *images = kd_concat_all(views, in->n_views, 0);
    kd_tensor *features = kd_encode(in->encoder, kd_child(s, "encoder"), images);
    kd_tensor *z = project(self, kd_child(s, "projector"), features);
    kd_tensor *loss = nt_xent(s, z, kd_dim(views[0], 0), self->temperature);
    return self->loss == LOSS_SUM ? kd_scale(loss, 2) : loss;
}

KD_METHOD(.min_views = 2, .max_views = MAX_VIEWS, .build = build)
