/* SPDX-License-Identifier: Apache-2.0
 * MoCo v2: a query picks its key, made by a slow average of the encoder, from a queue of older
 * ones.
 *
 * Each view goes through the encoder by itself, as in the official code, where the average takes in
 * the encoder before it makes keys. Here it does so after the optimizer, so that the keys of step k
 * come from the same average, which has just taken in the encoder of step k; before the first step
 * both are equal.
 *
 * split  Batch norm tells query and key which samples share a batch. Across GPUs the official code
 *        shuffles; on one device its CIFAR notebook normalises parts of the batch by themselves,
 *        with the keys in random order. Running statistics take in one part after another; the
 *        notebook averages what each part would make of them.
 *
 * source  Chen et al. 2020, https://arxiv.org/abs/2003.04297, and He et al. 2020,
 *         https://arxiv.org/abs/1911.05722, equation 1; facebookresearch/moco moco/builder.py,
 *         its CIFAR notebook, and solo-learn methods/mocov2plus.py */
#include <kindred/method.h>
#include <kindred/queue.h>

enum { LOSS_ONE_WAY, LOSS_MEAN, LOSS_SUM };
enum { MAX_SPLIT = 64 };

struct moco {
    double temperature, keep, final_keep;
    int loss, queue, split;
    int layers, hidden, output;
};

KD_PLUGIN(METHOD, "moco", "1.0.0", struct moco,
          "contrast a view with its moving average's key and a queue of other keys",
          "https://arxiv.org/abs/2003.04297 (facebookresearch/moco)")
KD_FLOAT(struct moco, temperature, 0.2, 1e-3, 10, "divides cosine similarities; 0.07 in v1")
KD_FLOAT(struct moco, keep, 0.999, 0, 1,
         "how much of the average a step keeps, at the start; 0.99 on CIFAR")
KD_FLOAT(struct moco, final_keep, 0.999, 0, 1, "the same at the end, along a cosine")
KD_CHOICE(
    struct moco, loss, "one_way", "one_way|mean|sum",
    "one_way: the first view asks, the second one answers (official); mean: of both ways, "
    "with a queue for each view (solo-learn); sum: of both ways, with the keys of both in one "
    "queue (the CIFAR notebook)")
KD_INT(struct moco, queue, 4096, 1, 16777216,
       "keys kept; 65536 on ImageNet. Fewer than the samples of an epoch: else a sample is its own "
       "negative")
KD_INT(struct moco, split, 1, 1, 64, "parts of the batch that are normalised each by itself")
KD_INT(struct moco, layers, 2, 1, 8, "of the head, which has biases and no norms; 1 in v1")
KD_INT(struct moco, hidden, 0, 0, 65536,
       "width of the head's hidden layers; 0: as wide as the features")
KD_INT(struct moco, output, 128, 1, 65536, "width of keys and queries")

/* images [n, h, w, c] -> unit rows [n, output] */
static kd_tensor *embed(const struct moco *self, kd_scope s, const kd_method_input *in,
                        kd_tensor *images) {
    const kd_mlp head = {.layers = self->layers,
                         .hidden = self->hidden,
                         .output = self->output,
                         .no_norm = true,
                         .hidden_bias = true,
                         .last_bias = true};
    kd_tensor *part[MAX_SPLIT];
    const int64_t n = kd_dim(images, 0) / self->split;
    if (kd_dim(images, 0) % self->split) {
        kd_reject(s, "a batch of %lld does not split into %d parts", (long long)kd_dim(images, 0),
                  self->split);
        return images;
    }
    for (int i = 0; i < self->split; i++) {
        part[i] =
            kd_encode(in->encoder, kd_child(s, "encoder"), kd_slice(images, 0, i * n, (i + 1) * n));
    }
    kd_tensor *features = kd_concat_all(part, (uint32_t)self->split, 0);
    return kd_l2_normalize(kd_head(s, "projector", features, head));
}

/* Keys of a view, which pass the norms in random order. */
static kd_tensor *answer(const struct moco *self, kd_scope s, const kd_method_input *in,
                         uint32_t view) {
    kd_tensor *images = kd_view_at(in, view)->images, *values, *order;
    kd_tensor *draw = self->split > 1 ? kd_step_key(s) : NULL;
    const int64_t n = kd_dim(images, 0);
    kd_scope average = kd_child(s, "key");
    if (!draw) {
        return embed(self, average, in, images);
    }
    kd_top_k(kd_random(draw, kd_stream("moco.shuffle") + view, 1, &n), n, &values, &order);
    return kd_scatter_add(order, embed(self, average, in, kd_gather(images, order)), n);
}

/* q [n, d] and its keys k [n, d], unit rows -> logits [n, 1 + length]: the own key first, then the
 * queue. */
static kd_tensor *compare(const struct moco *self, kd_tensor *q, kd_tensor *k, kd_queue queue) {
    const int64_t last = 1;
    kd_tensor *own = kd_sum_axes(kd_mul(q, kd_stop_gradient(k)), &last, 1, true);
    kd_tensor *others = kd_matmul_with(q, queue.rows, false, true);
    return kd_scale(kd_concat(own, others, 1), 1 / self->temperature);
}

/* Mean over rows of the cross-entropy of the first column, in nats. */
static kd_tensor *pick_first(kd_tensor *logits) {
    const kd_spec first = {.dtype = KD_I32, .rank = 1, .dim = {kd_dim(logits, 0)}};
    return kd_cross_entropy(logits, kd_fill(logits->api->scope_of(logits), first, 0));
}

/* The queue that holds the keys of a view. */
static kd_queue queue_of(const struct moco *self, kd_scope s, int view) {
    const char *name = self->loss != LOSS_MEAN ? "queue" : view == 0 ? "queue0" : "queue1";
    return kd_queue_of(s, name, self->queue, self->output);
}

static void start(const void *config, kd_scope s, const kd_method_input *in) {
    const struct moco *self = config;
    (void)in;
    kd_queue_unit_rows(queue_of(self, s, 1));
    if (self->loss == LOSS_MEAN) {
        kd_queue_unit_rows(queue_of(self, s, 0));
    }
}

/* Asks in both directions. */
static kd_tensor *both_ways(const struct moco *self, kd_scope s, kd_tensor *const *q,
                            kd_tensor *const *k) {
    const kd_queue queue[2] = {queue_of(self, s, 0), queue_of(self, s, 1)};
    kd_tensor *there = compare(self, q[0], k[1], queue[1]);
    kd_tensor *back = compare(self, q[1], k[0], queue[0]);
    kd_tensor *sum = kd_add(pick_first(there), pick_first(back));
    if (self->loss == LOSS_SUM) {
        kd_enqueue(queue[0], kd_concat(k[0], k[1], 0));
        return sum;
    }
    kd_enqueue(queue[0], k[0]);
    kd_enqueue(queue[1], k[1]);
    return kd_scale(sum, 0.5);
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct moco *self = config;
    const bool both = self->loss != LOSS_ONE_WAY;
    const kd_schedule keep = {.shape = KD_SCHEDULE_COSINE,
                              .from = self->keep,
                              .to = self->final_keep,
                              .end = KD_SCHEDULE_END};
    kd_tensor *q[2] = {embed(self, s, in, kd_view_at(in, 0)->images)}, *k[2];
    q[1] = both ? embed(self, s, in, kd_view_at(in, 1)->images) : NULL;
    kd_scope average = kd_child(s, "key");
    kd_follow(average, s, kd_scheduled(average, "keep", keep));
    k[1] = answer(self, s, in, 1);
    k[0] = both ? answer(self, s, in, 0) : NULL;

    kd_tensor *logits = compare(self, q[0], k[1], queue_of(self, s, 1));
    const kd_spec labels = {.dtype = KD_I32, .rank = 1, .dim = {kd_dim(logits, 0)}};
    kd_report(s, "accuracy", kd_accuracy(logits, kd_fill(s, labels, 0)));
    kd_report(s, "spread", kd_spread(q[0]));
    if (both) {
        return both_ways(self, s, q, k);
    }
    kd_enqueue(queue_of(self, s, 1), k[1]);
    return pick_first(logits);
}

static const kd_method_program programs[] = {{"unit_queue", KD_AT_START, false, start}};

KD_METHOD(.min_views = 2, .max_views = 2, .build = build, KD_PROGRAMS(programs))
