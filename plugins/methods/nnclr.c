/* SPDX-License-Identifier: Apache-2.0
 * NNCLR: the nearest neighbour of a view, among projections of earlier steps, is what the other
 * view must predict: the learned counterpart of a semantic pair.
 *
 * Each view goes through the encoder by itself, as in solo-learn; no official code is published.
 *
 * source  Dwibedi et al. 2021, https://arxiv.org/abs/2104.14548, equations 2 to 4; solo-learn
 *         methods/nnclr.py */
#include <kindred/method.h>
#include <kindred/queue.h>

struct nnclr {
    double temperature;
    int queue;
    int layers, hidden, output, predictor_hidden;
};

KD_PLUGIN(METHOD, "nnclr", "1.0.0", struct nnclr,
          "contrast with the nearest neighbour of the other view in a queue",
          "https://arxiv.org/abs/2104.14548 (vturrisi/solo-learn)")
KD_FLOAT(struct nnclr, temperature, 0.1, 1e-3, 10, "divides cosine similarities; 0.2 in solo-learn")
KD_INT(struct nnclr, queue, 4096, 1, 16777216,
       "projections kept: 98304 on ImageNet, 65536 in solo-learn. Fewer than the samples of an "
       "epoch: else a sample's nearest neighbour is itself")
KD_INT(struct nnclr, layers, 3, 1, 8, "of the projector; 2 in lightly's CIFAR setting")
KD_INT(struct nnclr, hidden, 2048, 1, 65536, "width of the projector's hidden layers")
KD_INT(struct nnclr, output, 256, 1, 65536, "width of what is compared")
KD_INT(struct nnclr, predictor_hidden, 4096, 1, 65536, "width of the predictor's hidden layer")

static kd_queue queue_of(const struct nnclr *self, kd_scope s) {
    return kd_queue_of(s, "queue", self->queue, self->output);
}

static void start(const void *config, kd_scope s, const kd_method_input *in) {
    (void)in;
    kd_queue_unit_rows(queue_of(config, s));
}

/* Of each unit row of z [n, d], the place i32 [n] of the queue's row that is closest. */
static kd_tensor *nearest(kd_queue queue, kd_tensor *z) {
    return kd_argmax(kd_matmul_with(kd_stop_gradient(z), queue.rows, false, true));
}

/* Neighbours and predictions, unit rows [n, d] -> logits [n, n]; gradient into p alone. */
static kd_tensor *compare(const struct nnclr *self, kd_tensor *neighbour, kd_tensor *p) {
    return kd_scale(kd_matmul_with(neighbour, p, false, true), 1 / self->temperature);
}

/* Share of rows whose neighbour shows the same class; classes are queued beside projections. */
static void follow_labels(const struct nnclr *self, kd_scope s, const kd_method_input *in,
                          kd_tensor *found, kd_tensor *places) {
    const kd_spec spec = {.dtype = KD_I32, .rank = 1, .dim = {self->queue}};
    kd_tensor *labels = kd_state(kd_child(s, "queue"), "labels", spec, (kd_init){.a = -1});
    kd_tensor *hit = kd_cast(kd_equal(kd_gather(labels, found), in->labels), KD_REAL);
    kd_report(s, "nn_accuracy", kd_mean(hit));
    kd_assign(labels, kd_scatter_rows(labels, places, in->labels));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct nnclr *self = config;
    const kd_mlp projector = {.layers = self->layers,
                              .hidden = self->hidden,
                              .output = self->output,
                              .hidden_bias = true,
                              .last_bias = true,
                              .last_norm = KD_LAST_NORM_AFFINE};
    const kd_mlp predictor = {
        .hidden = self->predictor_hidden, .hidden_bias = true, .last_bias = true};
    const kd_queue queue = queue_of(self, s);
    kd_tensor *z[2], *p[2], *found[2];
    for (uint32_t i = 0; i < 2; i++) {
        kd_tensor *images = kd_view_at(in, i)->images;
        kd_tensor *features = kd_encode(in->encoder, kd_child(s, "encoder"), images);
        z[i] = kd_head(s, "projector", features, projector);
        p[i] = kd_l2_normalize(kd_head(s, "predictor", z[i], predictor));
        z[i] = kd_l2_normalize(z[i]);
        found[i] = nearest(queue, z[i]);
    }
    kd_tensor *there = compare(self, kd_gather(queue.rows, found[0]), p[1]);
    kd_tensor *back = compare(self, kd_gather(queue.rows, found[1]), p[0]);
    kd_tensor *same = kd_range(s, 0, kd_dim(there, 0));
    kd_report(s, "accuracy", kd_accuracy(there, same));
    kd_report(s, "spread", kd_spread(z[0]));
    kd_tensor *places = kd_enqueue(queue, z[0]);
    if (in->labels) {
        follow_labels(self, s, in, found[0], places);
    }
    kd_tensor *loss = kd_add(kd_cross_entropy(there, same), kd_cross_entropy(back, same));
    return kd_scale(loss, 0.5);
}

static const kd_method_program programs[] = {{"unit_queue", KD_AT_START, false, start}};

KD_METHOD(.min_views = 2, .max_views = 2, .build = build, KD_PROGRAMS(programs))
