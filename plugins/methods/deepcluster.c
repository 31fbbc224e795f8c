/* SPDX-License-Identifier: Apache-2.0
 * DeepCluster v2: at each epoch the set is clustered by what the encoder said of it in the epoch
 * before, and every view predicts its sample's cluster.
 *
 * source  Caron et al. 2020, https://arxiv.org/abs/2006.09882, appendix D;
 *         facebookresearch/swav main_deepclusterv2.py. There the samples that the last epoch's
 *         shuffling left out have no target; here they keep the rows of the epoch before. */
#include "kmeans.h"

enum { MAX_HEADS = 16, MAX_VIEWS = 64 };

struct deepcluster {
    double temperature;
    kd_ints prototypes;
    int iterations, banks;
    int hidden, output;
};

KD_PLUGIN(METHOD, "deepcluster", "2.0.0", struct deepcluster,
          "predict the cluster that a sample had at the start of the epoch",
          "https://arxiv.org/abs/2006.09882 (facebookresearch/swav)")
KD_FLOAT(struct deepcluster, temperature, 0.1, 1e-3, 10, "divides the scores of the clusters")
KD_INTS(struct deepcluster, prototypes, "[500, 500, 500]", 2, 1000000,
        "clusters of each head, at most 4096 on a GPU; 3000 three times on ImageNet")
KD_INT(struct deepcluster, iterations, 10, 1, 1000, "of k-means")
KD_INT(struct deepcluster, banks, 2, 1, 2,
       "views whose embeddings are kept; the heads cluster them by turns")
KD_INT(struct deepcluster, hidden, 2048, 1, 65536, "width of the head's hidden layer")
KD_INT(struct deepcluster, output, 128, 1, 65536, "width of the space that is clustered")

/* The memory of a view: unit rows [samples, output]. */
static kd_tensor *bank(const struct deepcluster *self, kd_scope s, const kd_method_input *in,
                       int64_t view) {
    const kd_spec spec = {.rank = 2, .dim = {in->samples, self->output}};
    return kd_state(kd_child(s, "bank%d", (int)view), "rows", spec, (kd_init){.a = 0});
}

/* Of each sample, the cluster in each head: i32 [samples, heads]. */
static kd_tensor *assignments(const struct deepcluster *self, kd_scope s,
                              const kd_method_input *in) {
    const kd_spec spec = {KD_I32, 2, {in->samples, self->prototypes.count}};
    return kd_state(s, "assignments", spec, (kd_init){.a = 0});
}

/* Centres [clusters, output], unit rows; not trained. */
static kd_tensor *prototypes(const struct deepcluster *self, kd_scope s, int64_t head) {
    const kd_spec spec = {.rank = 2, .dim = {self->prototypes.value[head], self->output}};
    kd_scope own = kd_child(s, "prototypes%d", (int)head);
    kd_set_rule(own, (kd_rule){.flags = KD_RULE_FROZEN | KD_RULE_UNIT_ROWS});
    return kd_param(own, "weight", spec, (kd_init){.kind = KD_INIT_NORMAL, .b = 1});
}

/* Unit rows of views [begin, end), [(end - begin) n, output]. */
static kd_tensor *embed(const struct deepcluster *self, kd_scope s, const kd_method_input *in,
                        uint32_t begin, uint32_t end) {
    const kd_mlp head = {
        .hidden = self->hidden, .output = self->output, .hidden_bias = true, .last_bias = true};
    kd_tensor *x = kd_encode_views(in, kd_child(s, "encoder"), begin, end);
    return kd_l2_normalize(kd_head(s, "projector", x, head));
}

static void remember(const struct deepcluster *self, kd_scope s, const kd_method_input *in,
                     int64_t view, kd_tensor *z) {
    kd_tensor *rows = bank(self, s, in, view);
    kd_assign(rows, kd_scatter_rows(rows, in->indices, z));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct deepcluster *self = config;
    const int64_t heads = self->prototypes.count;
    kd_tensor *z = embed(self, s, in, 0, in->n_views), *loss = kd_scalar(s, 0);
    const int64_t n = kd_dim(z, 0) / in->n_views;
    if (heads < 1 || heads > MAX_HEADS) {
        kd_reject(s, "prototypes: %lld heads; 1 to %d are possible", (long long)heads, MAX_HEADS);
    }
    kd_tensor *clusters = kd_gather(assignments(self, s, in), in->indices);
    for (int64_t h = 0; h < heads; h++) {
        kd_tensor *scores = kd_matmul_with(z, prototypes(self, s, h), false, true),
                  *target[MAX_VIEWS];
        for (uint32_t v = 0; v < in->n_views; v++) {
            target[v] = KD_RESHAPE(kd_slice(clusters, 1, h, h + 1), n);
        }
        kd_tensor *all = kd_concat_all(target, in->n_views, 0);
        kd_tensor *one = kd_cross_entropy(kd_scale(scores, 1 / self->temperature), all);
        loss = kd_add(loss, kd_scale(one, 1 / (double)heads));
    }
    for (int64_t v = 0; v < self->banks; v++) {
        remember(self, s, in, v, kd_slice(z, 0, v * n, (v + 1) * n));
    }
    kd_report(s, "spread", kd_spread(z));
    return loss;
}

/* Before the first step: what the untrained encoder says of every sample. */
static void fill(const void *config, kd_scope s, const kd_method_input *in) {
    const struct deepcluster *self = config;
    for (uint32_t v = 0; v < (uint32_t)self->banks; v++) {
        remember(self, s, in, v, embed(self, s, in, v, v + 1));
    }
}

/* Spherical k-means of one head from random rows of its bank. Sets the head's prototypes; returns
 * the cluster of every sample, i32 [samples, 1]. */
static kd_tensor *cluster(const struct deepcluster *self, kd_scope s, const kd_method_input *in,
                          int64_t head, kd_tensor *key) {
    const int64_t n = in->samples, count = self->prototypes.value[head];
    char stream[32];
    snprintf(stream, sizeof stream, "deepcluster.%d", (int)head);
    kd_tensor *rows = bank(self, s, in, head % self->banks), *first, *of;
    kd_tensor *draw = kd_random(key, kd_stream(stream), 1, &n);
    kd_top_k(draw, count, &draw, &first);
    kd_tensor *centres = kmeans(s, rows, kd_gather(rows, first), self->iterations, &of);
    kd_assign(prototypes(self, s, head), centres);
    return KD_RESHAPE(of, n, 1);
}

static void cluster_all(const void *config, kd_scope s, const kd_method_input *in) {
    const struct deepcluster *self = config;
    kd_tensor *of[MAX_HEADS], *key = kd_step_key(s);
    const int64_t heads = self->prototypes.count < MAX_HEADS ? self->prototypes.count : MAX_HEADS;
    for (int64_t h = 0; h < heads; h++) {
        if (!key || self->prototypes.value[h] > in->samples) {
            kd_reject(s,
                      key ? "prototypes: %lld clusters of %lld samples"
                          : "%lld clusters of %lld samples start from random ones, and nothing "
                            "can be drawn here",
                      (long long)self->prototypes.value[h], (long long)in->samples);
            return;
        }
        of[h] = cluster(self, s, in, h, key);
    }
    kd_assign(assignments(self, s, in), kd_concat_all(of, (uint32_t)heads, 1));
}

static const kd_method_program programs[] = {
    {.name = "fill_memory", .when = KD_AT_START, .over_samples = true, .build = fill},
    {.name = "cluster", .when = KD_AT_EPOCH, .build = cluster_all},
};

KD_METHOD(.min_views = 2, .max_views = MAX_VIEWS, .build = build, KD_PROGRAMS(programs))
