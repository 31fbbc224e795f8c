/* SPDX-License-Identifier: Apache-2.0
 * DINO: a student's view of an image should say what a slowly moving teacher says of the whole.
 *
 * source  Caron et al. 2021, https://arxiv.org/abs/2104.14294, algorithm 1; facebookresearch/dino
 *         main_dino.py: views of one size pass the encoder as one batch, all views the head */
#include <kindred/method.h>
#include <math.h>

enum { TEACHER_VIEWS = 2 }; /* the first two, which show most of the image */

struct dino {
    double keep, final_keep;
    double temperature, teacher_temperature, warmup_temperature;
    int warmup_epochs, freeze_epochs;
    double center_keep;
    int layers, hidden, bottleneck, output;
    bool norm, norm_last_layer;
};

KD_PLUGIN(METHOD, "dino", "1.0.0", struct dino,
          "match a moving average's centred distribution over many views; no labels",
          "https://arxiv.org/abs/2104.14294 (facebookresearch/dino)")
KD_FLOAT(struct dino, keep, 0.996, 0, 1,
         "how much of the teacher a step keeps, at the start: 0.996 for batches of 1024, 0.9995 "
         "for 256")
KD_FLOAT(struct dino, final_keep, 1, 0, 1, "the same at the end, along a cosine")
KD_FLOAT(struct dino, temperature, 0.1, 1e-3, 10, "divides the student's scores")
KD_FLOAT(struct dino, teacher_temperature, 0.04, 1e-3, 10,
         "divides the teacher's, after the warm-up: 0.04 to 0.07; lower against collapse to even")
KD_FLOAT(struct dino, warmup_temperature, 0.04, 1e-3, 10, "the same in the first epoch")
KD_INT(struct dino, warmup_epochs, 0, 0, 1000000,
       "the teacher's temperature goes from one to the other in so many epochs, and holds its "
       "value for an epoch; 30 or 50 with 0.04 to 0.07")
KD_INT(struct dino, freeze_epochs, 1, 0, 1000000, "the last layer stands still for so long")
KD_FLOAT(struct dino, center_keep, 0.9, 0, 1, "how much of the centre a step keeps")
KD_INT(struct dino, layers, 3, 1, 8, "of the head, before its last one")
KD_INT(struct dino, hidden, 2048, 1, 65536, "width of the head's hidden layers")
KD_INT(struct dino, bottleneck, 256, 1, 65536, "width that the last layer reads")
KD_INT(struct dino, output, 4096, 2, 1000000,
       "width of the distribution: 65536 on ImageNet, 4096 in solo-learn on CIFAR")
KD_BOOL(struct dino, norm, false, "batch norm in the head (use_bn_in_head; released ResNet-50)")
KD_BOOL(struct dino, norm_last_layer, true,
        "the last layer's rows stay of length 1; false: lengths are trained (ViT-S of 300 epochs)")

/* Rows of unit length, times a trained length where asked for: torch's weight_norm. */
static kd_tensor *last_layer(const struct dino *self, kd_scope s, kd_tensor *x) {
    const double bound = 1 / sqrt((double)self->bottleneck);
    const kd_init even = {.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
    const kd_spec rows = {.rank = 2, .dim = {self->output, self->bottleneck}};
    const kd_spec lengths = {.rank = 2, .dim = {self->output, 1}};
    kd_tensor *w = kd_l2_normalize(kd_param(s, "weight_v", rows, even));
    if (!self->norm_last_layer) {
        w = kd_mul(w, kd_param(s, "weight_g", lengths, (kd_init){.a = 1}));
    }
    kd_tensor *const operands[] = {kd_cast(x, KD_COMPUTE), kd_cast(w, KD_COMPUTE)};
    return kd_emit("matmul", operands, 2,
                   (kd_attr[]){KD_I("transpose_b", 1), KD_I("native", 1), KD_I("dtype", KD_REAL)},
                   3);
}

/* The raw scores of views [0, count): [count n, output]. */
static kd_tensor *scores(const struct dino *self, kd_scope encoder, kd_scope head,
                         const kd_method_input *in, uint32_t count) {
    const kd_mlp mlp = {.layers = self->layers,
                        .hidden = self->hidden,
                        .output = self->bottleneck,
                        .no_norm = !self->norm,
                        .hidden_bias = true,
                        .last_bias = true,
                        .gelu = true,
                        .init_std = 0.02};
    kd_tensor *x = kd_head(head, "mlp", kd_encode_views(in, encoder, 0, count), mlp);
    return last_layer(self, kd_child(head, "last_layer"), kd_l2_normalize(x));
}

/* One value an epoch, evenly from the first to the last of the warm-up. */
static kd_tensor *teacher_temperature(const struct dino *self, kd_scope s) {
    const int epochs = self->warmup_epochs;
    const kd_schedule schedule = {.flags = KD_SCHEDULE_PER_EPOCH,
                                  .from = epochs > 0 ? self->warmup_temperature
                                                     : self->teacher_temperature,
                                  .to = self->teacher_temperature,
                                  .begin = epochs == 1,
                                  .end = epochs > 1 ? epochs - 1 : epochs};
    return kd_scheduled(s, "teacher_temperature", schedule);
}

/* The teacher's distributions [2 n, output] from its raw scores, whose mean the centre goes after:
 * equation 4. */
static kd_tensor *targets(const struct dino *self, kd_scope s, kd_tensor *raw) {
    const int64_t width = self->output, rows = 0;
    kd_tensor *center = kd_state(s, "center", (kd_spec){.rank = 1, .dim = {width}}, (kd_init){0});
    kd_tensor *p = kd_softmax(kd_div(kd_sub(raw, center), teacher_temperature(self, s)));
    kd_tensor *mean = kd_scale(kd_sum_axes(raw, &rows, 1, false), 1 / (double)kd_dim(raw, 0));
    kd_assign(center,
              kd_add(kd_scale(center, self->center_keep), kd_scale(mean, 1 - self->center_keep)));
    return p;
}

/* Mean entropy of rows: ln(width) when the teacher says nothing, 0 when always the same. */
static kd_tensor *entropy(kd_scope s, kd_tensor *p) {
    kd_tensor *log_p = kd_log(kd_maximum(p, kd_scalar(s, 1e-30)));
    return kd_scale(kd_sum(kd_mul(p, log_p)), -1 / (double)kd_dim(p, 0));
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct dino *self = config;
    kd_scope student = kd_child(s, "student"), encoder = kd_child(s, "encoder");
    kd_scope head = kd_child(s, "head"), student_head = kd_child(student, "head");
    kd_scope student_encoder = kd_child(student, "encoder");
    const int64_t frozen = self->freeze_epochs * in->epoch_steps;
    kd_set_rule(kd_child(student_head, "last_layer"),
                (kd_rule){.active = kd_switched(s, "last_layer_active", frozen)});
    kd_tensor *logits = scores(self, student_encoder, student_head, in, in->n_views);

    const kd_schedule keep = {.shape = KD_SCHEDULE_COSINE,
                              .from = self->keep,
                              .to = self->final_keep,
                              .end = KD_SCHEDULE_END};
    kd_tensor *kept = kd_scheduled(s, "keep", keep);
    kd_follow(encoder, student_encoder, kept);
    kd_follow(head, student_head, kept);
    kd_tensor *raw = scores(self, encoder, head, in, TEACHER_VIEWS);
    kd_tensor *p = targets(self, s, raw);
    kd_report(s, "teacher_entropy", entropy(s, p));
    kd_report(s, "spread", kd_spread(raw));
    return kd_swapped_cross_entropy(kd_scale(logits, 1 / self->temperature), p,
                                    kd_dim(raw, 0) / TEACHER_VIEWS);
}

KD_METHOD(.min_views = 2, .max_views = 64, .build = build)
