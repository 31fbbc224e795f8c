/* SPDX-License-Identifier: Apache-2.0
 * PIRL: an image, and the shuffled patches of another view of it, should both be what a memory says
 * of the image, and not of others.
 *
 * source  Misra and van der Maaten 2020, https://arxiv.org/abs/1912.01991, equations 3 to 5;
 *         facebookresearch/vissl losses/nce_loss.py and its pirl configurations. The first view is
 *         the image, the second one is cut into patches: with pairs, two images of one kind. */
#include "jigsaw.h"

#include <math.h>

enum { LOSS_NCE, LOSS_CROSS_ENTROPY };
enum { DRAW_BATCH, DRAW_SAMPLE };
enum { START_RANDOM, START_FEATURES };

struct pirl {
    double temperature, keep, weight;
    int loss, negatives, draw, start;
    int grid, patch;
    int layers, output;
};

KD_PLUGIN(METHOD, "pirl", "1.0.0", struct pirl,
          "agree with a memory of the image, seen whole and as shuffled patches",
          "https://arxiv.org/abs/1912.01991 (facebookresearch/vissl)")
KD_FLOAT(struct pirl, temperature, 0.07, 1e-3, 10, "divides cosines; 0.1 with heads of 2 layers")
KD_FLOAT(struct pirl, keep, 0.5, 0, 1, "how much of a sample's memory a step keeps")
KD_FLOAT(struct pirl, weight, 0.5, 0, 1, "of the patches' loss; the image's has the rest")
KD_CHOICE(struct pirl, loss, "nce", "nce|cross_entropy",
          "nce: each negative by itself, against noise (official); cross_entropy: one among all")
KD_INT(struct pirl, negatives, 32000, 1, 16777216,
       "drawn from the memory, with replacement; as many as there are samples or more: the whole "
       "memory, nothing is drawn")
KD_CHOICE(struct pirl, draw, "batch", "batch|sample",
          "batch: all of a batch share their negatives; sample: each has its own (official; as "
          "many times the memory)")
KD_CHOICE(
    struct pirl, start, "random", "random|features",
    "the memory at first: random directions (official), or what the untrained encoder says of "
    "every sample: for short runs, where a sample's memory has few steps to become its own")
KD_INT(struct pirl, grid, 3, 1, 16, "patches along a side of the second view")
KD_INT(struct pirl, patch, 0, 0, 4096,
       "pixels of a patch's side; 0: 64 of 85 parts of its cell, as 224 px have it")
KD_INT(struct pirl, layers, 1, 1, 2, "of the head of an image or a patch: linear, or with ReLU")
KD_INT(struct pirl, output, 128, 1, 65536, "width of the memory")

/* features [n, width] -> [n, output] */
static kd_tensor *head(const struct pirl *self, kd_scope s, const char *name, kd_tensor *x) {
    return kd_head(s, name, x,
                   (kd_mlp){.layers = self->layers,
                            .output = self->output,
                            .no_norm = true,
                            .hidden_bias = true,
                            .last_bias = true});
}

/* The whole of an image: unit rows [n, output]. */
static kd_tensor *see_image(const struct pirl *self, kd_scope s, const kd_method_input *in) {
    kd_tensor *x = kd_encode(in->encoder, kd_child(s, "encoder"), kd_view_at(in, 0)->images);
    return kd_l2_normalize(head(self, s, "image", x));
}

/* All patches of an image, each encoded by itself: unit rows [n, output]. */
static kd_tensor *see_patches(const struct pirl *self, kd_scope s, const kd_method_input *in) {
    const jigsaw how = {self->grid, self->patch};
    kd_tensor *images = kd_view_at(in, 1)->images;
    kd_tensor *patches = jigsaw_cut(&how, s, images);
    kd_tensor *x = kd_encode(in->encoder, kd_child(s, "encoder"), patches);
    const int64_t n = kd_dim(images, 0), all = self->grid * self->grid * self->output;
    x = KD_RESHAPE(head(self, s, "patch", x), n, all);
    const kd_dense joined = {self->output};
    return kd_l2_normalize(kd_linear(s, "jigsaw", x, joined));
}

typedef struct memory {
    kd_tensor *rows;     /* unit rows [samples, output] */
    kd_tensor *own;      /* those of the batch */
    kd_tensor *constant; /* that probabilities are divided by; NULL until there are scores */
} memory;

/* Cosines of unit rows x [n, output] with rows of the memory, drawn by `stream`: [n, K]. */
static kd_tensor *against(const struct pirl *self, kd_scope s, const memory *m, kd_tensor *x,
                          const char *stream) {
    const int64_t samples = kd_dim(m->rows, 0), k = self->negatives, n = kd_dim(x, 0);
    const int64_t count = self->draw == DRAW_SAMPLE ? n * k : k;
    kd_tensor *key = kd_step_key(s);
    if (k >= samples) {
        return kd_matmul_with(x, m->rows, false, true);
    }
    if (!key) {
        kd_reject(s, "%lld negatives of %lld samples cannot be drawn: this program has no key",
                  (long long)k, (long long)samples);
        return x;
    }
    kd_tensor *u = kd_random(key, kd_stream(stream), 1, &count);
    kd_tensor *rows = kd_gather(m->rows, kd_cast(kd_scale(u, (double)samples), KD_I32));
    if (self->draw == DRAW_BATCH) {
        return kd_matmul_with(x, rows, false, true);
    }
    x = KD_RESHAPE(x, n, 1, self->output);
    rows = KD_RESHAPE(rows, n, k, self->output);
    return KD_RESHAPE(kd_matmul_with(x, rows, false, true), n, k);
}

/* Which of a sample's row and noise is which: scores [n, 1 + K] -> []. What makes probabilities of
 * them is estimated once, by the first scores of all: their mean times the samples.
 * source: Gutmann and Hyvarinen 2010; vissl's NCEAverage and NCECriterion, whose eps this is */
static kd_tensor *nce(kd_scope s, memory *m, kd_tensor *scores) {
    const int64_t samples = kd_dim(m->rows, 0), n = kd_dim(scores, 0), k = kd_dim(scores, 1) - 1;
    const double noise = (double)k / (double)samples, eps = 0x1p-23;
    kd_tensor *e = kd_exp(scores);
    if (!m->constant) {
        kd_tensor *kept =
            kd_state(kd_child(s, "memory"), "constant", (kd_spec){.rank = 0}, (kd_init){.a = 0});
        kd_tensor *now = kd_stop_gradient(kd_scale(kd_mean(e), (double)samples));
        m->constant = kd_where(kd_greater(kept, kd_scalar(s, 0)), kept, now);
        kd_assign(kept, m->constant);
    }
    kd_tensor *p = kd_div(e, m->constant), *all = kd_affine(p, 1, noise + eps);
    kd_tensor *data = kd_log(kd_div(kd_slice(p, 1, 0, 1), kd_slice(all, 1, 0, 1)));
    kd_tensor *others = kd_affine(kd_log(kd_slice(all, 1, 1, 1 + k)), -1, log(noise));
    return kd_scale(kd_add(kd_sum(data), kd_sum(others)), -1 / (double)n);
}

/* How well unit rows x [n, output] find their own row among others. */
static kd_tensor *contrast(const struct pirl *self, kd_scope s, memory *m, kd_tensor *x,
                           const char *stream) {
    const int64_t last = 1;
    kd_tensor *own = kd_sum_axes(kd_mul(x, m->own), &last, 1, true);
    kd_tensor *scores = kd_concat(own, against(self, s, m, x, stream), 1);
    scores = kd_scale(scores, 1 / self->temperature);
    const kd_spec first = {KD_I32, 1, {kd_dim(x, 0)}};
    return self->loss == LOSS_NCE ? nce(s, m, scores)
                                  : kd_cross_entropy(scores, kd_fill(s, first, 0));
}

static memory memory_of(const struct pirl *self, kd_scope s, const kd_method_input *in) {
    kd_scope own = kd_child(s, "memory");
    const double bound = sqrt(3 / (double)self->output);
    const kd_spec spec = {.rank = 2, .dim = {in->samples, self->output}};
    const kd_init even = {.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
    kd_set_rule(own, (kd_rule){.flags = KD_RULE_FROZEN | KD_RULE_UNIT_ROWS});
    kd_tensor *rows = kd_param(own, "rows", spec, even);
    return (memory){rows, kd_gather(rows, in->indices), NULL};
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct pirl *self = config;
    memory m = memory_of(self, s, in);
    kd_tensor *patches = see_patches(self, s, in), *image = see_image(self, s, in);
    kd_tensor *of_patches = contrast(self, s, &m, patches, "pirl.patches");
    kd_tensor *of_image = contrast(self, s, &m, image, "pirl.image");
    kd_tensor *sum = kd_add(kd_scale(m.own, self->keep), kd_scale(image, 1 - self->keep));
    kd_assign(m.rows, kd_scatter_rows(m.rows, in->indices, kd_l2_normalize(sum)));
    kd_report(s, "spread", kd_spread(image));
    return kd_add(kd_scale(of_patches, self->weight), kd_scale(of_image, 1 - self->weight));
}

/* Before the first step: what the untrained encoder says of every sample. */
static void fill(const void *config, kd_scope s, const kd_method_input *in) {
    const struct pirl *self = config;
    if (self->start == START_FEATURES) {
        const memory m = memory_of(self, s, in);
        kd_assign(m.rows, kd_scatter_rows(m.rows, in->indices, see_image(self, s, in)));
    }
}

static const kd_method_program programs[] = {
    {.name = "fill_memory", .when = KD_AT_START, .over_samples = true, .build = fill},
};

KD_METHOD(.min_views = 2, .max_views = 2, .build = build, KD_PROGRAMS(programs))
