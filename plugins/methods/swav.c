/* SPDX-License-Identifier: Apache-2.0
 * SwAV: views of an image predict each other's codes, soft assignments to prototypes that are kept
 * spread evenly over the batch.
 *
 * source  Caron et al. 2020, https://arxiv.org/abs/2006.09882; facebookresearch/swav main_swav.py:
 *         views of one size pass the encoder as one batch, all views the head */
#include <kindred/method.h>
#include <kindred/queue.h>

#include <math.h>

enum { ROWS_UNIT, ROWS_WEIGHT_NORM, ROWS_BIASED };
enum { QUEUE_LATE, QUEUE_EARLY };
enum { OWNERS = 2 }; /* codes are those of the first two views */

struct swav {
    double temperature, epsilon;
    int iterations, prototypes, rows;
    int freeze_epochs, freeze_steps;
    int queue, queue_epochs, queue_fill;
    int hidden, output;
};

KD_PLUGIN(METHOD, "swav", "1.0.0", struct swav,
          "predict another view's soft assignment to prototypes; no negatives",
          "https://arxiv.org/abs/2006.09882 (facebookresearch/swav)")
KD_FLOAT(struct swav, temperature, 0.1, 1e-3, 10, "divides the scores that predict a code")
KD_FLOAT(struct swav, epsilon, 0.05, 1e-3, 10,
         "divides the scores that make a code: lower is sharper; 0.03 or less against collapse")
KD_INT(struct swav, iterations, 3, 1, 100, "rounds of Sinkhorn-Knopp")
KD_INT(struct swav, prototypes, 500, 2, 1000000, "how many; 3000 on ImageNet")
KD_CHOICE(struct swav, rows, "unit", "unit|weight_norm|biased",
          "prototypes: unit: of length 1 after every update (official); weight_norm: divided by "
          "their length in the graph (solo-learn); biased: unit, with a trained bias (lightly)")
KD_INT(struct swav, freeze_epochs, 1, 0, 1000000,
       "prototypes stand still for so long: 313 steps of 4096 and 5005 of 256 are 1 epoch of "
       "ImageNet; 2 in solo-learn")
KD_INT(struct swav, freeze_steps, 0, 0, 2000000000, "or for so many steps; the longer holds")
KD_INT(
    struct swav, queue, 0, 0, 10000000,
    "rows of earlier batches that take part in making codes, for each of the two views; 3840 for "
    "batches of 256")
KD_INT(struct swav, queue_epochs, 15, 0, 1000000, "from this epoch on")
KD_CHOICE(struct swav, queue_fill, "late", "late|early",
          "late: the queue begins to fill at that epoch, and is used when full (official); early: "
          "it fills from the start, and is used at that epoch (solo-learn)")
KD_INT(struct swav, hidden, 2048, 1, 65536, "width of the head's hidden layer")
KD_INT(struct swav, output, 128, 1, 65536, "width of the space that prototypes lie in")

typedef struct prototypes {
    kd_tensor *rows; /* [prototypes, output] */
    kd_tensor *bias; /* [prototypes], or NULL */
} prototypes;

static prototypes prototypes_of(const struct swav *self, kd_scope s, const kd_method_input *in) {
    const double bound = 1 / sqrt((double)self->output);
    const kd_init even = {.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
    const kd_spec rows = {.rank = 2, .dim = {self->prototypes, self->output}};
    const kd_spec bias = {.rank = 1, .dim = {self->prototypes}};
    const int64_t epochs = self->freeze_epochs * in->epoch_steps;
    const int64_t until = epochs > self->freeze_steps ? epochs : self->freeze_steps;
    const kd_rule rule = {.active = kd_switched(s, "prototypes_active", until)};
    kd_rule unit = rule;
    unit.flags = self->rows == ROWS_WEIGHT_NORM ? 0 : KD_RULE_UNIT_ROWS;
    kd_scope own = kd_child(s, "prototypes"), offset = kd_child(s, "prototype_bias");
    kd_set_rule(own, unit);
    prototypes p = {kd_param(own, "weight", rows, even), NULL};
    if (self->rows == ROWS_WEIGHT_NORM) {
        p.rows = kd_l2_normalize(p.rows);
    } else if (self->rows == ROWS_BIASED) {
        kd_set_rule(offset, rule);
        p.bias = kd_param(offset, "bias", bias, even);
    }
    return p;
}

/* unit rows z [rows, output] -> [rows, prototypes] */
static kd_tensor *score(const prototypes *p, kd_tensor *z) {
    kd_tensor *scores = kd_matmul_with(z, p->rows, false, true);
    return p->bias ? kd_add(scores, p->bias) : scores;
}

/* Each column divided by its sum, then each row: scores [rows, prototypes] -> codes, rows that sum
 * to 1. What the paper's marginals multiply by cancels in the next division. taken [rows, 1]: 0
 * where a row takes no part; or NULL. source: section 3.1, algorithm 1 */
static kd_tensor *sinkhorn(const struct swav *self, kd_scope s, kd_tensor *scores,
                           kd_tensor *taken) {
    kd_tensor *from_top = kd_sub(scores, kd_max_axes(scores, NULL, 0, false));
    kd_tensor *q = kd_exp(kd_scale(from_top, 1 / self->epsilon)), *tiny = kd_scalar(s, 1e-30);
    q = taken ? kd_mul(q, taken) : q;
    for (int i = 0; i < self->iterations; i++) {
        for (int64_t axis = 0; axis < 2; axis++) {
            q = kd_div(q, kd_maximum(kd_sum_axes(q, &axis, 1, true), tiny));
        }
    }
    return q;
}

/* Codes of a view: of its rows z [n, output], which have these scores [n, prototypes]. */
static kd_tensor *codes(const struct swav *self, kd_scope s, const kd_method_input *in,
                        const prototypes *p, int view, kd_tensor *z, kd_tensor *scores) {
    const int64_t n = kd_dim(z, 0), length = self->queue;
    if (!length) {
        return sinkhorn(self, s, scores, NULL);
    }
    const int64_t full = (length + n - 1) / n, start = self->queue_epochs * in->epoch_steps;
    const int64_t early = start > full ? start : full;
    kd_tensor *used =
        kd_switched(s, "queue_used", self->queue_fill == QUEUE_LATE ? start + full : early);
    const kd_queue queue = kd_queue_of(s, view ? "queue1" : "queue0", length, self->output);
    kd_tensor *taken = kd_concat(kd_broadcast(KD_RESHAPE(used, 1, 1), 2, (int64_t[]){length, 1}),
                                 kd_fill(s, (kd_spec){.rank = 2, .dim = {n, 1}}, 1), 0);
    scores = kd_concat(kd_mul(score(p, queue.rows), used), scores, 0);
    kd_enqueue(queue, z);
    return kd_slice(sinkhorn(self, s, scores, taken), 0, length, length + n);
}

/* Share of the prototypes that are some row's largest. */
static kd_tensor *used_share(kd_scope s, kd_tensor *q) {
    const int64_t rows = kd_dim(q, 0), count = kd_dim(q, 1), first = 0;
    kd_tensor *best = KD_RESHAPE(kd_argmax(q), rows, 1);
    kd_tensor *hit = kd_equal(best, KD_RESHAPE(kd_range(s, 0, count), 1, count));
    return kd_mean(kd_max_axes(kd_cast(hit, KD_REAL), &first, 1, false));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct swav *self = config;
    const kd_mlp head = {
        .hidden = self->hidden, .output = self->output, .hidden_bias = true, .last_bias = true};
    kd_tensor *x = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
    kd_tensor *z = kd_l2_normalize(kd_head(s, "projector", x, head));
    const int64_t n = kd_dim(z, 0) / in->n_views;
    const prototypes p = prototypes_of(self, s, in);
    kd_tensor *scores = score(&p, z), *q[OWNERS];
    for (int i = 0; i < OWNERS; i++) {
        q[i] = codes(self, s, in, &p, i, kd_slice(z, 0, i * n, (i + 1) * n),
                     kd_slice(scores, 0, i * n, (i + 1) * n));
    }
    kd_report(s, "spread", kd_spread(z));
    kd_report(s, "codes_used", used_share(s, q[0]));
    return kd_swapped_cross_entropy(kd_scale(scores, 1 / self->temperature),
                                    kd_concat_all(q, OWNERS, 0), n);
}

KD_METHOD(.min_views = 2, .max_views = 64, .build = build)
