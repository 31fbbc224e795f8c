/* SPDX-License-Identifier: Apache-2.0
 * A classifier whose weights are states: the optimizer of the run, its gradient norm and its
 * checkpointed moments know nothing of it. */
#include "train/probe.h"

static const double momentum = 0.9;

/* momentum = 0.9 momentum + gradient; weight -= lr momentum */
static void descend(kd_scope s, const char *name, kd_tensor *weight, kd_tensor *gradient,
                    double lr) {
    kd_tensor *moment = kd_state(kd_child(s, "momentum"), name, kd_spec_of(weight), (kd_init){0});
    kd_tensor *now = kd_add(kd_scale(moment, momentum), gradient);
    kd_assign(moment, now);
    kd_assign(weight, kd_sub(weight, kd_scale(now, lr)));
}

static kd_tensor *mean_of_rows(kd_tensor *x) {
    const int64_t rows = 0;
    return kd_scale(kd_sum_axes(x, &rows, 1, true), 1 / (double)kd_dim(x, 0));
}

/* x [n, d] with mean 0 and variance 1 over the batch: no rate suits the features of all methods. */
static kd_tensor *standardise(kd_tensor *x) {
    kd_tensor *centred = kd_sub(x, mean_of_rows(x));
    kd_tensor *variance = mean_of_rows(kd_mul(centred, centred));
    return kd_div(centred, kd_sqrt(kd_affine(variance, 1, 1e-5)));
}

void probe_build(kd_scope s, const kd_method_input *in, const online_probe *p) {
    kd_features features = {.size = sizeof features};
    kd_scope own = kd_child(s, "probe");
    in->encoder->encode(in->encoder, kd_child(s, "encoder"), kd_view_at(in, 0)->images, false,
                        &features);
    kd_tensor *x = standardise(kd_stop_gradient(kd_cast(features.pooled, KD_REAL)));
    const int64_t width = kd_dim(x, 1), classes = p->classes;
    kd_tensor *variable[] = {
        kd_state(own, "weight", (kd_spec){KD_REAL, 2, {classes, width}}, (kd_init){0}),
        kd_state(own, "bias", (kd_spec){KD_REAL, 2, {1, classes}}, (kd_init){0}),
    };
    kd_tensor *logits = kd_add(kd_matmul_with(x, variable[0], false, true), variable[1]);
    kd_tensor *loss = kd_cross_entropy(logits, in->labels), *gradient[2];
    s->api->gradients(loss, variable, 2, gradient);
    descend(own, "weight", variable[0], gradient[0], p->lr);
    descend(own, "bias", variable[1], gradient[1], p->lr);
    kd_report(s, "probe_loss", loss);
    kd_report(s, "probe_accuracy", kd_accuracy(logits, in->labels));
}
