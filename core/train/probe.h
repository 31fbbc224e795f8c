/* SPDX-License-Identifier: Apache-2.0
 * The online probe: a linear classifier of the encoder's features, trained beside the run. */
#ifndef CORE_TRAIN_PROBE_H
#define CORE_TRAIN_PROBE_H

#include <kindred/method.h>

typedef struct online_probe {
    double lr; /* 0: there is none */
    int32_t classes;
} online_probe;

/* Adds the classifier and its own update to a step: a linear layer over the encoder's pooled
 * features of the first view, taken as evals take them (eval mode) from what the encoder is before
 * the step, standardised over the batch; SGD with momentum 0.9. No gradient leaves it, and all it
 * keeps are states under the scope "probe", so that nothing else of the step changes. Reports
 * "probe_loss" and "probe_accuracy", of the batch before its update.
 *
 * s     the root
 * in    as the method was given it, with labels; the method has been built
 * source  the online linear evaluation of Chen et al. 2020, https://arxiv.org/abs/2002.05709, and
 *         solo-learn, which use the features of training mode */
void probe_build(kd_scope s, const kd_method_input *in, const online_probe *p);

#endif
