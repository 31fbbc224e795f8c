/* SPDX-License-Identifier: Apache-2.0
 * MoCo v3: a predictor's query picks the key of its image, made by a slow average, in the batch.
 *
 * Each view goes through the encoder by itself, as in the official code, where step k moves the
 * average before it makes keys, with the k-th value of the schedule. Here that happens at the end
 * of step k - 1, so the schedule runs one step ahead: the same numbers.
 *
 * source  Chen et al. 2021, https://arxiv.org/abs/2104.02057, algorithm 1;
 *         facebookresearch/moco-v3 moco/builder.py and main_moco.py */
#include <kindred/method.h>

enum { HEAD_RESNET, HEAD_VIT };

struct moco_v3 {
    double temperature, keep, final_keep;
    int head, hidden, output;
};

KD_PLUGIN(METHOD, "moco_v3", "1.0.0", struct moco_v3,
          "contrast predictions with a moving average's keys of the batch",
          "https://arxiv.org/abs/2104.02057 (facebookresearch/moco-v3)")
KD_FLOAT(
    struct moco_v3, temperature, 1, 1e-3, 10,
    "divides cosine similarities: 1 with ResNet-50, 0.2 with ViT and in solo-learn; its double "
    "multiplies the loss")
KD_FLOAT(struct moco_v3, keep, 0.99, 0, 1,
         "how much of the average a step keeps, at the start; 0.996 for 1000 epochs")
KD_FLOAT(struct moco_v3, final_keep, 1, 0, 1, "the same at the end, along a cosine")
KD_CHOICE(struct moco_v3, head, "resnet", "resnet|vit",
          "resnet: a projector of 2 layers, the predictor's output not normalised; vit: 3 layers, "
          "normalised")
KD_INT(struct moco_v3, hidden, 4096, 1, 65536, "width of the heads' hidden layers")
KD_INT(struct moco_v3, output, 256, 1, 65536, "width of keys and queries")

/* The view's projection [n, output]; all linear layers are without bias. */
static kd_tensor *project(const struct moco_v3 *self, kd_scope s, const kd_method_input *in,
                          uint32_t view) {
    const kd_mlp head = {.layers = self->head == HEAD_VIT ? 3 : 2,
                         .hidden = self->hidden,
                         .output = self->output,
                         .last_norm = KD_LAST_NORM_PLAIN};
    kd_tensor *images = kd_view_at(in, view)->images;
    return kd_head(s, "projector", kd_encode(in->encoder, kd_child(s, "encoder"), images), head);
}

/* q, k [n, output] -> logits [n, n]; no gradient into k. */
static kd_tensor *compare(const struct moco_v3 *self, kd_tensor *q, kd_tensor *k) {
    k = kd_stop_gradient(kd_l2_normalize(k));
    return kd_scale(kd_matmul_with(kd_l2_normalize(q), k, false, true), 1 / self->temperature);
}

static kd_scope follower(const struct moco_v3 *self, kd_scope s, int64_t total_steps) {
    kd_scope average = kd_child(s, "key");
    const kd_schedule keep = {.shape = KD_SCHEDULE_COSINE,
                              .flags = KD_SCHEDULE_STEPS,
                              .from = self->keep,
                              .to = self->final_keep,
                              .begin = -1,
                              .end = (double)total_steps - 1};
    kd_follow(average, s, kd_scheduled(average, "keep", keep));
    return average;
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct moco_v3 *self = config;
    const kd_mlp predictor = {.hidden = self->hidden,
                              .last_norm =
                                  self->head == HEAD_VIT ? KD_LAST_NORM_PLAIN : KD_LAST_NORM_NONE};
    kd_tensor *q[2], *k[2];
    for (uint32_t i = 0; i < 2; i++) {
        q[i] = kd_head(s, "predictor", project(self, s, in, i), predictor);
    }
    kd_scope average = follower(self, s, in->total_steps);
    for (uint32_t i = 0; i < 2; i++) {
        k[i] = project(self, average, in, i);
    }
    kd_tensor *there = compare(self, q[0], k[1]), *back = compare(self, q[1], k[0]);
    kd_tensor *same = kd_range(s, 0, kd_dim(there, 0));
    kd_report(s, "accuracy", kd_accuracy(there, same));
    kd_report(s, "spread", kd_spread(q[0]));
    kd_tensor *loss = kd_add(kd_cross_entropy(there, same), kd_cross_entropy(back, same));
    return kd_scale(loss, 2 * self->temperature);
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
