/* SPDX-License-Identifier: Apache-2.0
 * A backbone: turns images into features. It describes a graph, once, under the scope it is given. */
#ifndef KINDRED_BACKBONE_H
#define KINDRED_BACKBONE_H

#include <kindred/layers.h>
#include <kindred/plugin.h>

/* What a call gives beside the features. */
typedef struct kd_feature_map {
    const char *name; /* static: "c2" to "c5", "block3", "tokens" */
    kd_tensor *map;   /* [n, h, w, c] or [n, tokens, d] */
} kd_feature_map;

#define KD_MAX_FEATURE_MAPS 32
typedef struct kd_features {
    uint32_t size, n_maps;
    kd_tensor *pooled; /* [n, width] */
    kd_feature_map maps[KD_MAX_FEATURE_MAPS];
} kd_features;

typedef struct kd_backbone {
    uint32_t size, reserved;
    /* images [n, h, w, c], normalised. train: batch statistics and updates; else running ones.
     * Called again in one scope, it shares the parameters. */
    void (*build)(const void *config, kd_scope s, kd_tensor *images, bool train, kd_features *ret);
} kd_backbone;

#define KD_BACKBONE(...) KD_ENTRY(KD_KIND_BACKBONE, kd_backbone, __VA_ARGS__)

#endif
